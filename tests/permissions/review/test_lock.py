"""The lock keeps what was accepted, a line for each field; one that cannot be used says so."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from permissions.review import lock
from permissions.review.catalogue import catalogue
from permissions.review.comparing import compare
from permissions.review.entries import Type
from permissions.review.forms import NoForm, decode, encode
from permissions.review.lock import UnusableLock, dumps, loads, read, write
from permissions.review.verdict import lines

ROOT = Path(__file__).parents[3]
OURS = {"lock": "earshot.audiences", "format": 1, "models": {}}
SHOWN = {"permission": "p", "fields": {}}


def test_projects_own_lock_is_what_is_declared() -> None:
    assert compare(read(ROOT / "audiences.lock.json"), catalogue()) == []


def test_lock_is_read_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "audiences.lock.json"
    write(path, catalogue())
    assert compare(read(path), catalogue()) == []
    assert dumps(read(path)) == path.read_text() == dumps(catalogue())
    assert list(tmp_path.iterdir()) == [path]


def test_field_is_one_line_and_places_are_left_out() -> None:
    text = dumps(catalogue())
    [line] = [line for line in text.splitlines() if line.strip().startswith('"budget": {')]
    assert json.loads("{" + line.strip().rstrip(",") + "}")["budget"]["sensitivity"] == "secret"
    assert "where" not in text
    placed = loads(dumps(catalogue(), places=True))
    assert placed == catalogue()


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "is damaged"),
        ("[" * 10**6, "is damaged (it is nested too deeply)"),
        ("\ufeff" + json.dumps(OURS), "is damaged (Unexpected UTF-8 BOM"),
        (json.dumps(OURS) + "\n>>>>>>> theirs", "is damaged (Extra data"),
        (json.dumps(OURS)[:-1] + ', "models": {}}', "'models' is there twice"),
        ('{"lock": "earshot.audiences", "format": ' + "9" * 5_000 + "}", "is damaged (Exceeds"),
        ('{"lock": "earshot.audiences", "format": NaN}', "does not say its format"),
        ("{", "is damaged"),
        ("[]", "is no lock of audiences"),
        ('{"lockfileVersion": 3}', "is no lock of audiences"),
        (json.dumps({"lock": "earshot.audiences"}), "does not say its format"),
        (json.dumps(OURS | {"format": True}), "does not say its format"),
        (json.dumps(OURS | {"format": 0}), "is of an older release"),
        (json.dumps(OURS | {"format": 2}), "is of a newer release"),
        (json.dumps(OURS | {"models": None}), "is damaged (models is not an object)"),
        (json.dumps(OURS | {"models": {"a.b": []}}), "models/a.b is not an object"),
        (json.dumps(OURS | {"models": {"a.b": {}}}), "is not Entry with 'audiences'"),
        (json.dumps(OURS | {"models": {"a.b": {"audiences": {}, "x": 1}}}), "a.b/x is not a part"),
        (
            json.dumps(OURS | {"models": {"a.b": {"audiences": {"v": {**SHOWN, "grants": 1}}}}}),
            "v/grants is not bool",
        ),
        (
            json.dumps(OURS | {"models": {"a.b": {"audiences": {}, "holders": {"owner": "x"}}}}),
            "a.b gives audiences that it has not",
        ),
        ('{"lock": "earshot.audiences", "format": 1, "format": 1}', "'format' is there twice"),
        ("<<<<<<< HEAD\n{}", "has the marks of a merge"),
    ],
)
def test_lock_that_cannot_be_used_says_why_and_what_to_do(text: str, why: str) -> None:
    with pytest.raises(UnusableLock) as refused:
        loads(text)
    said = str(refused.value)
    assert why in said
    assert said.startswith("audiences.lock.json ")
    assert "manage.py review --accept" in said
    assert "\n" not in said


def test_lock_that_is_not_there_or_cannot_be_read_says_so(tmp_path: Path) -> None:
    with pytest.raises(UnusableLock, match="is not there: look at"):
        read(tmp_path / "audiences.lock.json")
    with pytest.raises(UnusableLock, match="is no file: look at"):
        read(tmp_path)
    with pytest.raises(UnusableLock, match="is no file: look at"):
        read(Path(os.devnull))
    with pytest.raises(UnusableLock, match=r"cannot be read \(OSError\)"):
        read(tmp_path / ("x" * 300))
    (tmp_path / "bytes").write_bytes(b"\xff\xfe")
    with pytest.raises(UnusableLock, match=r"cannot be read \(UnicodeDecodeError\)"):
        read(tmp_path / "bytes")


def test_file_that_is_larger_than_any_lock_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "audiences.lock.json"
    write(path, {})
    monkeypatch.setattr(lock, "MOST", path.stat().st_size - 1)
    with pytest.raises(UnusableLock, match="is larger than any lock: look at"):
        read(path)


def test_link_to_a_lock_is_followed_and_stays(tmp_path: Path) -> None:
    real, link = tmp_path / "real.json", tmp_path / "audiences.lock.json"
    link.symlink_to(real)
    with pytest.raises(UnusableLock, match="is not there"):
        read(link)
    write(link, catalogue())
    assert link.is_symlink()
    assert compare(read(real), catalogue()) == []


def test_lock_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    with pytest.raises(UnusableLock, match=r"cannot be written \(FileNotFoundError\): name a file"):
        write(tmp_path / "none" / "audiences.lock.json", {})


def test_edited_digest_is_told_as_an_edit_and_order_of_models_does_not_count() -> None:
    data = json.loads(dumps(catalogue()))
    backwards = dict(reversed(data["models"].items()))
    assert compare(loads(json.dumps(data | {"models": backwards})), catalogue()) == []
    code = data["models"]["resources.document"]["code"]
    code[next(iter(code))] = "0" * 16
    [edit] = compare(loads(json.dumps(data)), catalogue())
    assert (edit.rule, edit.widens) == ("code", True)


def test_name_in_a_lock_moves_no_cursor_and_begins_no_line() -> None:
    name = "a.b\n\x1b[2Jall is well\ud800"
    old = loads(json.dumps(OURS | {"models": {name: {"audiences": {}}}}))
    [line] = lines(compare(old, {}))
    assert line == (r"narrower  a.b\n\x1b[2Jall is well\ud800: is not declared any more.")


@pytest.mark.parametrize(
    "value", [Type("text"), Type("text", 5), Type("choice", None, ("a", "b")), Type("")]
)
def test_values_come_back_as_they_were(value: Any) -> None:
    assert decode(Type, encode(value)) == value


@pytest.mark.parametrize(
    ("data", "path"),
    [
        ({"kind": 5}, "kind"),
        ({"kind": "text", "size": "5"}, "size"),
        ({"kind": "text", "size": True}, "size"),
        ({"kind": "text", "choices": "ab"}, "choices"),
        ({"kind": "text", "choices": [1]}, "choices"),
        ({"size": 5}, ""),
    ],
)
def test_what_is_no_type_is_refused_where_it_stands(data: Any, path: str) -> None:
    with pytest.raises(NoForm) as refused:
        decode(Type, data)
    assert refused.value.path == path


def test_nothing_is_a_size() -> None:
    assert decode(Type, {"kind": "text", "size": None}) == Type("text")
