"""More leaks that happened elsewhere: access, or an object, that ended and was not seen to end.

What was sent too much of is in `tests/test_known_leaks.py`.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db import transaction
from django.test import Client
from guardian.shortcuts import assign_perm

from resources.models import Document, Profile
from tenants import opaque
from tenants.models import Membership, User
from tests.client import SocketClient, connect, in_thread, quiet, subscribed
from tests.gates import HeldMessages, this_hub
from tests.test_known_leaks import CANARY, PROFILE, SHOWN, entitle, types
from tests.test_races import asleep
from tests.world import World

pytestmark = pytest.mark.usefixtures("by_hand")


def log_out(world: World, browser: Client) -> None:
    assert browser.post("/api/logout/").status_code == 204


def log_in_as_another(world: World, browser: Client) -> None:
    browser.force_login(world.user("member"), "django.contrib.auth.backends.ModelBackend")


def lose_the_session(world: World, browser: Client) -> None:
    browser.logout()


@pytest.mark.parametrize("end", [log_out, log_in_as_another, lose_the_session])
async def test_a_subscription_does_not_outlive_the_session_that_it_was_made_with(
    world: World, end: Callable[[World, Client], None]
) -> None:
    """SurrealDB GHSA-4m82-p8cx-f94j: a live query kept the identity of its registration, whoever
    the session belonged to afterwards. Here the socket closes with the session that opened it."""
    browser = Client()

    def ticket() -> str:
        browser.force_login(world.user("viewer"), "django.contrib.auth.backends.ModelBackend")
        text: str = browser.post("/api/tickets/").json()["ticket"]
        return text

    text = await in_thread(ticket)()
    async with SocketClient(None, query=f"&ticket={text}") as viewer:
        assert (await viewer.subscribe(world.id))["type"] == "SUBSCRIBED"
        await in_thread(end)(world, browser)
        await in_thread(world.write)(title=CANARY)
        assert (await viewer.settle())[-1] == {"close": 4401}
        assert CANARY not in json.dumps(viewer.frames)


async def test_no_credential_of_a_suspended_user_works_anywhere(world: World) -> None:
    """Directus GHSA-56p6-qw3c-fq2g: a session was checked for its signature and not for whether its
    user was still active. Here token, session and ticket end with that, at every door, at once."""
    browser = Client()

    def arrange() -> tuple[Any, str]:
        browser.force_login(world.user("viewer"), "django.contrib.auth.backends.ModelBackend")
        return world.rest("viewer"), browser.post("/api/tickets/").json()["ticket"]

    def codes() -> list[int]:
        return [client.get(world.url).status_code for client in (token, browser)]

    token, ticket = await in_thread(arrange)()
    assert await in_thread(codes)() == [200, 200]
    async with subscribed(world, "viewer") as live:
        await in_thread(User.objects.filter(username="viewer").update)(is_active=False)
        await in_thread(world.write)(title=CANARY)
        assert (await live.settle())[-1] == {"close": 4401}
        assert CANARY not in json.dumps(live.frames)
    assert await in_thread(codes)() == [401, 401]
    for door in (SocketClient(None, query=f"&ticket={ticket}"), connect):
        socket = door if isinstance(door, SocketClient) else await in_thread(door)(world, "viewer")
        async with socket:
            assert await socket.receive() == {"close": 4401}


async def test_a_removed_member_receives_and_sends_nothing_more(world: World) -> None:
    """RocketChat#11322: who was kicked out of a channel went on receiving from it and could still
    write to it. Here their sockets of that tenant end, those of their other tenant do not."""

    def kick() -> None:
        Membership.objects.filter(user=world.user("both"), tenant=world.tenants["acme"]).delete()

    await in_thread(world.grant)("both", "editor")
    theirs = await in_thread(world.create)("globex", "both")
    async with (
        await in_thread(connect)(world, "both", "acme") as here,
        await in_thread(connect)(world, "both", "globex") as there,
    ):
        assert (await here.subscribe(world.id))["type"] == "SUBSCRIBED"
        assert (await there.subscribe(opaque.encode(Document, theirs.pk)))["type"] == "SUBSCRIBED"
        await in_thread(kick)()
        await in_thread(world.write)(title=CANARY)
        await here.send({"model": "resources.document", "id": world.id})
        frames = await here.settle()
        assert frames[-1] == {"close": 4403}
        assert CANARY not in json.dumps(here.frames)
        assert await there.settle() == []
        await in_thread(entitle)(theirs, "Still theirs")
        assert types(await there.settle()) == ["UPDATE_DOCUMENT"]
    rest = await in_thread(world.rest)("both", "acme")
    answer = await in_thread(lambda: rest.patch(world.url, {"title": "Mine"}, format="json"))()
    assert answer.status_code == 403


def demote(world: World) -> None:
    membership = Membership.objects.get(user=world.user("admin"), tenant=world.tenants["acme"])
    membership.role = "member"
    membership.save()


async def test_a_lost_role_ends_what_it_let_one_subscribe_to(world: World) -> None:
    """baserow#1461: a role taken away closed the page to new subscribers, and those who had it open
    went on receiving. Here each live subscription is asked again, and the socket stays."""
    mine = opaque.encode(Profile, (await in_thread(world.profile)("admin")).pk)
    profile = opaque.encode(Profile, (await in_thread(world.profile)("viewer")).pk)
    async with subscribed(world, "admin") as admin:
        for id in (mine, profile):
            await admin.subscribe(id, PROFILE)
        await in_thread(demote)(world)
        await in_thread(world.write)(title=CANARY)
        told = {frame["id"]: frame for frame in await admin.settle()}
        assert told.keys() == {world.id, profile}
        assert told[world.id]["type"] == "DELETE_DOCUMENT"
        assert (told[profile]["type"], told[profile]["audience"]) == ("AUDIENCE_CHANGED", "member")
        assert list(told[profile]["payload"]) == SHOWN["member"]
        assert CANARY not in json.dumps(admin.frames)


async def test_a_deletion_carries_no_content_not_even_of_what_waited_to_be_sent(
    world: World,
) -> None:
    """Mattermost CVE-2026-2578: the event of a deleted post brought the text that had been withheld
    until then. Here a deletion names the object, and replaces whatever waits for a slow reader."""
    async with subscribed(world, "viewer") as viewer:
        messages = HeldMessages(this_hub())
        with asleep(world, "viewer"):
            await in_thread(world.write)(title=CANARY)
            await quiet()
            await messages.release(*messages.held)
            messages.held.clear()
            await in_thread(world.document.delete)()
            await quiet()
            assert [set(m) for m in messages.held] == [{"type", "tenant", "revision"}]
            await messages.release(*messages.held)
        id = next(iter(viewer.copies))[1]
        gone = {"type": "DELETE_DOCUMENT", "model": "resources.document", "id": id}
        assert await viewer.settle() == [gone]
        assert CANARY not in json.dumps(viewer.frames)


def delete_over_rest(world: World) -> None:
    assert world.rest("owner").delete(world.url).status_code == 204


def change_and_delete(world: World) -> None:
    with transaction.atomic():
        world.write(title=CANARY)
        Document.objects.get(tenant=world.tenants["acme"], pk=world.document.pk).delete()


DELETIONS: dict[str, Any] = {
    "an instance": lambda w: w.document.delete(),
    "a query": lambda w: Document.objects.filter(tenant=w.tenants["acme"]).delete(),
    "over REST": delete_over_rest,
    "after a change in the same transaction": change_and_delete,
    "with its permissions first": lambda w: (
        w.document.documentusergrant_set.all().delete(),
        w.document.documentgroupgrant_set.all().delete(),
        w.document.delete(),
    ),
}


@pytest.mark.parametrize("delete", DELETIONS.values(), ids=DELETIONS)
async def test_a_deletion_is_told_once_to_every_live_reader_and_to_nobody_else(
    world: World, delete: Any
) -> None:
    """surrealdb#6991: who may see a record was asked of the record as it was after the deletion,
    empty, so that nobody was told. Here all who held the object are, by whichever way they saw it,
    and who had lost it before hears nothing."""

    def arrange() -> str:
        group = Group.objects.create(name="readers")
        assign_perm("view_document", group, world.document)
        world.user("both").groups.add(group)
        return opaque.encode(Document, world.create("globex", "rival").pk)

    elsewhere = await in_thread(arrange)()
    gone = {"type": "DELETE_DOCUMENT", "model": "resources.document", "id": world.id}
    async with AsyncExitStack() as stack:
        readers = [
            await stack.enter_async_context(subscribed(world, username))
            for username in ("owner", "viewer", "viewer", "admin", "both")
        ]
        former = await stack.enter_async_context(subscribed(world, "editor"))
        await in_thread(world.revoke)("editor")
        assert await former.settle() == [gone]
        rival = await stack.enter_async_context(await in_thread(connect)(world, "rival", "globex"))
        await rival.subscribe(elsewhere)
        await in_thread(delete)(world)
        for reader in readers:
            assert await reader.settle() == [gone]
            assert await reader.settle() == []
        assert await former.settle() == []
        assert await rival.settle() == []
