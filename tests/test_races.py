"""Promises 1 and 3 under hostile timing: each test is named for what it forbids."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest
from django.contrib.auth.models import Group

from realtime.hub import reading
from realtime.publishing.publisher import publisher
from tests.client import SocketClient, in_thread, quiet, registered, subscribed
from tests.gates import Gate, GatedReads, HeldMessages, rounds_of, this_hub
from tests.world import World

CANARY = "not for eyes that lost access"


pytestmark = pytest.mark.usefixtures("by_hand")


@contextmanager
def asleep(world: World, username: str) -> Iterator[None]:
    """The writers of the user's sockets take nothing meanwhile, as if their clients were slow."""
    mailboxes = [
        s.socket.mailbox for s in rounds_of(world).index.all if s.user_id == world.user(username).pk
    ]
    wakes = [mailbox._wake for mailbox in mailboxes]
    for mailbox in mailboxes:
        mailbox._wake = lambda: None
    yield
    for mailbox, wake in zip(mailboxes, wakes, strict=True):
        mailbox._wake = wake
        wake()


def touch(world: World) -> None:
    """Change the viewer's access, so that what they see stays as it is."""
    world.user("viewer").groups.add(Group.objects.create(name="readers"))


def leaked(socket: SocketClient) -> bool:
    """Whether the socket ever received the canary."""
    return CANARY in json.dumps(socket.frames)


async def test_a_revocation_between_evaluation_and_join_is_not_overlooked(
    transport: str, world: World
) -> None:
    async with subscribed(world, "owner"), registered(world, "viewer") as viewer:
        gate = GatedReads(rounds_of(world)).hold(reading.read_round)
        await viewer.send({"model": "resources.document", "id": world.id})
        await gate.entered()
        await in_thread(world.revoke)("viewer")
        await in_thread(world.write)(title=CANARY)
        gate.open()
        assert (await viewer.receive_until("ERROR"))["code"] == "not_found"
        await viewer.settle()
        assert [f["type"] for f in viewer.frames] == ["WELCOME", "ERROR", "PONG"]


async def test_a_change_between_the_read_and_the_join_is_not_missed(world: World) -> None:
    """A frame published before the group is joined reaches nobody: the read is made again."""
    async with subscribed(world, "owner"), registered(world, "viewer") as viewer:
        gate = GatedReads(rounds_of(world)).hold(reading.read_round)
        await viewer.send({"model": "resources.document", "id": world.id})
        await gate.entered()
        await in_thread(world.write)(title="Written meanwhile")
        gate.open()
        frame = await viewer.receive_until("SUBSCRIBED")
        assert frame["payload"]["title"] == "Written meanwhile"


async def test_a_change_after_a_revocation_never_passes_though_its_notice_is_lost(
    world: World,
) -> None:
    async with subscribed(world, "viewer") as viewer:
        messages = HeldMessages(this_hub())
        await in_thread(world.revoke)("viewer")
        await in_thread(world.write)(title=CANARY)
        await quiet()
        [frame] = messages.frames("viewer")
        await messages.release(frame)  # the notices stay where they are
        assert [f["type"] for f in await viewer.settle()] == ["DELETE_DOCUMENT"]
        assert not leaked(viewer)


async def test_a_frame_of_the_forbidden_time_does_not_pass_after_access_is_back(
    world: World,
) -> None:
    """Lose, change, change, regain, all applied by one round; then the first frame arrives."""
    async with subscribed(world, "viewer") as viewer:
        messages = HeldMessages(this_hub())
        await in_thread(world.revoke)("viewer")
        await in_thread(world.write)(title=CANARY)
        await quiet()
        await in_thread(world.write)(title="Allowed again")
        await in_thread(world.grant)("viewer", "viewer")
        await quiet()
        await messages.release(messages.notices()[-1])
        for frame in messages.frames("viewer"):
            await messages.release(frame)
            await viewer.settle()
        assert not leaked(viewer)
        assert viewer.copies["resources.document", world.id]["title"] == "Allowed again"


async def test_a_frame_that_overtakes_the_notice_of_an_upgrade_shows_no_earlier_value(
    world: World,
) -> None:
    async with subscribed(world, "viewer") as viewer:
        messages = HeldMessages(this_hub())
        await in_thread(world.write)(review_notes=CANARY)
        await in_thread(world.write)(review_notes="Fit for new editors")
        await in_thread(world.grant)("viewer", "editor")
        await quiet()
        await messages.release(*messages.notices(), *messages.frames("editor"))
        await viewer.settle()
        assert not leaked(viewer)
        assert viewer.copies["resources.document", world.id]["review_notes"] == (
            "Fit for new editors"
        )


async def test_publishes_in_reverse_order_of_commits_never_go_back(world: World) -> None:
    async with subscribed(world, "viewer") as viewer:
        messages = HeldMessages(this_hub())
        for title in ("First", "Second"):
            await in_thread(world.write)(title=title)
            await quiet()
        first, second = messages.frames("viewer")
        await messages.release(second, first, first)
        titles = [f["payload"]["title"] for f in await viewer.settle()]
        assert titles == ["Second"]


