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


def test_outermost_names_get_letters_that_nothing_else_has() -> None:
    source = 'let TWO=["one"];class A{#B=TWO}a.two+two({more});function two(more){}'
    names = ["TWO", "one", "two", "more"]
    short = 'let B=["one"];class A{#B=B}a.two+two({more});function two(more){}'
    assert npm.with_short_names(source, names) == short
    assert npm.with_short_names("let one=1;f(one)", ["one"]) == "let A=1;f(A)"


def test_constants_that_stand_for_numbers_are_numbers() -> None:
    assert (
        npm.with_numbers("let ONE_A=.5;let B=2;f(ONE_A,#ONE_A,x.ONE_A)")
        == "let B=2;f(.5,#ONE_A,x.ONE_A)"
    )
