"""What a round writes into the ledger: who begins, who ends and why, what is pushed."""

from __future__ import annotations

from typing import Any

import pytest

from realtime.state.codes import Close
from realtime.state.frames import Frame
from realtime.state.ledger_entries import Entries, Written
from realtime.state.subscriptions import Opened, Subscription
from tests.realtime.pieces import frame, subscription


def of_one(s: Subscription, read: Frame | None, **more: Any) -> Entries:
    made = Entries()
    made.enter(s, read, more.get("deleted", ()))
    return made


def opened(version: int = 1) -> Subscription:
    s = subscription()
    s.opened = Opened(7, "viewer")
    s.version = version
    return s


def test_first_read_begins_an_access() -> None:
    s = subscription()
    made = of_one(s, frame())
    assert made.begun == [(s, frame(), "subscribed")]
    assert not made.ended
    assert not made.pushed


def test_access_in_the_same_audience_goes_on() -> None:
    assert not of_one(opened(), frame(1))


def test_newer_version_is_pushed_once_for_all_who_get_it() -> None:
    one, two = opened(), opened()
    read, made = frame(2), Entries()
    for s in (one, two):
        made.enter(s, read, ())
    assert list(made.pushed.values()) == [read]
    assert made.begun == []


def test_other_audience_ends_one_access_and_begins_another() -> None:
    s = opened()
    made = of_one(s, frame(1, audience="editor"))
    assert made.ended == {"audience changed": [s]}
    assert [cause for _, _, cause in made.begun] == ["audience changed"]


def test_lost_object_ends_an_access_as_revoked_or_deleted() -> None:
    s = opened()
    assert of_one(s, None).ended == {"revoked": [s]}
    assert of_one(s, None, deleted={s.key}).ended == {"deleted": [s]}


@pytest.mark.parametrize(
    ("code", "cause"),
    [
        (Close.CREDENTIALS, "credential ended"),
        (Close.ENDED, "closed by an administrator"),
        (Close.FORBIDDEN, "revoked"),
        (Close.TOO_SLOW, "revoked"),
    ],
)
def test_socket_that_is_closed_says_why_an_access_ends(code: Close, cause: str) -> None:
    s = opened()
    s.socket.mailbox.close(code)
    assert of_one(s, None).ended == {cause: [s]}


def test_what_was_never_seen_has_no_entry() -> None:
    assert not of_one(subscription(), None)


def test_subscription_that_ended_has_no_entry() -> None:
    s = opened()
    s.cancel("unsubscribed")
    assert not of_one(s, frame(2))


def test_written_entries_are_noted_and_a_late_end_is_told() -> None:
    moved, gone, late = opened(), opened(), subscription()
    made = Entries()
    made.ended["audience changed"].append(moved)
    made.ended["revoked"].append(gone)
    made.begun = [(moved, frame(audience="editor"), "audience changed"), (late, frame(), "x")]
    late.cancel("disconnected")
    assert made.written(Written([8, 9], [])).accesses == {"disconnected": [9]}
    assert moved.opened == Opened(8, "editor")
    assert gone.opened is None
    assert late.opened is None


def test_access_of_what_only_windows_want_by_now_ends_as_unsubscribed() -> None:
    s, made = subscription(), Entries()
    made.begun = [(s, frame(), "subscribed")]
    s.single = False
    assert made.written(Written([9], [])).accesses == {"unsubscribed": [9]}
    assert s.opened is None
    assert not of_one(s, frame(audience="editor")).begun