async def test_a_demoted_owner_never_receives_the_owner_frame_that_was_queued(
    transport: str,
    world: World,
) -> None:
    """The socket is slow: the owner's frame waits in its mailbox when the demotion is applied."""
    await in_thread(world.grant)("editor", "owner")
    async with subscribed(world, "editor") as owner:
        with asleep(world, "editor"):
            await in_thread(world.write)(budget="666.66")
            await quiet()
            await in_thread(world.grant)("editor", "viewer")
            await quiet()
        frames = await owner.settle()
        assert [f["type"] for f in frames] == ["AUDIENCE_CHANGED"]
        assert "666.66" not in json.dumps(frames)


async def test_a_queued_frame_is_purged_before_the_join_of_the_next_audience(world: World) -> None:
    """Between the loss of an audience and the join of the next, a slow socket wakes up."""
    await in_thread(world.grant)("editor", "owner")
    async with subscribed(world, "editor") as owner:
        joining = Gate()
        layer = this_hub().groups._layer
        group_add = layer.group_add

        async def held(group: str, channel: str) -> None:
            await joining.pass_through()
            await group_add(group, channel)

        with asleep(world, "editor"):
            await in_thread(world.write)(budget="666.66")
            await quiet()
            this_hub().groups._layer = SimpleNamespace(group_add=held)
            await in_thread(world.grant)("editor", "viewer")
            await joining.entered()
        await owner.send({"action": "ping", "ref": "awake"})
        assert (await owner.receive())["ref"] == "awake"
        this_hub().groups._layer = layer
        joining.open()
        frames = await owner.settle()
        assert [f["type"] for f in frames] == ["AUDIENCE_CHANGED"]
        assert "666.66" not in json.dumps(owner.frames)


async def test_a_loss_between_a_rounds_read_and_its_end_is_not_skipped(world: World) -> None:
    """What is applied is the revision that the round read, not one that it heard of meanwhile."""
    async with subscribed(world, "viewer") as viewer:
        gate = GatedReads(rounds_of(world)).hold(reading.read_round)
        await in_thread(world.revoke)("editor")
        await gate.entered()
        await in_thread(world.revoke)("viewer")
        await asyncio.to_thread(publisher.flush)
        await in_thread(world.write)(title=CANARY)
        await asyncio.to_thread(publisher.flush)
        gate.open()
        assert [f["type"] for f in await viewer.settle()] == ["DELETE_DOCUMENT"]
        assert not leaked(viewer)


async def test_a_subscribe_is_not_answered_with_a_read_made_before_it(world: World) -> None:
    """A round has read for the user's other socket, and an access change touches them: the new
    subscription is touched too, but what was read is older than its question."""
    async with subscribed(world, "viewer"), registered(world, "viewer") as second:
        HeldMessages(this_hub())
        await in_thread(touch)(world)
        rounds = rounds_of(world)
        gate = GatedReads(rounds).hold(reading.read_round)
        rounds.ask(list(rounds.index.all))
        await gate.entered()
        await in_thread(world.write)(title="Written before the question")
        await second.send({"model": "resources.document", "id": world.id})
        await second.send({"action": "ping"})
        await second.receive_until("PONG")
        gate.open()
        answer = await second.receive_until("SUBSCRIBED")
        assert answer["payload"]["title"] == "Written before the question"


async def test_what_a_slow_client_ended_itself_is_not_deleted_afterwards(world: World) -> None:
    """Their access goes while they sleep, and they unsubscribe: the answer has told of the end."""
    async with subscribed(world, "viewer") as viewer:
        with asleep(world, "viewer"):
            await in_thread(world.revoke)("viewer")
            await quiet()
            target = {"model": "resources.document", "id": world.id}
            await viewer.send({"action": "unsubscribe", **target})
            await quiet()
        assert [f["type"] for f in await viewer.settle()] == ["UNSUBSCRIBED"]


async def test_everything_lost_is_found_by_the_tail(world: World) -> None:
    async with subscribed(world, "viewer") as viewer, subscribed(world, "editor") as editor:
        await this_hub().tail.look()
        messages = HeldMessages(this_hub())
        await in_thread(world.write)(title="Lost on the way")
        await in_thread(world.revoke)("editor")
        await quiet()
        assert messages.held
        assert await viewer.settle() == []
        await this_hub().tail.look()
        await quiet()
        assert [f["type"] for f in await viewer.settle()] == ["UPDATE_DOCUMENT"]
        assert [f["type"] for f in await editor.settle()] == ["DELETE_DOCUMENT"]
        await this_hub().tail.look()
        assert await viewer.settle() == []


async def test_a_read_that_fails_is_made_again_and_leaks_nothing(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    async with subscribed(world, "viewer") as viewer:
        rounds = rounds_of(world)
        run, failures = rounds._run, iter([OSError(CANARY)])

        async def failing(work: Any, *args: Any) -> Any:
            if (error := next(failures, None)) is not None:
                raise error
            return await run(work, *args)

        rounds._run = failing
        await in_thread(world.revoke)("viewer")
        await in_thread(world.write)(title=CANARY)
        assert (await viewer.receive())["type"] == "DELETE_DOCUMENT"
        assert not leaked(viewer)
        assert "OSError" in caplog.text
        assert CANARY not in caplog.text


async def test_a_frame_of_another_release_is_read_again_instead_of_shown(world: World) -> None:
    async with subscribed(world, "viewer") as viewer:
        messages = HeldMessages(this_hub())
        await in_thread(world.write)(title="New")
        await quiet()
        [frame] = messages.frames("viewer")
        foreign = {**frame, "schema": "another", "body": b'{"title": "made by others"}'}
        await messages.release(foreign)
        [update] = await viewer.settle()
        assert update["payload"]["title"] == "New"
