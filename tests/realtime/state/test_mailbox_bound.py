"""One bound for all that waits for a socket: states for which there is no room are put off."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from realtime.state.codes import Close
from realtime.state.frames import Digest, Frame
from realtime.state.mailbox import ITEM_BYTES, QUESTION_BYTES, Mailbox
from realtime.state.subscriptions import GONE, State, Subscription
from tests.realtime.pieces import frame, socket, subscription, waiting

BOUND = 2000


def state(version: int, size: int) -> Frame:
    """A frame whose payload has so many bytes."""
    return frame(version, f'"{version:0{size - 2}}"')


@pytest.fixture
def many() -> list[Subscription]:
    """Three live subscriptions of one socket with little room."""
    of = socket()
    of.mailbox.bound = BOUND
    return [subscription(of, pk=pk) for pk in (1, 2, 3)]


class Again:
    """What is asked to be read again, as rounds would."""

    def __init__(self, mailbox: Mailbox) -> None:
        self.asked: list[Subscription] = []
        mailbox.again = self.ask

    def ask(self, subscriptions: Iterable[Subscription]) -> None:
        self.asked += subscriptions


def payload(texts: list[str]) -> Any:
    (text,) = texts
    return json.loads(text)["payload"]


def test_state_without_room_is_put_off_and_read_again_when_the_others_are_taken(
    many: list[Subscription],
) -> None:
    first, second, third = many
    mailbox, again = first.socket.mailbox, Again(first.socket.mailbox)
    first.put(state(1, 1200))
    second.put(state(2, 1200))
    third.put(state(3, 600))
    assert (len(mailbox), mailbox.held) == (2, 1800)
    assert second.slot == second.newest == state(2, 1200).digest
    mailbox.take()
    assert again.asked == []
    mailbox.take()
    assert again.asked == [second]
    second.put(state(2, 1200))
    assert payload(mailbox.take()).endswith("2")
    assert mailbox.held == 0


def test_as_many_are_read_again_as_there_is_room_for(many: list[Subscription]) -> None:
    first, second, third = many
    again = Again(first.socket.mailbox)
    first.put(state(1, 1200))
    second.put(state(1, 1200))
    third.put(state(1, 1200))
    first.socket.mailbox.take()
    assert again.asked == [second]
    second.put(state(1, 1200))
    first.socket.mailbox.take()
    assert again.asked == [second, third]


@pytest.mark.parametrize("asked", [False, True])
def test_state_larger_than_the_bound_is_delivered(asked: bool, many: list[Subscription]) -> None:
    first, second, _ = many
    mailbox = first.socket.mailbox
    if asked:
        first.ask(waiting())
        second.ask(waiting())
    first.put(state(1, 10 * BOUND))
    assert mailbox.closing is None
    assert len(payload(mailbox.take())) == 10 * BOUND - 2


def test_one_who_waits_for_a_state_larger_than_the_bound_may_ask(
    many: list[Subscription],
) -> None:
    first = many[0]
    mailbox = first.socket.mailbox
    first.put(state(1, 10 * BOUND))
    mailbox.answer("pong")
    first.ask(waiting())
    assert mailbox.closing is None
    assert mailbox.take() == ["pong"]
    assert len(payload(mailbox.take())) == 10 * BOUND - 2


def test_answers_have_room_before_states(many: list[Subscription]) -> None:
    first, second, third = many
    mailbox, again = first.socket.mailbox, Again(first.socket.mailbox)
    first.put(state(1, 600))
    second.put(state(1, 600))
    third.put(GONE)
    mailbox.answer("x" * 1500)
    assert isinstance(second.slot, Digest)
    assert (mailbox.closing, mailbox.held) == (None, 600 + 1500 + 2 * ITEM_BYTES)
    while mailbox:
        mailbox.take()
    assert again.asked == [second]


def test_no_more_states_are_put_off_than_must_be(many: list[Subscription]) -> None:
    first, second, third = many
    for each in many:
        each.put(state(1, 600))
    first.socket.mailbox.answer("x" * 600)
    assert [isinstance(each.slot, Digest) for each in (first, second, third)] == [
        False,
        False,
        True,
    ]


def test_newer_state_larger_than_the_bound_takes_the_place_of_the_older(
    many: list[Subscription],
) -> None:
    first = many[0]
    first.put(state(1, 600))
    first.put(state(2, 10 * BOUND))
    assert payload(first.socket.mailbox.take()).endswith("2")
    assert first.socket.mailbox.held == 0


def test_newer_state_of_one_that_was_put_off_may_find_room(many: list[Subscription]) -> None:
    first, second, _ = many
    mailbox, again = first.socket.mailbox, Again(first.socket.mailbox)
    first.put(state(1, 1200))
    second.put(state(1, 1200))
    second.put(state(2, 100))
    mailbox.take()
    assert payload(mailbox.take()).endswith("2")
    assert again.asked == []


def test_state_that_outgrows_the_room_is_put_off(many: list[Subscription]) -> None:
    first, second, _ = many
    mailbox, again = first.socket.mailbox, Again(first.socket.mailbox)
    first.put(state(1, 1200))
    second.put(state(1, 100))
    second.put(state(2, 1200))
    assert (len(mailbox), mailbox.held, mailbox.conflated) == (1, 1200, 1)
    mailbox.take()
    assert again.asked == [second]


def test_the_end_of_a_subscription_always_has_room(many: list[Subscription]) -> None:
    first, second, _ = many
    first.put(state(1, BOUND))
    second.sent = state(1, 100).digest
    second.end()
    assert second.slot is GONE
    assert first.socket.mailbox.held == BOUND + ITEM_BYTES


@pytest.mark.parametrize("how", ["silence", "cancel"])
def test_what_is_dropped_makes_room(how: str, many: list[Subscription]) -> None:
    first, second, third = many
    again = Again(first.socket.mailbox)
    first.put(state(1, 1200))
    second.put(state(1, 1200))
    third.put(state(1, 1200))
    first.silence() if how == "silence" else first.cancel("unsubscribed")
    assert first.socket.mailbox.held == 0
    assert again.asked == [second]
    third.silence() if how == "silence" else third.cancel("unsubscribed")
    assert (first.slot, third.slot) == (None, None)
    first.put(state(2, 100))
    first.socket.mailbox.take()
    assert again.asked == [second]


def test_one_that_is_put_off_keeps_its_questions(many: list[Subscription]) -> None:
    first, second, _ = many
    mailbox, again = first.socket.mailbox, Again(first.socket.mailbox)
    second.ask(waiting("r"))
    first.put(state(1, 1200))
    second.put(state(1, 1200))
    mailbox.take()
    assert again.asked == [second]
    assert mailbox.held == QUESTION_BYTES
    second.put(state(1, 1200))
    (text,) = mailbox.take()
    assert json.loads(text)["ref"] == "r"
    assert mailbox.held == 0


def test_closing_mailbox_keeps_no_body(many: list[Subscription]) -> None:
    first, second, third = many
    mailbox, again = first.socket.mailbox, Again(first.socket.mailbox)
    first.put(state(1, 1200))
    second.put(state(1, 1200))
    third.put(GONE)
    mailbox.close(Close.CREDENTIALS)
    first.put(state(2, 1200))
    assert [isinstance(s.slot, Digest) for s in many] == [True, True, False]
    assert first.newest == state(2, 1200).digest
    assert (mailbox.held, again.asked) == (0, [])


class Crowded(RuleBasedStateMachine):
    """Three objects, little room, and a client that takes when it likes."""

    def __init__(self) -> None:
        super().__init__()
        of = socket()
        self.mailbox = of.mailbox
        self.mailbox.bound = BOUND
        self.again = Again(self.mailbox)
        self.all = [subscription(of, pk=pk) for pk in (1, 2, 3)]
        self.newest: dict[Subscription, Frame] = {}

    @rule(n=st.integers(0, 2), size=st.integers(3, 2 * BOUND))
    def put(self, n: int, size: int) -> None:
        s = self.all[n]
        s.version += 1
        self.newest[s] = state(s.version, size)
        s.put(self.newest[s])

    @precondition(lambda self: self.again.asked)
    @rule()
    def read(self) -> None:
        """A round: what has nothing newer is put again."""
        asked, self.again.asked = self.again.asked, []
        for s in asked:
            if isinstance(s.slot, Digest):
                s.put(self.newest[s])

    @rule(n=st.integers(0, 2))
    def move(self, n: int) -> None:
        """As a round does it that reads it anew."""
        s = self.all[n]
        s.silence()
        s.state = State.LIVE
        if s in self.newest:
            s.put(self.newest[s])

    @precondition(lambda self: len(self.mailbox) > 0)
    @rule()
    def take(self) -> None:
        self.mailbox.take()

    @invariant()
    def no_more_is_held_than_allowed(self) -> None:
        held = [s.slot.size for s in self.all if isinstance(s.slot, Frame)]
        assert self.mailbox.held == sum(held)
        assert len(held) == 1 or sum(held) <= BOUND

    def teardown(self) -> None:
        """Whoever takes at last has the newest state of each."""
        while self.mailbox or self.again.asked:
            self.read()
            while self.mailbox:
                self.take()
        assert self.mailbox.held == 0
        for s, newest in self.newest.items():
            assert s.sent == newest.digest


TestCrowded = Crowded.TestCase
