"""A socket that goes on by another credential: no gap, and no subscribing anew."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from knox.models import AuthToken

from realtime.audit.models import Connection
from realtime.transport import door
from tests.client import SocketClient, in_thread, quiet, subscribed
from tests.gates import this_hub
from tests.world import World

pytestmark = pytest.mark.django_db(transaction=True)


def ticket(world: World, username: str = "viewer", tenant: str = "acme") -> str:
    text: str = world.rest(username, tenant).post("/api/tickets/").json()["ticket"]
    return text


def newest(world: World, username: str = "viewer") -> AuthToken:
    found: AuthToken = AuthToken.objects.filter(user=world.user(username)).latest("created")
    return found


async def renew(socket: SocketClient, ticket: str) -> dict[str, Any]:
    await socket.send({"action": "renew", "ticket": ticket, "ref": "r"})
    while (frame := await socket.receive()).get("ref") != "r":
        assert "close" not in frame, frame
    return frame


def only_token(socket: SocketClient) -> str:
    assert socket.token is not None
    return socket.token[:15]


async def test_renewed_socket_outlives_its_first_credential(world: World) -> None:
    async with subscribed(world, "viewer") as viewer:
        text = await in_thread(ticket)(world)
        token = await in_thread(newest)(world)
        answer = await renew(viewer, text)
        assert answer.keys() == {"type", "expires", "ref"}
        assert parse_datetime(answer["expires"]) == token.expiry
        await quiet()
        row = await in_thread(Connection.objects.get)()
        assert (row.kind, row.key) == ("token", token.pk)
        await in_thread(AuthToken.objects.filter(token_key=only_token(viewer)).delete)()
        await in_thread(world.write)(title="Still live")
        assert [f["type"] for f in await viewer.settle()] == ["UPDATE_DOCUMENT"]
        await in_thread(token.delete)()
        assert (await viewer.settle())[-1] == {"close": 4401}


async def test_token_that_is_renewed_keeps_its_sockets_until_they_are_renewed(
    world: World,
) -> None:
    async with subscribed(world, "viewer") as viewer:
        rest = await in_thread(world.rest)("viewer")
        rest.credentials(HTTP_AUTHORIZATION=f"Token {viewer.token}")
        token = (await in_thread(rest.post)("/api/token/")).json()["token"]
        assert await viewer.settle() == []
        rest.credentials(HTTP_AUTHORIZATION=f"Token {token}")
        text = (await in_thread(rest.post)("/api/tickets/")).json()["ticket"]
        assert (await renew(viewer, text))["type"] == "RENEWED"
        await in_thread(AuthToken.objects.filter(token_key="").delete)()
        assert await viewer.settle() == []
        await in_thread(rest.post)("/api/logout/")
        assert (await viewer.settle())[-1] == {"close": 4401}


async def test_credential_whose_expiry_moves_ends_its_socket_then(world: World) -> None:
    """Not when it would have, and not with the next sweep."""
    async with subscribed(world, "viewer") as viewer:
        mine = AuthToken.objects.filter(token_key=only_token(viewer))
        await in_thread(mine.update)(expiry=timezone.now() + timedelta(seconds=0.5))
        assert await viewer.receive() == {"close": 4401}


async def test_renewed_socket_does_not_end_when_its_first_credential_would_have(
    world: World,
) -> None:
    async with subscribed(world, "viewer") as viewer:
        text = await in_thread(ticket)(world)
        mine = AuthToken.objects.filter(token_key=only_token(viewer))
        until = timezone.now() + timedelta(seconds=0.5)
        await in_thread(mine.update)(expiry=until)
        assert (await renew(viewer, text))["type"] == "RENEWED"
        async with subscribed(world, "viewer") as other:
            last = AuthToken.objects.filter(token_key=only_token(other))
            await in_thread(last.update)(expiry=until + timedelta(seconds=0.2))
            assert await other.receive() == {"close": 4401}
        assert await viewer.settle() == []


async def test_ticket_of_somebody_else_renews_nothing(world: World) -> None:
    async with subscribed(world, "viewer") as viewer:
        for whose, where in (("owner", "acme"), ("rival", "globex")):
            answer = await renew(viewer, await in_thread(ticket)(world, whose, where))
            assert (answer["type"], answer["code"]) == ("ERROR", "invalid")
        for frame in ({"action": "renew"}, {"action": "renew", "ticket": 5}):
            await viewer.send(frame)
            assert (await viewer.receive())["code"] == "invalid"
        await in_thread(world.write)(title="Still live")
        assert [f["type"] for f in await viewer.settle()] == ["UPDATE_DOCUMENT"]


async def test_tickets_are_not_guessed_on_one_socket(world: World) -> None:
    async with subscribed(world, "viewer") as viewer:
        for number in range(10):
            await viewer.send({"action": "renew", "ticket": f"guess {number}"})
        frames = [await viewer.receive() for _ in range(11)]
        assert frames[-1] == {"close": 4400}


async def test_credential_that_ends_while_it_renews_a_socket_ends_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Revoked after it was looked at, and applied by the hub before the socket went on by it."""
    async with subscribed(world, "viewer") as viewer:
        text = await in_thread(ticket)(world)
        before = door.renew_identity

        def revoked_right_after(*args: Any) -> Any:
            found = before(*args)
            AuthToken.objects.filter(pk=found.credential.key).delete()
            return found

        monkeypatch.setattr(door, "renew_identity", revoked_right_after)
        await viewer.send({"action": "renew", "ticket": text})
        frame = await viewer.receive()
        while "close" not in frame:
            frame = await viewer.receive()
        assert frame == {"close": 4401}


async def test_credential_that_is_renewed_while_the_old_one_is_looked_at_does_not_end(
    world: World,
) -> None:
    async with subscribed(world, "viewer") as viewer:
        hub = this_hub()
        [socket] = hub.connections
        text = await in_thread(ticket)(world)
        run = hub.run

        async def renewed_before(work: Any, *args: Any) -> Any:
            hub.run = run  # type: ignore[method-assign]
            assert (await renew(viewer, text))["type"] == "RENEWED"
            await in_thread(AuthToken.objects.filter(token_key=only_token(viewer)).delete)()
            return await run(work, *args)

        hub.run = renewed_before  # type: ignore[method-assign]
        await hub.session_checks.of_sockets([socket])
        assert await viewer.settle() == []


async def test_renewing_without_a_database_sends_the_client_elsewhere(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: Any) -> Any:
        raise OperationalError("server closed the connection unexpectedly")

    async with subscribed(world, "viewer") as viewer:
        monkeypatch.setattr(door, "renew_identity", away)
        await viewer.send({"action": "renew", "ticket": "x"})
        assert await viewer.receive() == {"close": 4503}
