"""The npm package: its size, its bytes, and how its source is shortened."""

from __future__ import annotations

import gzip
import io
import json
import tarfile

import pytest

from supply import npm


def test_modules_are_small_and_say_so(capsys: pytest.CaptureFixture[str]) -> None:
    scripts = {name: text for name, text in npm.files().items() if name.endswith(".js")}
    sizes = {name: len(gzip.compress(text.encode(), 9, mtime=0)) for name, text in scripts.items()}
    assert sizes.keys() == npm.BYTES.keys()
    assert {name: size for name, size in sizes.items() if size > npm.BYTES[name]} == {}
    assert (npm.BYTES["index.js"], npm.BYTES["stream.js"]) == (5 * 1024, 1024)
    npm.main()
    printed = capsys.readouterr().out
    for name, size in sizes.items():
        assert f"{name:<12} {size:>6} bytes compressed" in printed


def test_package_has_the_same_bytes_each_time_and_all_that_it_names() -> None:
    contents = npm.files()
    assert npm.packed(contents) == npm.packed(dict(reversed(contents.items())))
    about = json.loads(contents["package.json"])
    paths = {path for entry in about["exports"].values() for path in entry.values()}
    assert {path.removeprefix("./") for path in paths} | {"LICENSE"} <= contents.keys()
    with tarfile.open(fileobj=io.BytesIO(npm.packed(contents))) as archive:
        assert set(archive.getnames()) == {f"package/{name}" for name in contents}


@pytest.mark.parametrize(
    ("source", "short"),
    [
        ("a + b; // words\nreturn x;", "a+b;return x;"),
        ('const a = "b  // c";', 'let a="b  // c";'),
        ("`a ${b}  c`", "`a ${b}  c`"),
        ("a - -b; a+ +b", "a- -b;a+ +b"),
        ("/* a\n b */ if (x) { y(); }", "if(x){y()}"),
        (
            "class A { #b = 1; get c() { return this.#b; } }",
            "class A{#b=1;get c(){return this.#b}}",
        ),
        ("f((each) => each * 10.5, [a,],);", "f(each=>each*10.5,[a,]);"),
        ("async (each) => { return true; };", "async(each)=>{return!0};"),
        ("for (;;) { x = { a: 0.5, }; }", "for(;;){x={a:.5}}"),
    ],
)
def test_source_is_squeezed_and_means_the_same(source: str, short: str) -> None:
    assert npm.squeezed(source) == short


def test_private_fields_get_short_names() -> None:
    assert npm.shortened("#long; this.#seldom; this.#long") == "#a; this.#b; this.#a"


def test_variables_get_letters_that_nothing_else_has() -> None:
    source = 'let TWO=["one"];class A{#B=TWO}a.two+two({more});function two(more){}'
    names = ["TWO", "one", "two", "more"]
    short = 'let b=["one"];class A{#B=b}a.two+two({more});function two(more){}'
    assert npm.with_short_names(source, names) == short
    assert npm.with_short_names("let one=1;f(one)", ["one"]) == "let a=1;f(a)"
    assert npm.with_short_names("let one=[...one,`${one}`]", ["one"]) == "let a=[...a,`${a}`]"
    assert npm.with_short_names("f(one);{two=one}", ["two", "one"]) == "f(a);{two=a}"


@pytest.mark.parametrize(
    "source",
    [
        "a.name",
        "a?.name",
        "{name}",
        "{a,name}",
        "{name:a}",
        "{name=1}=a",
        "class A{name(a){}}",
        "class A{get name(){}}",
        "class A{async name(){}}",
        'a("the name")',
        "`the name ${a}`",
    ],
)
def test_names_of_fields_methods_and_texts_stay(source: str) -> None:
    assert "name" in npm.fields(source)


@pytest.mark.parametrize("source", ["f(name)", "f(a,name,b)", "[...name]", "`${name}`", "#name"])
def test_other_names_are_those_of_variables(source: str) -> None:
    assert "name" not in npm.fields(source)


def test_variables_are_those_that_are_declared_one_by_one() -> None:
    source = "let one=1;for(let two of a){}three=>1;m(four,five){}if(six){}f(seven);(b,eight)=>1"
    assert npm.variables(source) == ["one", "two", "three", "four", "five", "b", "eight"]


def test_constants_that_stand_for_numbers_are_numbers() -> None:
    assert (
        npm.with_numbers("let ONE_A=.5;let B=2;f(ONE_A,#ONE_A,x.ONE_A)")
        == "let B=2;f(.5,#ONE_A,x.ONE_A)"
    )
