"""Promise 5: nothing of one tenant reaches another, and absent and forbidden answer alike."""

from __future__ import annotations

import json
from typing import Any

import pytest
from guardian.shortcuts import assign_perm

from realtime.publishing import groups
from resources.models import Document
from tenants import opaque
from tenants.models import User
from tests.client import connect, in_thread, subscribed
from tests.gates import this_hub
from tests.world import World

STRANGERS = [("rival", "globex"), ("both", "globex"), ("both", "acme"), ("member", "acme")]
ABSENT = opaque.encode(Document, 10**6)


@pytest.mark.parametrize(("username", "tenant"), STRANGERS)
@pytest.mark.parametrize("method", ["get", "put", "patch", "delete"])
def test_a_stranger_cannot_tell_a_document_from_none(
    world: World, username: str, tenant: str, method: str
) -> None:
    client = world.rest(username, tenant)
    for path in ("", "grants/", f"grants/user:{world.user_id('viewer')}/"):
        real = getattr(client, method)(world.url + path, {"title": "X"}, format="json")
        none = getattr(client, method)(
            f"/api/documents/{ABSENT}/{path}", {"title": "X"}, format="json"
        )
        assert (real.status_code, real.content) == (none.status_code, none.content)
        assert real.status_code in (404, 405)


@pytest.mark.parametrize(("username", "tenant"), STRANGERS)
async def test_a_stranger_cannot_tell_a_document_from_none_over_a_socket(
    world: World, username: str, tenant: str
) -> None:
    async with await in_thread(connect)(world, username, tenant) as socket:
        real = await socket.subscribe(world.id)
        none = await socket.subscribe(ABSENT)
        assert json.dumps(real).replace(world.id, ABSENT) == json.dumps(none)
        assert real["code"] == "not_found"


@pytest.mark.parametrize(("username", "tenant"), STRANGERS)
def test_a_list_shows_strangers_nothing(world: World, username: str, tenant: str) -> None:
    answer = world.rest(username, tenant).get("/api/documents/").json()
    assert answer == {
        "results": [], "rows": [], "more": False, "cursor": None, "unavailable": 0,
    }  # fmt: skip


async def test_a_permission_from_outside_gives_nothing_without_a_membership(world: World) -> None:
    """Guardian would let them: a permission is worth nothing to who is no member."""

    def grant() -> None:
        assign_perm("own_document", world.user("rival"), world.document)

    await in_thread(grant)()
    async with await in_thread(connect)(world, "rival", "globex") as rival:
        assert (await rival.subscribe(world.id))["code"] == "not_found"
    answer = await in_thread(lambda: world.rest("rival", "globex").get(world.url))()
    assert answer.status_code == 404


async def test_a_superuser_has_no_audience_by_being_one(world: World) -> None:
    def promote() -> None:
        User.objects.filter(username="member").update(is_superuser=True, is_staff=True)

    await in_thread(promote)()
    async with await in_thread(connect)(world, "member") as member:
        assert (await member.subscribe(world.id))["code"] == "not_found"
    answer = await in_thread(lambda: world.rest("member").get(world.url))()
    assert answer.status_code == 404


async def test_who_is_in_two_tenants_gets_on_a_socket_only_what_is_of_its_tenant(
    world: World,
) -> None:
    def prepare() -> Document:
        theirs = world.create("globex", "rival")
        for document in (world.document, theirs):
            world.grant("both", "viewer", document)
        return theirs

    theirs = await in_thread(prepare)()
    async with await in_thread(connect)(world, "both", "acme") as both:
        assert (await both.subscribe(world.id))["type"] == "SUBSCRIBED"
        elsewhere = opaque.encode(Document, theirs.pk)
        assert (await both.subscribe(elsewhere))["code"] == "not_found"

        def write_there() -> None:
            theirs.title = "Of the other tenant"
            theirs.save()

        await in_thread(write_there)()
        assert await both.settle() == []


async def test_a_frame_with_another_tenants_stamp_reaches_nobody(world: World) -> None:
    """As if a group name of one tenant had been used by another."""
    async with subscribed(world, "viewer") as viewer:
        foreign: Any = {
            "type": "hub.frame",
            "tenant": world.tenants["globex"].pk,
            "model": "resources.document",
            "pk": world.document.pk,
            "audience": "viewer",
            "version": 10**9,
            "revision": 0,
            "etag": "x",
            "schema": "x",
            "changed": ["title"],
            "body": b'{"title":"Of the other tenant"}',
        }
        await this_hub()._deliver(foreign)
        assert await viewer.settle() == []


def test_group_names_of_two_tenants_never_meet(world: World) -> None:
    names = {
        groups.of_object(tenant.pk, world.key, "viewer") for tenant in world.tenants.values()
    } | {groups.of_tenant(tenant.pk) for tenant in world.tenants.values()}
    assert len(names) == 2 * len(world.tenants)


@pytest.mark.parametrize("method", ["get", "put", "patch", "delete"])
def test_who_is_in_two_tenants_cannot_tell_the_others_object_from_none(
    world: World, method: str
) -> None:
    """They see it there, so the permission is theirs; here it is absent, to every method."""
    theirs = world.create("globex", "rival")
    world.grant("both", "owner", theirs)
    for path in ("", "grants/", f"grants/user:{world.user_id('rival')}/"):
        real, none = (
            getattr(world.rest("both", "acme"), method)(
                f"/api/documents/{id}/{path}", {"title": "X"}, format="json"
            )
            for id in (opaque.encode(Document, theirs.pk), ABSENT)
        )
        assert (real.status_code, real.content) == (none.status_code, none.content)
        assert real.status_code in (404, 405)
