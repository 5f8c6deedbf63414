"""A reader is told of a person what their audience of that person's profile shows, everywhere:
usernames are for oneself and for the tenant's admins. Every address is walked."""

from __future__ import annotations

import pytest
from django.core.cache import cache
from django.utils import timezone

from realtime.audit.models import Access
from resources.models import Profile
from tenants import mail
from tenants.models import User
from tests.client import SocketClient, in_thread
from tests.neighbours import Scene
from tests.test_isolation_walk import ROUTES, asks
from tests.world import World


def username(name: str) -> str:
    """One that stands in no text but where the username is shown."""
    return f"{name}-as-they-log-in"


def rename(world: World) -> None:
    for name, user in world.users.items():
        User.objects.filter(pk=user.pk).update(username=username(name))


def leaks(world: World, reader: str, text: bytes) -> list[str]:
    return [name for name in world.users if name != reader and username(name).encode() in text]


@pytest.mark.parametrize("reader", ["owner", "watcher"])
def test_no_address_tells_a_plain_member_anothers_username(scene: Scene, reader: str) -> None:
    """Not even an owner of what others read, who lists and gives grants, or a reviewer, who reads
    the ledger."""
    world = scene.world
    world.appoint("watcher")
    seen = {"user_id": world.user("owner").pk, "audience": "owner", "connection": "c"}
    of = {"model": "resources.document", "object_id": world.document.pk}
    began = {"began_at": timezone.now(), "began": "subscribed", "process": 1}
    Access.objects.create(tenant=world.tenants["acme"], **seen, **of, **began)
    rename(world)
    addresses = [
        (method, route, what)
        for method in ("get", "post", "put")
        for route in ROUTES
        if not route.startswith("admin/") and "logout" not in route
        for what, _ in asks(scene, route)
    ]
    client, codes = world.rest(reader), set()
    for method, route, what in addresses:
        cache.clear()
        answer = getattr(client, method)(what.path, what.body)
        codes.add(answer.status_code)
        found = leaks(world, reader, answer.content + str(answer.headers).encode())
        assert found == [], (route, method)
    assert codes >= {200, 400, 403, 404}
    mail.flush()


def test_oneself_and_the_admins_are_told_usernames(world: World) -> None:
    """So the walk finds what it looks for."""
    rename(world)
    assert username("owner") in world.rest("owner").get("/api/me/").content.decode()
    mine = world.rest("owner").get("/api/profiles/me/").json()
    assert mine["username"] == username("owner")
    listed = world.rest("admin").get("/api/profiles/").content
    assert set(leaks(world, "admin", listed)) >= {"owner", "viewer", "member"}


async def test_no_frame_tells_a_plain_member_anothers_username(world: World) -> None:
    await in_thread(rename)(world)
    profiles = await in_thread(lambda: world.rest("viewer").get("/api/profiles/").json())()
    token = await in_thread(world.token)("viewer")
    async with SocketClient(token) as socket:
        await socket.subscribe(world.id)
        for row in profiles["results"]:
            answer = await socket.subscribe(row["id"], "resources.profile")
            assert answer["type"] == "SUBSCRIBED"
        write = Profile.objects.filter(tenant=world.tenants["acme"]).update
        await in_thread(write)(display_name="New", phone="5")
        await socket.settle()
        assert leaks(world, "viewer", str(socket.frames).encode()) == []
        assert "New" in str(socket.frames)
