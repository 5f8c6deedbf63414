"""Frames of clients as commands; their whole table is in `tests/test_conformance.py`."""

import json
import string
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from realtime.state.commands import (
    MAX_ETAG,
    MAX_REF,
    CloseWindow,
    Command,
    InvalidFrame,
    OpenWindow,
    Ping,
    Subscribe,
    Target,
    Unsubscribe,
)
from realtime.state.messages import Reference
from realtime.transport.parsing import is_reference, parse
from resources.models import Document, Profile
from tenants import opaque

MODEL = "resources.document"
ID = opaque.encode(Document, 7)
TARGET = Target(MODEL, ID, 7)


def refused(frame: Any) -> InvalidFrame:
    with pytest.raises(InvalidFrame) as raised:
        parse(frame if isinstance(frame, str) else json.dumps(frame))
    return raised.value


def test_subscribe_is_what_a_frame_without_action_means() -> None:
    frame: dict[str, Any] = {"model": MODEL, "id": ID}
    assert parse(json.dumps(frame)) == Subscribe(TARGET, None, None)
    frame |= {"action": "subscribe", "etag": " e ", "ref": 5}
    assert parse(json.dumps(frame)) == Subscribe(TARGET, " e ", 5)


def test_unsubscribe_and_ping_have_their_refs() -> None:
    frame: dict[str, Any] = {"action": "unsubscribe", "model": MODEL, "id": ID}
    assert parse(json.dumps(frame)) == Unsubscribe(TARGET, None)
    assert parse(json.dumps(frame | {"ref": "r"})) == Unsubscribe(TARGET, "r")
    assert parse('{"action":"ping"}') == Ping(None)
    assert parse(b'{"action":"ping","ref":0}') == Ping(0)


@pytest.mark.parametrize("action", ["subscribe", "unsubscribe"])
@pytest.mark.parametrize("id", ["", " ", ID + " ", "\0", ID[:-1], opaque.encode(Profile, 7), "é"])
def test_id_that_is_none_stays_as_it_was_sent(action: str, id: str) -> None:
    command = parse(json.dumps({"action": action, "model": MODEL, "id": id}))
    assert isinstance(command, Subscribe | Unsubscribe)
    assert command.target == Target(MODEL, id, None)


def test_refused_frame_echoes_its_ref_only_if_it_may_have_one() -> None:
    assert refused({"action": "dance", "ref": "r"}).ref == "r"
    assert refused({"model": MODEL, "ref": 3}).ref == 3
    assert refused({"model": MODEL, "id": ID, "extra": 1, "ref": 3}).ref == 3
    assert refused({"action": "ping", "ref": "x" * 65}).ref is None
    assert refused("[").ref is None


@pytest.mark.parametrize(
    "model", ["", f" {MODEL}", f"{MODEL} ", MODEL.upper(), "earshot_tenants.user"]
)
def test_label_that_is_not_exactly_a_declared_one_is_refused(model: str) -> None:
    assert refused({"model": model, "id": ID}).detail == "model: Unknown model."


@pytest.mark.parametrize("value", [True, 1.0, None, [], {}, "x" * 65, MAX_REF + 1, -MAX_REF - 1])
def test_other_values_are_no_references(value: Any) -> None:
    assert not is_reference(value)


@given(st.one_of(st.text(max_size=64), st.integers(-MAX_REF, MAX_REF)))
def test_references_are_kept_as_they_are(ref: Reference) -> None:
    assert is_reference(ref)
    assert parse(json.dumps({"action": "ping", "ref": ref})) == Ping(ref)


scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(string.printable, max_size=9),
)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=6,
)
keys = st.sampled_from(["action", "model", "id", "etag", "ref", "other"])
likely = st.sampled_from([MODEL, ID, "ping", "subscribe", "unsubscribe"])


def outcome(text: str) -> Command | InvalidFrame:
    try:
        return parse(text)
    except InvalidFrame as invalid:
        return invalid


@given(st.one_of(values, st.dictionaries(keys, st.one_of(likely, values))))
def test_any_json_is_a_command_or_refused_with_its_ref(frame: Any) -> None:
    ref = frame.get("ref") if isinstance(frame, dict) else None
    assert outcome(json.dumps(frame)).ref == (ref if is_reference(ref) else None)


@given(st.text())
def test_any_text_is_a_command_or_refused_in_a_line(text: str) -> None:
    said = outcome(text)
    assert not isinstance(said, InvalidFrame) or "\n" not in str(said)


@pytest.mark.parametrize(("length", "kept"), [(64, True), (65, False), (15_900, False)])
def test_etag_longer_than_any_is_not_kept(length: int, kept: bool) -> None:
    etag = "e" * length
    command = parse(json.dumps({"model": MODEL, "id": ID, "etag": etag}))
    assert isinstance(command, Subscribe)
    assert command.etag == (etag if kept else None)


def test_windows_are_opened_and_closed() -> None:
    whole = {
        "model": MODEL,
        "window": "w",
        "where": {"status": ["draft", "archived"]},
        "limit": 1000,
        "after": "cursor",
        "have": {ID: "e", "other": "e" * (MAX_ETAG + 1)},
        "ref": 1,
    }
    assert parse(json.dumps(whole)) == OpenWindow(
        MODEL, "w", (("status", ("draft", "archived")),), 1000, "cursor", {ID: "e"}, 1
    )
    assert parse(json.dumps({"model": MODEL, "window": "w"})) == OpenWindow(
        MODEL, "w", (), 100, None, {}, None
    )
    close = {"action": "unsubscribe", "model": MODEL, "window": "w", "ref": "r"}
    assert parse(json.dumps(close)) == CloseWindow(MODEL, "w", "r")


@pytest.mark.parametrize("where", [{"title": "x"}, {"status": 5}, {"status": []}, [], "x"])
def test_undeclared_filters_are_refused(where: Any) -> None:
    with pytest.raises(InvalidFrame) as refused:
        parse(json.dumps({"model": MODEL, "window": "w", "where": where, "ref": 1}))
    assert (refused.value.ref, refused.value.window) == (1, "w")
    assert refused.value.detail.startswith("where: ")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("window", "a\nb"),
        ("limit", 0),
        ("limit", 1001),
        ("have", []),
        ("have", {"a": 5}),
        ("have", {str(n): "e" for n in range(301)}),
    ],
)
def test_windows_that_are_none_are_refused(key: str, value: Any) -> None:
    with pytest.raises(InvalidFrame) as refused:
        parse(json.dumps({"model": MODEL, "window": "w", key: value}))
    assert refused.value.detail.startswith(f"{key}: Must ")
