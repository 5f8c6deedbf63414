"""What a verifier says of a chain that somebody has edited: each kind of it, wherever it is."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from realtime.audit.chain import ADOPTED, LATE, Head, Keys, Made, bury, extend
from realtime.audit.verifying import Fault, Verifier
from tests.realtime.audit.links import AT, KEYS, Links, end, faults, links, said

SIZE = 12
PLACE = st.integers(1, SIZE)


@given(st.integers(0, SIZE))
def test_a_chain_that_nobody_edited_is_intact(count: int) -> None:
    chain = links(count)
    assert faults(chain, end(chain)) == []
    assert [faults(chain, end(chain), entry.head) for entry, _ in chain] == [[]] * count


@given(PLACE)
def test_edited_row_is_named(place: int) -> None:
    chain = links(SIZE)
    entry, made = chain[place - 1]
    assert made is not None
    chain[place - 1] = entry, made | {"user_id": 8}
    assert faults(chain, end(chain)) == [Fault("edited", place, place, "access", 100 + place)]


@given(PLACE)
def test_deleted_row_is_named(place: int) -> None:
    chain = links(SIZE)
    chain[place - 1] = chain[place - 1][0], None
    assert faults(chain, end(chain)) == [Fault("deleted", place, place, "access", 100 + place)]


@given(st.data())
def test_deleted_entries_are_counted(data: st.DataObject) -> None:
    chain = links(SIZE)
    first = data.draw(PLACE)
    last = data.draw(st.integers(first, SIZE))
    left = chain[: first - 1] + chain[last:]
    what = "cut" if last == SIZE else "missing"
    assert said(faults(left, end(chain))) == [(what, first, last)]


@given(st.integers(1, SIZE))
def test_an_end_that_was_cut_is_seen_against_a_head_only(left: int) -> None:
    """Whoever cuts it puts the ledger's own head back too."""
    chain = links(SIZE)
    cut = chain[: left - 1]
    assert faults(cut, end(cut)) == []
    assert said(faults(cut, end(cut), end(chain))) == [("cut", left, SIZE)]


@given(st.lists(PLACE, min_size=2, max_size=2, unique=True))
def test_entries_that_changed_places_are_found_where_they_are(places: list[int]) -> None:
    chain = links(SIZE)
    one, other = (place - 1 for place in sorted(places))
    first, second = chain[one], chain[other]
    chain[one] = replace(second[0], sequence=one + 1), second[1]
    chain[other] = replace(first[0], sequence=other + 1), first[1]
    found = said(faults(chain, end(chain)))
    assert found[0] == ("altered", one + 1, one + 1)
    assert ("altered", other + 1, other + 1) in found


@given(st.lists(PLACE, min_size=2, max_size=2, unique=True))
def test_rows_that_changed_their_values_are_named_both(places: list[int]) -> None:
    chain = links(SIZE)
    one, other = (place - 1 for place in sorted(places))
    (first, this), (second, that) = chain[one], chain[other]
    chain[one], chain[other] = (first, that), (second, this)
    assert said(faults(chain, end(chain))) == [("edited", n, n) for n in sorted(places)]


CHANGES: list[dict[str, Any]] = [
    {"row": 7}, {"at": "2020"}, {"how": "late"}, {"kind": "push"}, {"seal": bytes(32)},
    {"digest": bytes(32)}, {"tenant": 6},
]  # fmt: skip


@given(PLACE, st.sampled_from(CHANGES))
def test_altered_entry_is_named(place: int, change: dict[str, Any]) -> None:
    chain = links(SIZE)
    entry, made = chain[place - 1]
    chain[place - 1] = replace(entry, **change), made
    found = said(faults(chain, end(chain)))
    assert ("altered", place, place) in found
    assert {first for _, first, _ in found} <= {place, place + 1, SIZE}


@given(PLACE)
def test_forged_entry_in_a_gap_is_found(place: int) -> None:
    """Somebody without the key puts it in the place of another one."""
    chain = links(SIZE)
    before = chain[place - 2][0].head if place > 1 else Head()
    [(forged, made)] = links(1, Keys([b"a forger's"]), before)
    chain[place - 1] = replace(forged, key=KEYS.current), made
    assert said(faults(chain, end(chain)))[0] == ("altered", place, place)


@given(PLACE)
def test_entry_that_stands_twice_is_found(place: int) -> None:
    chain = links(SIZE)
    chain.insert(place, chain[place - 1])
    assert ("altered", place, place) in said(faults(chain, end(chain)))


def pruned(chain: Links, first: int, last: int) -> Links:
    """The chain with a tombstone in the place of these entries."""
    gone = [entry for entry, _ in chain[first - 1 : last]]
    previous = chain[first - 2][0].digest if first > 1 else Head().digest
    stone = bury(KEYS, gone, AT, previous)
    return [*chain[: first - 1], (stone, None), *chain[last:]]


