"""Rounds: what they read, whom they touch, what they leave behind."""

from __future__ import annotations

from typing import Any

import pytest

from permissions.representation import ObjectKey
from realtime.hub import reading, repairs
from realtime.state.subscriptions import State
from resources.models import Document
from tenants import opaque
from tests.client import in_thread, quiet, registered, subscribed
from tests.gates import GatedReads, HeldMessages, rounds_of, this_hub
from tests.world import World

pytestmark = pytest.mark.usefixtures("by_hand")


class Counted:
    """Counts the calls that rounds make, and the pairs that they read."""

    def __init__(self, world: World) -> None:
        self.calls: list[tuple[str, int]] = []
        rounds = rounds_of(world)
        self._run = rounds._run
        rounds._run = self

    async def __call__(self, work: Any, *args: Any) -> Any:
        self.calls.append(
            (work.__name__, 1 if work is repairs.repair_change else len(_pairs(work, args)))
        )
        return await self._run(work, *args)


def _pairs(work: Any, args: Any) -> Any:
    """The pairs among the arguments."""
    if work is reading.read_pairs:
        return args[1]
    return args[2] if work is reading.read_round else args[-1]


async def test_only_touched_subscriptions_are_read_again(world: World) -> None:
    others = [await in_thread(world.create)() for _ in range(3)]
    async with subscribed(world, "owner") as owner, subscribed(world, "viewer"):
        for other in others:
            await owner.subscribe(opaque.encode(Document, other.pk))
        counted = Counted(world)
        await in_thread(world.revoke)("viewer")
        await quiet()
        assert ("read_pairs", 1) in counted.calls
        assert all(count == 0 for name, count in counted.calls if name == "read_round")


async def test_what_changed_is_asked_only_of_objects_that_somebody_here_has(world: World) -> None:
    other = await in_thread(world.create)()
    async with subscribed(world, "owner") as owner, subscribed(world, "editor") as editor:
        calls: list[Any] = []
        rounds = rounds_of(world)
        run = rounds._run

        async def noted(work: Any, *args: Any) -> Any:
            if work is reading.read_round:
                calls.append(args[-1])
            return await run(work, *args)

        rounds._run = noted
        await owner.subscribe(opaque.encode(Document, other.pk))
        first, calls[:] = calls.copy(), []
        await owner.subscribe(opaque.encode(Document, other.pk))
        await editor.subscribe(world.id)
    fresh = {ObjectKey("resources.document", other.pk)}
    assert first == [fresh] * len(first) != []
    assert calls == [set()] * len(calls) != []


async def test_many_touched_subscriptions_are_read_in_pieces(world: World) -> None:
    documents = [world.document, *[await in_thread(world.create)() for _ in range(4)]]
    async with subscribed(world, "owner") as owner:
        for document in documents:
            await owner.subscribe(opaque.encode(Document, document.pk))
        rounds = rounds_of(world)
        rounds._size = 2
        counted = Counted(world)

        def deactivate_and_back() -> None:
            membership = world.user("owner").memberships.get()
            for active in (False, True):
                membership.is_active = active
                membership.save()

        gate = GatedReads(rounds).hold(reading.read_round)
        rounds.check()
        await gate.entered()
        await in_thread(deactivate_and_back)()
        gate.open()
        await quiet()
        pieces = [count for name, count in counted.calls if name == "read_pairs"]
        assert pieces[:3] == [2, 2, 1]
        assert {s.state for s in rounds.index.all} == {State.LIVE}


async def test_asks_beyond_the_size_wait_for_the_next_round(world: World) -> None:
    documents = [await in_thread(world.create)() for _ in range(5)]
    async with subscribed(world, "owner") as owner:
        rounds_of(world)._size = 2
        counted = Counted(world)
        for document in documents:
            await owner.send(
                {"model": "resources.document", "id": opaque.encode(Document, document.pk)}
            )
        for _ in documents:
            await owner.receive_until("SUBSCRIBED")
        assert max(count for name, count in counted.calls if name == "read_round") == 2


async def test_a_group_is_left_when_its_last_subscription_went(world: World) -> None:
    async with subscribed(world, "owner") as owner:
        groups = this_hub().groups.groups
        assert len(groups) == 2  # the tenant's notices and the owners of the document
        await owner.send({"action": "unsubscribe", "model": "resources.document", "id": world.id})
        await owner.receive_until("UNSUBSCRIBED")
        await quiet()
        assert [group.pinned for group in groups.values()] == [True]


