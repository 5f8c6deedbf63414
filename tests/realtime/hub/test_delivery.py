"""Frames of a tenant: conflated while they wait, held while they are ahead, nobody held up."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

import pytest

from realtime.hub import delivery
from realtime.hub.delivery import Delivery
from realtime.hub.group_membership import Group
from realtime.state import fence
from realtime.state.subscriptions import State, Subscription
from tests.realtime.pieces import frame, socket, subscription


def group_of(size: int) -> Group:
    """A group with so many live viewers."""
    group = Group("earshot.1.resources.document.1.viewer")
    group.subscriptions = {subscription(socket(n)) for n in range(size)}
    return group


def nobody(subscriptions: Iterable[Subscription]) -> None:
    """Nobody is asked for."""
    assert not list(subscriptions)


def applied(revision: int = 0) -> Delivery:
    made = Delivery(nobody)
    made.apply(revision)
    return made


def versions(group: Group) -> set[int]:
    return {s.version for s in group.subscriptions}


async def settle(*deliveries: Delivery) -> None:
    await asyncio.gather(*(d.task for d in deliveries if d.task is not None))


async def test_frame_reaches_everybody_in_its_group() -> None:
    group, delivery = group_of(3), applied()
    assert delivery.arrive(group, frame(1))
    await settle(delivery)
    assert versions(group) == {1}
    assert delivery.task is None


async def test_only_the_newest_of_what_waits_is_delivered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    offered: list[int] = []
    offer = fence.offer

    def noted(s: Subscription, each: Any, revision: int) -> bool:
        offered.append(each.version)
        return offer(s, each, revision)

    monkeypatch.setattr(fence, "offer", noted)
    group, delivery = group_of(1), applied()
    for version in (1, 3, 2):
        assert delivery.arrive(group, frame(version))
    await settle(delivery)
    assert offered == [3]


async def test_frame_that_is_ahead_waits_until_its_revision_is_applied() -> None:
    group, delivery = group_of(1), applied(4)
    assert not delivery.arrive(group, frame(1, revision=5))
    await settle(delivery)
    assert versions(group) == {-1}
    delivery.apply(4)
    await settle(delivery)
    assert versions(group) == {-1}
    delivery.apply(5)
    await settle(delivery)
    assert versions(group) == {1}


async def test_frame_waits_while_nothing_is_applied_yet() -> None:
    group, delivery = group_of(1), Delivery(nobody)
    assert not delivery.arrive(group, frame(1))
    assert delivery.task is None
    delivery.apply(0)
    await settle(delivery)
    assert versions(group) == {1}


async def test_group_that_was_left_while_its_frame_waited_is_forgotten() -> None:
    group, delivery = group_of(1), applied()
    delivery.arrive(group, frame(1, revision=5))
    group.last = None
    delivery.apply(1)
    await settle(delivery)
    assert delivery._held == set()
    assert versions(group) == {-1}


async def test_large_tenant_does_not_hold_up_a_small_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivery, "TURN", 10)
    large, small = applied(), applied()
    crowd, few = group_of(100), group_of(1)
    large.arrive(crowd, frame(1))
    small.arrive(few, frame(1))
    assert small.task is not None
    await small.task
    assert versions(few) == {1}
    assert versions(crowd) == {1, -1}  # it is still under way
    await settle(large)
    assert versions(crowd) == {1}


async def test_failure_in_one_group_does_not_stop_the_next(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    offer, broken = fence.offer, group_of(1)

    def fails(s: Subscription, each: Any, revision: int) -> bool:
        if s in broken.subscriptions:
            raise OSError
        return offer(s, each, revision)

    monkeypatch.setattr(fence, "offer", fails)
    sound, delivery = group_of(1), applied()
    delivery.arrive(broken, frame(1))
    delivery.arrive(sound, frame(1))
    await settle(delivery)
    assert versions(sound) == {1}
    assert "OSError" in caplog.text


async def test_frame_is_let_go_when_it_is_delivered() -> None:
    group, delivery = group_of(1), applied()
    delivery.arrive(group, frame(1))
    await settle(delivery)
    assert versions(group) == {1}
    assert group.last is None


async def test_frame_is_kept_for_those_whom_a_round_reads_until_the_rounds_rest() -> None:
    group, delivery = group_of(1), applied()
    delivery.reading = True
    delivery.arrive(group, kept := frame(1))
    await settle(delivery)
    assert group.last is kept
    delivery.rest()
    assert group.last is None


async def test_frame_that_came_during_a_fan_out_outlives_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(delivery, "TURN", 1)
    group, delivering = group_of(2), applied()
    delivering.arrive(group, frame(1))
    await asyncio.sleep(0)
    delivering.arrive(group, frame(2))
    await settle(delivering)
    assert versions(group) == {2}


async def test_frame_that_is_ahead_outlives_the_rounds_that_do_not_apply_it() -> None:
    group, delivery = group_of(1), applied(4)
    delivery.reading = True
    delivery.arrive(group, frame(1))
    await settle(delivery)
    delivery.arrive(group, ahead := frame(2, revision=5))
    delivery.rest()
    assert group.last is ahead
    delivery.apply(5)
    await settle(delivery)
    assert versions(group) == {2}


async def test_what_was_never_shown_is_asked_for_once_for_each_version_that_can_be() -> None:
    """A payload needs a round, which writes the ledger first; that there is none does not."""
    asked: list[Subscription] = []
    group = group_of(1)
    [s] = group.subscriptions
    s.state = State.UNAVAILABLE
    delivery = Delivery(asked.extend)
    delivery.apply(0)
    delivery.offer(s, frame(1, None))
    assert (s.version, asked) == (1, [])
    for version, times in ((1, 0), (2, 1), (2, 1), (1, 1), (3, 2)):
        delivery.offer(s, frame(version))
        assert len(asked) == times
    assert (s.version, s.state) == (1, State.UNAVAILABLE)
