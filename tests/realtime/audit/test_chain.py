"""The chain's own arithmetic: what an entry covers, how it is spelled, and what needs the key."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from realtime.audit.chain import (
    EMPTY,
    Head,
    InvalidHead,
    Keys,
    UnknownKey,
    bury,
    canonical,
    digest_of_text,
    extend,
    key_id,
)
from tests.realtime.audit.links import AT, KEYS, fact, links

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@given(JSON, JSON)
def test_two_things_have_one_spelling_only_if_they_are_the_same(one: Any, other: Any) -> None:
    assert (canonical(one) == canonical(other)) == (repr_of(one) == repr_of(other))


def repr_of(what: Any) -> str:
    """Like `==`, but that true is not 1, and names have no order."""
    if isinstance(what, dict):
        return f"named {sorted((name, repr_of(value)) for name, value in what.items())}"
    return repr([repr_of(each) for each in what]) if isinstance(what, list) else repr(what)


def test_a_fact_has_the_same_seal_in_any_order_of_its_names() -> None:
    [(entry, made)] = links(1)
    assert made is not None
    assert entry.seals(KEYS, dict(reversed(made.items())))


CHANGED = {
    "tenant": 6,
    "sequence": 3,
    "at": "2026-11-28T06:00:00.000001+00:00",
    "kind": "access end",
    "row": 103,
    "how": "adopted",
    "seal": bytes(32),
    "digest": bytes(32),
}


@pytest.mark.parametrize("name", CHANGED)
def test_an_entry_covers_each_of_its_values(name: str) -> None:
    (first, _), (second, _) = links(2)
    assert second.follows(KEYS, first.digest)
    changed: Any = {name: CHANGED[name]}
    assert not replace(second, **changed).follows(KEYS, first.digest)
    assert not second.follows(KEYS, EMPTY)


@pytest.mark.parametrize("name", [*(n for n in CHANGED if n != "kind"), "first"])
def test_a_tombstone_covers_each_of_its_values(name: str) -> None:
    stone = bury(KEYS, [entry for entry, _ in links(4)[1:3]], AT, links(1)[0][0].digest)
    assert (stone.first, stone.sequence) == (2, 3)
    previous = links(1)[0][0].digest
    assert stone.follows(KEYS, previous)
    changed: Any = {"row": 1} if name == "first" else {name: CHANGED[name]}
    changed = {"sequence": 9} if name == "sequence" else changed
    assert not replace(stone, **changed).follows(KEYS, previous)
    assert not stone.follows(KEYS, EMPTY)


def test_a_fact_is_sealed_as_of_its_kind() -> None:
    [(entry, made)] = links(1)
    assert made is not None
    assert entry.seals(KEYS, made)
    assert not replace(entry, kind="push").seals(KEYS, made)
    assert not entry.seals(KEYS, made | {"user_id": 8})


def test_without_the_key_nobody_makes_an_entry_that_follows() -> None:
    [(first, _)] = links(1)
    forger = Keys([b"another key"])
    [(forged, _)] = links(1, forger, first.head)
    with pytest.raises(UnknownKey):
        forged.follows(KEYS, first.digest)
    assert not replace(forged, key=KEYS.current).follows(KEYS, first.digest)


def test_key_that_nobody_gave_is_named_with_what_to_do() -> None:
    with pytest.raises(UnknownKey, match="'12345678', which is not given: add it at the end of"):
        KEYS.mac("12345678", {})


def test_keys_have_ids_and_ages() -> None:
    keys = Keys([b"new", b"old"])
    assert (keys.current, keys.oldest) == (key_id(b"new"), 1)
    assert [keys.age(key_id(key)) for key in (b"new", b"old")] == [0, 1]
    assert b"new".hex() not in key_id(b"new")


def test_a_chain_goes_on_from_its_head() -> None:
    whole = links(5)
    assert whole[:3] == links(3)
    assert whole[3:] == links(2, head=whole[2][0].head)
    assert list(extend(KEYS, 5, Head(), AT, [])) == []


def test_heads_are_read_as_they_are_printed() -> None:
    head = links(3)[-1][0].head
    assert Head.parse(f" {head}\n") == head
    assert str(Head()) == f"0:{EMPTY.hex()}"


@pytest.mark.parametrize(
    "text", ["", "12", "12:", ":ab", "x:" + "0" * 64, "1:" + "g" * 64, "-1:" + "0" * 64, "1:00"]
)
def test_what_is_no_head_is_refused_with_what_one_is(text: str) -> None:
    with pytest.raises(InvalidHead, match="is not a head: give a sequence, a colon and a digest"):
        Head.parse(text)


def test_hidden_texts_have_digests_also_where_they_are_no_unicode() -> None:
    assert digest_of_text("a\ud800") != digest_of_text("a")
    assert len(digest_of_text("")) == 64
    assert fact(1) == fact(1)
