"""Members over REST: what their sockets get when they are changed or removed."""

from __future__ import annotations

from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection

from resources.models import Profile
from tenants import opaque
from tests.client import connect, in_thread, subscribed
from tests.conftest import StartServer
from tests.tenants.places import make_admin, url
from tests.test_processes import receive, subscribe
from tests.world import World


async def act(world: World, method: str, username: str, body: Any = None, query: str = "") -> None:
    """As acme's admin, over REST."""

    def call() -> int:
        path = url(world, username) + query
        status: int = getattr(world.rest("admin"), method)(path, body).status_code
        return status

    assert await in_thread(call)() in (200, 204)


async def test_demoted_admin_sees_an_admins_payload_no_more(world: World) -> None:
    await in_thread(make_admin)(world, "member")
    async with subscribed(world, "member") as member:
        await act(world, "patch", "member", {"role": "member"})
        assert (await member.receive())["type"] == "DELETE_DOCUMENT"
        await in_thread(world.write)(title="After the demotion")
        assert await member.settle() == []


async def test_promoted_member_moves_to_the_admins_audience(world: World) -> None:
    profile = await in_thread(lambda: opaque.encode(Profile, world.profile("owner").pk))()
    async with await in_thread(connect)(world, "member") as member:
        await member.subscribe(profile, "resources.profile")
        await act(world, "patch", "member", {"role": "admin"})
        moved = await member.receive()
        assert (moved["type"], moved["audience"]) == ("AUDIENCE_CHANGED", "admin")
        assert moved["payload"]["email"] == "owner@example.com"


@pytest.mark.parametrize("method", ["patch", "delete"])
async def test_deactivated_and_removed_members_are_closed(world: World, method: str) -> None:
    async with subscribed(world, "editor") as editor:
        await act(world, method, "editor", {"is_active": False} if method == "patch" else None)
        frames = await editor.settle()
        assert frames[-1] == {"close": 4403}
        assert all("payload" not in frame for frame in frames)


def until_closed(socket: ClientConnection) -> list[dict[str, Any]]:
    """The frames that still come."""
    frames = []
    while True:
        try:
            frames.append(receive(socket))
        except ConnectionClosed:
            return frames


def test_removed_member_is_closed_in_another_process(
    world: World, start_server: StartServer
) -> None:
    """By the broker where there is one, and by the server's tail where there is none."""
    server = start_server("uvicorn", EARSHOT_TAIL_SECONDS="0.1")
    with subscribe(server, world, "viewer") as viewer, subscribe(server, world, "editor") as editor:
        path = url(world, "editor")
        assert world.rest("admin").patch(path, {"is_active": False}).status_code == 200
        assert world.rest("admin").delete(url(world, "viewer")).status_code == 204
        for socket in (viewer, editor):
            assert all("payload" not in frame for frame in until_closed(socket))
            assert socket.close_code == 4403


async def test_heir_who_listens_becomes_the_owner_at_once(world: World) -> None:
    heir = f"?transfer_to={await in_thread(world.user_id)('viewer')}"
    async with subscribed(world, "viewer") as viewer, subscribed(world, "owner") as owner:
        await act(world, "delete", "owner", query=heir)
        await viewer.settle()
        assert viewer.copies["resources.document", world.id]["budget"] == "10.00"
        assert viewer.copies["resources.document", world.id]["owner_name"] == "viewer"
        assert (await owner.settle())[-1] == {"close": 4403}
