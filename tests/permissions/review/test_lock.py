"""The lock keeps what was accepted, a line for each field; one that cannot be used says so."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from permissions.review.catalogue import catalogue
from permissions.review.comparing import compare
from permissions.review.entries import Type
from permissions.review.forms import NoForm, decode, encode
from permissions.review.lock import UnusableLock, dumps, loads, read, write

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
    with pytest.raises(UnusableLock, match=r"cannot be read \(IsADirectoryError\)"):
        read(tmp_path)
    (tmp_path / "bytes").write_bytes(b"\xff\xfe")
    with pytest.raises(UnusableLock, match=r"cannot be read \(UnicodeDecodeError\)"):
        read(tmp_path / "bytes")


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
