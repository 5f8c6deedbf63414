"""Each cause of an access change moves or ends exactly the subscriptions that it is about."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest
from django.db import transaction

from resources.models import Document, Profile
from tenants import opaque
from tenants.models import Tenant, User
from tests.access_changes import CASES, GONE, READERS, documents, people
from tests.client import SocketClient, connect, in_thread, settled
from tests.permissions.conftest import Log
from tests.world import World

pytestmark = pytest.mark.usefixtures("by_hand")


@pytest.fixture
def peopled(world: World) -> World:
    """The world with the group `readers`, in which is `both`, and a document of the member's."""
    people(world)
    return world


async def live(world: World, stack: AsyncExitStack) -> dict[str, SocketClient]:
    """A live socket of each reader."""
    sockets = {}
    for username in READERS:
        socket = await stack.enter_async_context(await in_thread(connect)(world, username))
        id = world.id
        if username == "member":
            another = await in_thread(documents(world).get)(owner__username="member")
            id = opaque.encode(Document, another.pk)
        assert (await socket.subscribe(id))["type"] == "SUBSCRIBED"
        sockets[username] = socket
    return sockets


def outcomes(frames: list[dict[str, Any]]) -> list[str | int]:
    """Of each frame: the new audience, its type, or the close code."""
    return [
        frame["close"] if "close" in frame
        else frame["audience"] if frame["type"] == "AUDIENCE_CHANGED"
        else frame["type"]
        for frame in frames
    ]  # fmt: skip


@pytest.mark.parametrize(("write", "heard"), CASES.values(), ids=CASES)
async def test_a_change_of_access_reaches_exactly_those_whom_it_touches(
    peopled: World, write: Callable[[World], object], heard: dict[str, str | int]
) -> None:
    async with AsyncExitStack() as stack:
        sockets = await live(peopled, stack)
        await in_thread(write)(peopled)
        got = {name: outcomes(frames) for name, frames in (await settled(sockets)).items()}
        told = {name: outcome[-1] for name, outcome in got.items() if outcome}
        assert told == heard
        # Before a close its subscription may still be told to have ended, and nothing else.
        assert all(outcome[:-1] in ([], [GONE]) for outcome in got.values())


NO_CHANGE = {"granted the same", "a user made superuser"}


@pytest.mark.each_case
@pytest.mark.parametrize("name", CASES)
def test_a_change_of_access_is_logged_in_the_transaction_of_its_cause(db: None, name: str) -> None:
    world = World()
    people(world)
    logs = [Log(tenant.pk) for tenant in world.tenants.values()]
    with transaction.atomic():
        CASES[name].write(world)
        inside = [row for log in logs for row in log.new()]
        transaction.set_rollback(True)
    assert bool(inside) == (name not in NO_CHANGE)
    assert [row for log in logs for row in log.new()] == []


async def test_a_resumed_tenant_lets_its_members_in_again(peopled: World) -> None:
    async with AsyncExitStack() as stack:
        sockets = await live(peopled, stack)
        await in_thread(Tenant.objects.filter(slug="acme").update)(is_active=False)
        for frames in (await settled(sockets)).values():
            assert frames[-1] == {"close": 4403}
        await in_thread(Tenant.objects.filter(slug="acme").update)(is_active=True)
        again = await live(peopled, stack)
        await in_thread(peopled.write)(title="Back")
        for username, frames in (await settled(again)).items():
            expected = [] if username == "member" else ["UPDATE_DOCUMENT"]
            assert outcomes(frames) == expected


LEAVING: list[Callable[[World], object]] = [
    lambda w: w.user("viewer").memberships.get().delete(),
    lambda w: w.user("viewer").memberships.all().delete(),
    lambda w: w.user("viewer").delete(),
    lambda w: User.objects.filter(username="viewer").delete(),
]


@pytest.mark.parametrize("leave", LEAVING)
async def test_who_leaves_takes_their_profile_from_its_readers(
    world: World, leave: Callable[[World], object]
) -> None:
    """It goes with the membership, by a cascade, and its permissions with it."""
    id = opaque.encode(Profile, (await in_thread(world.profile)("viewer")).pk)
    async with AsyncExitStack() as stack:
        sockets = []
        for username in ("admin", "member", "viewer"):
            socket = await stack.enter_async_context(await in_thread(connect)(world, username))
            assert (await socket.subscribe(id, "resources.profile"))["type"] == "SUBSCRIBED"
            sockets.append(socket)
        *readers, same = sockets
        await in_thread(leave)(world)
        for reader in readers:
            assert outcomes(await reader.settle()) == ["DELETE_PROFILE"]
            assert await reader.settle() == []
        assert "close" in (await same.settle())[-1]
