"""Rules of the hub that only show when two things meet: each test is named for what it forbids."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from django.contrib.auth.models import Group
from guardian.shortcuts import assign_perm

from realtime.hub import delivery, reading
from realtime.hub.rounds import Rounds
from realtime.publishing.publisher import publisher
from realtime.state.subscriptions import Subscription
from resources.models import Document
from tests.client import connect, in_thread, quiet, registered, subscribed
from tests.gates import GatedReads, HeldMessages, rounds_of, this_hub
from tests.hostile import Gates, HostileGroups
from tests.test_races import CANARY, leaked
from tests.world import World

pytestmark = pytest.mark.usefixtures("by_hand")


class AtOnce:
    """Counts how many reads of a tenant's rounds are under way at once."""

    def __init__(self, rounds: Rounds) -> None:
        self._run: Callable[..., Awaitable[Any]] = rounds._run
        self.now = self.most = 0
        rounds._run = self

    async def __call__(self, work: Callable[..., Any], *args: Any) -> Any:
        self.now += work is reading.read_round
        self.most = max(self.most, self.now)
        result = await self._run(work, *args)
        self.now -= work is reading.read_round
        return result


async def test_nothing_is_read_beside_the_round_of_its_tenant(world: World) -> None:
    """A subscribe that reads beside a round may carry an audience that its rows took away."""
    await in_thread(world.grant)("editor", "owner")
    async with subscribed(world, "editor") as owner:
        gate = GatedReads(rounds_of(world)).hold(reading.read_round)
        reads = AtOnce(rounds_of(world))  # one that is held is under way, too
        await owner.send({"model": "resources.document", "id": world.id, "ref": "again"})
        await gate.entered()
        await in_thread(world.grant)("editor", "viewer")
        rounds_of(world).notice(10)
        await asyncio.to_thread(publisher.flush)
        gate.open()
        await owner.settle()
        assert "budget" not in owner.copies["resources.document", world.id]
        assert reads.most == 1


async def test_a_read_of_a_group_that_is_being_joined_counts_for_nobody(world: World) -> None:
    """What is published meanwhile reaches nobody: who comes in between would never hear of it."""
    async with registered(world, "viewer") as first, registered(world, "viewer") as second:
        gates = Gates()
        HostileGroups(this_hub().groups, gates)
        gates.armed.add("group_add")
        for viewer in (first, second):
            await viewer.send({"model": "resources.document", "id": world.id})
            await viewer.send({"action": "ping", "ref": "asked"})
            await viewer.receive_until("PONG")
            await rounds_of(world).settled()
        await in_thread(world.write)(title="Published to nobody")
        await asyncio.to_thread(publisher.flush)
        gates.open()
        for viewer in (first, second):
            frame = await viewer.receive_until("SUBSCRIBED")
            assert frame["payload"]["title"] == "Published to nobody"


async def test_a_frame_that_comes_while_a_subscription_waits_is_kept_for_it(world: World) -> None:
    """It is newer than the read that the subscription waits for, and nobody sends it again."""
    async with subscribed(world, "viewer"), registered(world, "viewer") as late:
        messages = HeldMessages(this_hub())
        gate = GatedReads(rounds_of(world)).hold(reading.read_round)
        await late.send({"model": "resources.document", "id": world.id})
        await gate.entered()
        await in_thread(world.write)(title="After the read")
        await asyncio.to_thread(publisher.flush)
        while not messages.frames("viewer"):
            await this_hub().run(int)
        [frame] = messages.frames("viewer")
        await messages.deliver(frame)
        gate.open()
        await late.settle()
        assert late.copies["resources.document", world.id]["title"] == "After the read"


async def test_whoever_is_silenced_while_a_long_fan_out_yields_gets_nothing_of_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A list of those who may receive a frame is stale after a yield: each write asks the fence."""
    monkeypatch.setattr(delivery, "TURN", 1)
    follow = Subscription.follow
    async with subscribed(world, "viewer") as one, subscribed(world, "viewer") as two:
        both = set(rounds_of(world).index.all)

        def follow_and_silence_the_other(s: Subscription, frame: Any) -> None:
            follow(s, frame)
            for other in both - {s}:
                other.silence()

        messages = HeldMessages(this_hub())
        await in_thread(world.write)(title="For one only")
        await quiet()
        monkeypatch.setattr(Subscription, "follow", follow_and_silence_the_other)
        await messages.release(*messages.frames("viewer"))
        monkeypatch.setattr(Subscription, "follow", follow)
        frames = [len(await socket.settle()) for socket in (one, two)]
        assert sorted(frames) == [0, 1]


async def test_a_frame_of_a_deleted_object_does_not_pass_for_a_new_one_with_its_key(
    world: World,
) -> None:
    """Versions of a key that is used again go on: the first one is the id of its creation."""

    def replace() -> None:
        pk = world.document.pk
        world.document.delete()
        world.document = Document(pk=pk, tenant=world.tenants["acme"], owner=world.user("owner"))
        world.document.title = "Another object"
        world.document.save(force_insert=True)
        world.grant("viewer", "viewer")

    async with subscribed(world, "viewer") as viewer:
        messages = HeldMessages(this_hub())
        for number in range(5):
            await in_thread(world.write)(title=f"{CANARY} {number}")
            await quiet()
        late = messages.frames("viewer")[-1]
        await in_thread(replace)()
        await quiet()
        await messages.release(*messages.notices())
        await viewer.settle()
        await viewer.subscribe(world.id)
        await messages.release(late)
        await viewer.settle()
        assert viewer.copies["resources.document", world.id]["title"] == "Another object"
        assert not leaked(viewer)


async def test_a_group_that_is_empty_when_its_rows_are_read_does_not_hide_who_left_it(
    world: World,
) -> None:
    """No row names a group: whoever was in it is touched, or their object is."""

    def join() -> Group:
        group = Group.objects.create(name="reviewers")
        assign_perm("view_document", group, world.document)
        group.user_set.add(world.user("member"))
        return group

    def empty(group: Group) -> None:
        group.user_set.clear()
        world.write(title=CANARY)

    group = await in_thread(join)()
    async with subscribed(world, "member") as member:
        messages = HeldMessages(this_hub())
        await in_thread(empty)(group)
        await quiet()
        await messages.release(*messages.frames("viewer"))
        assert [f["type"] for f in await member.settle()] == ["DELETE_DOCUMENT"]
        assert not leaked(member)


async def test_a_frame_that_is_older_than_the_snapshot_does_not_undo_it(world: World) -> None:
    async with subscribed(world, "viewer"), await in_thread(connect)(world, "viewer") as viewer:
        messages = HeldMessages(this_hub())
        await in_thread(world.write)(title="Older")
        await quiet()
        [older] = messages.frames("viewer")
        await in_thread(world.write)(title="Newer")
        await quiet()
        assert (await viewer.subscribe(world.id))["payload"]["title"] == "Newer"
        await messages.release(older)
        assert await viewer.settle() == []