async def test_a_group_that_is_joined_too_late_is_left_again(world: World) -> None:
    """The client unsubscribes while the join is under way."""
    async with subscribed(world, "owner"), registered(world, "viewer") as viewer:
        gate = GatedReads(rounds_of(world)).hold(reading.read_round)
        await viewer.send({"model": "resources.document", "id": world.id})
        await gate.entered()
        await viewer.send({"action": "unsubscribe", "model": "resources.document", "id": world.id})
        await viewer.receive_until("UNSUBSCRIBED")
        gate.open()
        await quiet()
        names = [name for name in this_hub().groups.groups if "viewer" in name]
        assert names == []
        assert [f["type"] for f in viewer.frames] == ["WELCOME", "UNSUBSCRIBED"]


async def test_a_frame_for_nobody_here_is_dropped(world: World) -> None:
    async with subscribed(world, "viewer") as viewer:
        await in_thread(world.write)(budget="1.00")  # of interest to owners only
        await quiet()
        assert viewer.frames[-1]["type"] == "SUBSCRIBED"
        assert rounds_of(world)._delivery._held == set()


async def test_a_frame_of_a_group_that_was_left_meanwhile_is_dropped(world: World) -> None:
    async with subscribed(world, "owner") as owner:
        messages = HeldMessages(this_hub())
        await in_thread(world.write)(title="On the way")
        await quiet()
        [frame] = messages.frames("owner")
        await owner.send({"action": "unsubscribe", "model": "resources.document", "id": world.id})
        await owner.receive_until("UNSUBSCRIBED")
        await quiet()
        await messages.release(frame)
        assert await owner.settle() == []


async def test_a_frame_of_an_unknown_model_reaches_nobody(world: World) -> None:
    async with subscribed(world, "viewer") as viewer:
        messages = HeldMessages(this_hub())
        await in_thread(world.write)(title="New")
        await quiet()
        [frame] = messages.frames("viewer")
        await messages.release({**frame, "model": "nobody.knows"})
        assert await viewer.settle() == []


async def test_a_frame_that_overtook_a_read_is_not_undone_by_it(world: World) -> None:
    async with subscribed(world, "viewer") as viewer:
        rounds = rounds_of(world)
        gate = GatedReads(rounds).hold(reading.read_round)
        rounds.ask(list(rounds.index.all))
        await gate.entered()
        await in_thread(world.write)(title="Newer than the read")
        await viewer.receive_until("UPDATE_DOCUMENT")
        gate.open()
        await quiet()
        assert await viewer.settle() == []
        assert viewer.copies["resources.document", world.id]["title"] == "Newer than the read"


async def test_a_forged_revision_does_not_stop_the_tenant(world: World) -> None:
    async with subscribed(world, "viewer") as viewer:
        rounds_of(world).notice(10**6)
        await quiet()
        await in_thread(world.write)(title="Still delivered")
        assert [f["type"] for f in await viewer.settle()] == ["UPDATE_DOCUMENT"]


async def test_a_long_fan_out_yields(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("realtime.hub.delivery.TURN", 1)
    async with subscribed(world, "viewer") as one, subscribed(world, "viewer") as two:
        await in_thread(world.write)(title="For both")
        for socket in (one, two):
            assert [f["type"] for f in await socket.settle()] == ["UPDATE_DOCUMENT"]


async def test_a_deleted_object_ends_each_subscription_once(world: World) -> None:
    async with subscribed(world, "owner") as owner, subscribed(world, "viewer") as viewer:
        await in_thread(world.document.delete)()
        for socket in (owner, viewer):
            assert [f["type"] for f in await socket.settle()] == ["DELETE_DOCUMENT"]
            assert await socket.settle() == []
        assert rounds_of(world).index.all == set()


async def test_a_closed_tenant_starts_no_round(world: World) -> None:
    async with subscribed(world, "viewer"):
        rounds = rounds_of(world)
    rounds.notice(10**6)
    assert rounds.tasks() == []


async def test_an_asked_subscription_that_ended_meanwhile_is_left_alone(world: World) -> None:
    async with subscribed(world, "viewer") as viewer:
        rounds = rounds_of(world)
        [subscription] = rounds.index.all
        gate = GatedReads(rounds).hold(reading.read_round)
        rounds.ask([subscription])
        await gate.entered()
        this_hub().end(subscription, "unsubscribed")
        gate.open()
        await quiet()
        assert await viewer.settle() == []
        assert (
            ObjectKey("resources.document", world.document.pk)
            not in subscription.socket.subscriptions
        )


async def test_rounds_that_are_not_under_way_are_settled(world: World) -> None:
    async with subscribed(world, "viewer"):
        while this_hub().tail.marks is None:  # at its first look the tail asks all
            await this_hub().run(int)
        await quiet()
        rounds = rounds_of(world)
        await rounds.settled()
        rounds.ask(list(rounds.index.all))
        await rounds.settled()
        assert rounds.tasks() == []