@given(st.data())
def test_pruned_chain_is_intact_and_still_finds_the_rest(data: st.DataObject) -> None:
    chain = links(SIZE)
    first = data.draw(PLACE)
    last = data.draw(st.integers(first, SIZE))
    left = pruned(chain, first, last)
    verifier = Verifier(KEYS)
    assert list(verifier.all(left, end(chain))) == []
    assert (verifier.entries, verifier.pruned) == (len(left) - 1, last - first + 1)
    others = [at for at, (entry, _) in enumerate(left) if entry.kind != "pruned"]
    if others:
        place = data.draw(st.sampled_from(others))
        entry = left[place][0]
        left[place] = entry, None
        assert said(faults(left, end(chain))) == [("deleted", entry.sequence, entry.sequence)]


def test_tombstone_that_is_made_longer_is_found() -> None:
    chain = links(SIZE)
    left = pruned(chain, 3, 5)
    stone = replace(left[2][0], sequence=6, digest=chain[5][0].digest)
    left[2:4] = [(stone, None)]
    assert said(faults(left, end(chain))) == [("tombstone", 3, 6)]


def test_tombstone_in_the_place_of_others_is_found() -> None:
    chain = links(SIZE)
    left = pruned(chain, 3, 5)
    moved = replace(left[2][0], row=8, sequence=10, digest=chain[9][0].digest)
    assert said(faults([*chain[:7], (moved, None), *chain[10:]], end(chain))) == [
        ("tombstone", 8, 10)
    ]


def test_a_head_that_is_pruned_is_neither_right_nor_wrong() -> None:
    chain = links(SIZE)
    left = pruned(chain, 3, 5)
    for place, unknown in ((2, False), (3, True), (4, True), (5, False), (6, False)):
        verifier = Verifier(KEYS, chain[place - 1][0].head)
        assert list(verifier.all(left, end(chain))) == []
        assert verifier.head_is_pruned == unknown


def test_another_chain_with_the_same_key_is_not_the_one_of_the_head() -> None:
    chain = links(SIZE)
    other = list(extend(KEYS, 5, Head(), AT, [Made("push", n, {}) for n in range(SIZE)]))
    found = faults(((entry, {}) for entry in other), other[-1].head, chain[5][0].head)
    assert said(found) == [("other", 6, 6)]


def test_head_of_the_ledger_that_is_not_its_last_entry_is_found() -> None:
    chain = links(SIZE)
    assert said(faults(chain, chain[3][0].head)) == [("other", SIZE, SIZE)]
    assert said(faults(chain, Head(SIZE, bytes(32)))) == [("other", SIZE, SIZE)]


def how(*made: tuple[str, str]) -> list[tuple[str, int, int]]:
    """What is found of entries of these kinds that were made so."""
    facts = [Made(kind, n, {"id": n}, how) for n, (kind, how) in enumerate(made)]
    chain = list(extend(KEYS, 5, Head(), AT, facts))
    return said(faults(zip(chain, [m.fact for m in facts], strict=True), chain[-1].head))


def test_row_that_says_it_is_older_than_a_look_is_named_as_inserted() -> None:
    assert how(("access", ""), ("access", LATE), ("access", "")) == [("inserted", 2, 2)]


def test_rows_from_before_the_chain_are_at_its_beginning_by_kind() -> None:
    """Whoever takes the chain's position away has it adopt what they insert."""
    assert how(("access", ADOPTED), ("push", ADOPTED), ("access", "")) == []
    assert how(("access", ""), ("push", ADOPTED)) == []
    assert how(("access", ""), ("push", ""), ("access", ADOPTED)) == [("inserted", 3, 3)]


NEW = Keys([b"a new key of the deployment", b"the key of the deployment"])


def test_chain_goes_on_with_another_key() -> None:
    chain = links(4)
    chain += links(4, NEW, end(chain))
    assert faults(chain, end(chain), keys=NEW) == []
    left = pruned(chain, 2, 3)
    assert faults(left, end(chain), keys=NEW) == []


def test_key_that_was_replaced_seals_no_more() -> None:
    """It may have been replaced because it got about."""
    chain = links(4)
    chain += links(2, NEW, end(chain))
    chain += links(1, KEYS, end(chain))
    assert said(faults(chain, end(chain), keys=NEW)) == [("altered", 7, 7)]


def test_tombstone_by_a_new_key_leaves_the_old_entries_after_it_good() -> None:
    chain = links(6)
    stone = bury(NEW, [entry for entry, _ in chain[:2]], AT, Head().digest)
    assert faults([(stone, None), *chain[2:]], end(chain), keys=NEW) == []


@pytest.mark.parametrize("what", ["edited", "deleted", "missing", "cut"])
def test_faults_tell_programs_what_people_are_told(what: str) -> None:
    told = Fault(what, 2, 3, "access", 7).as_json
    assert told["says"]
    assert {name: told[name] for name in ("what", "first", "last", "kind", "row")} == {
        "what": what, "first": 2, "last": 3, "kind": "access", "row": 7,
    }  # fmt: skip
