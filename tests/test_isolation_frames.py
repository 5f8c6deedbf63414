"""Promise 5, walked: every frame, by whoever is not of the tenant. A new frame fails here."""

from __future__ import annotations

import json
from typing import Any

import pytest

from permissions.audiences import registry
from realtime.transport.parsing import SERIALIZERS
from resources.models import Document, Profile
from tenants import opaque
from tenants.models import Membership, Tenant
from tests.client import SocketClient, connect, in_thread, subscribed
from tests.neighbours import CANARY, Scene

FRAMES: dict[str, dict[str, Any]] = {
    "ping": {},
    "renew": {},
    "subscribe": {"model": "resources.document"},
    "unsubscribe": {"model": "resources.document"},
}


def test_every_frame_is_in_the_table() -> None:
    assert set(FRAMES) == set(SERIALIZERS)


def test_every_resource_is_walked() -> None:
    assert {resource.label for resource in registry} == {label(Document), label(Profile)}


def label(model: type[Any]) -> str:
    return str(model._meta.label_lower)


@pytest.mark.parametrize("username", ["rival", "both"])
async def test_no_frame_tells_a_stranger_acmes_from_nothing(
    transport: str, scene: Scene, username: str
) -> None:
    pairs = await in_thread(
        lambda: [
            (model, [scene.id(model, key), scene.id(model)])
            for model, key in [
                (Document, scene.world.document.pk),
                *((Document, document.pk) for document in scene.documents["acme"]),
                (Profile, scene.world.profile("owner").pk),
                (Profile, scene.world.profile("both").pk),
            ]
        ]
    )()
    async with await in_thread(connect)(scene.world, username, "globex") as socket:
        assert (await socket.receive())["type"] == "WELCOME"
        owner = await in_thread(scene.world.rest)("owner")
        owners = await in_thread(owner.post)("/api/tickets/")
        renewals = [await renewal(socket, t) for t in (owners.json()["ticket"], "x" * 43)]
        assert renewals[0] == renewals[1]
        for action in set(SERIALIZERS) - {"renew"}:
            for model, ids in pairs:
                target = {"model": label(model)} if FRAMES[action] else {}
                real, absent = [await answer(socket, action, target, id) for id in ids]
                assert real == absent
                assert CANARY not in real


async def renewal(socket: SocketClient, ticket: str) -> dict[str, Any]:
    """What comes of a ticket."""
    await socket.send({"action": "renew", "ref": 1, "ticket": ticket})
    return await socket.receive()


async def answer(socket: SocketClient, action: str, target: dict[str, Any], id: str) -> str:
    """What comes of one frame, without the id that it names."""
    more = {**target, "id": id} if target else {}
    await socket.send({"action": action, "ref": 1, **more})
    return json.dumps(await socket.receive()).replace(id, "*")


@pytest.mark.parametrize(
    ("username", "tenant", "code"),
    [("rival", "acme", 4403), ("rival", "nowhere", 4403), (None, "acme", 4401)],
)
async def test_stranger_at_the_sockets_door_gets_a_code_and_no_frame(
    transport: str, scene: Scene, username: str | None, tenant: str, code: int
) -> None:
    token = None if username is None else await in_thread(scene.world.token)(username)
    async with SocketClient(token, tenant) as socket:
        assert await socket.receive() == {"close": code}


async def test_whatever_happens_in_acme_sends_the_other_tenant_nothing(
    transport: str, scene: Scene
) -> None:
    world = scene.world

    def everything() -> None:
        world.write(title=CANARY)
        world.grant("member", "viewer")
        world.grant("viewer", "editor")
        world.revoke("editor")
        profile = world.profile("both")
        profile.display_name = CANARY
        profile.save()
        Membership.objects.filter(pk=scene.member("viewer", "acme").pk).update(is_active=False)
        world.document.delete()
        Tenant.objects.filter(slug="acme").update(is_active=False)

    mine = opaque.encode(Document, scene.documents["globex"][0].pk)
    async with (
        subscribed(world, "viewer") as viewer,
        await in_thread(connect)(world, "rival", "globex") as rival,
        await in_thread(connect)(world, "both", "globex") as both,
    ):
        assert (await rival.subscribe(mine))["type"] == "SUBSCRIBED"
        await both.settle()
        await in_thread(everything)()
        assert (await viewer.settle())[-1] == {"close": 4403}
        assert await rival.settle() == []
        assert await both.settle() == []
