"""Leaks that happened elsewhere, a test each: the situation is made here, and nothing gets out.

The first of the list, everything that REST denies, fills `tests/test_denials.py`; how access must
end, and what may be told of it, is in `tests/test_known_leaks_of_access.py`.
"""

from __future__ import annotations

import json
from contextlib import AsyncExitStack
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db import transaction
from guardian.shortcuts import assign_perm

from permissions.rendering import etag
from permissions.representation import ObjectKey
from realtime.publishing import groups
from resources.models import Document, Profile
from tenants import opaque
from tenants.models import Membership, Tenant, User
from tests.client import SocketClient, connect, in_thread, quiet, subscribed
from tests.gates import HeldMessages, rounds_of, this_hub
from tests.test_races import asleep
from tests.world import World

CANARY = "not for these eyes"
PROFILE = "resources.profile"

pytestmark = pytest.mark.usefixtures("by_hand")


def types(frames: list[dict[str, Any]]) -> list[Any]:
    """The frames' types; a close is its code."""
    return [frame.get("type", frame.get("close")) for frame in frames]


def hide(world: World, username: str, audience: str | None) -> None:
    """In one transaction write what this user may not see any more, and take it from them."""
    with transaction.atomic():
        world.write(title=CANARY, budget="666.66", review_notes=CANARY)
        if audience is None:
            world.revoke(username)
        else:
            world.grant(username, audience)


@pytest.mark.parametrize("frames_first", [True, False])
@pytest.mark.parametrize(
    ("audience", "heard"), [(None, "DELETE_DOCUMENT"), ("auditor", "AUDIENCE_CHANGED")]
)
async def test_the_change_that_takes_access_shows_nothing_to_who_loses_it(
    transport: str, world: World, audience: str | None, heard: str, frames_first: bool
) -> None:
    """Parse GHSA-97pr-9hgg-3p8r: a write that also took an object's readers away was still shown to
    them. Here the write and the loss are one transaction, and its messages come in either order."""
    async with subscribed(world, "editor") as editor:
        messages = HeldMessages(this_hub())
        await in_thread(hide)(world, "editor", audience)
        await quiet()
        frames, notices = messages.frames("editor"), messages.notices()
        assert frames
        assert notices
        ordered = [*frames, *notices] if frames_first else [*notices, *frames]
        await messages.release(*ordered)
        got = await editor.settle()
        assert types(got) == [heard]
        assert "666.66" not in json.dumps(got)
        if audience is None:
            assert CANARY not in json.dumps(got)
        else:  # the auditor sees the title
            assert "review_notes" not in got[0]["payload"]


async def test_a_hidden_change_cannot_be_felt_by_when_or_in_which_order_anything_comes(
    world: World,
) -> None:
    """Parse GHSA-qpc3-fg4j-8hgm: who watched a protected field was sent an event when it changed,
    without its value, and so knew when. Here a hidden change does not even wake the socket."""
    other = await in_thread(world.create)(title="Other")
    await in_thread(world.grant)("viewer", "viewer", other)
    rest = await in_thread(world.rest)("viewer")

    def seen() -> list[Any]:
        answers = [rest.get(url) for url in ("/api/documents/", world.url)]
        return [(answer.content, answer.headers) for answer in answers]

    async with subscribed(world, "viewer") as viewer:
        await viewer.subscribe(opaque.encode(Document, other.pk))
        before = await in_thread(seen)()
        woken: list[bool] = []
        [mailbox] = {s.socket.mailbox for s in rounds_of(world).index.all}
        wake = mailbox._wake

        def watched() -> None:
            woken.append(True)
            wake()

        mailbox._wake = watched
        await in_thread(world.write)(budget="1.00", review_notes="Hidden", due_on="2030-01-31")
        await quiet()
        assert woken == []
        assert await in_thread(seen)() == before
        with asleep(world, "viewer"):
            await in_thread(world.write)(title="First")
            await in_thread(entitle)(other, "Second")
            await in_thread(world.write)(budget="2.00")
            await quiet()
        assert [f["payload"]["title"] for f in await viewer.settle()] == ["First", "Second"]


def entitle(obj: Document | Profile, title: str) -> None:
    """Give it another title, which every reader sees."""
    obj.title = title
    obj.save()


SHOWN = {
    "viewer": ["id", "username", "display_name", "title", "bio", "email", "phone", "timezone"],
    "admin": ["id", "username", "display_name", "title", "email"],
    "member": ["id", "display_name", "title", "bio"],
}


def patch(world: World, id: str, **fields: str) -> None:
    """The viewer changes their profile over REST."""
    answer = world.rest("viewer").patch(f"/api/profiles/{id}/", fields, format="json")
    assert answer.status_code == 200


async def test_a_changed_display_name_brings_each_reader_the_fields_of_their_audience_only(
    world: World,
) -> None:
    """Mattermost CVE-2025-13821: the event of a changed nickname carried the whole row of the user,
    with the hash of the password. Here a frame has exactly its audience's fields, in each frame."""

    profile = await in_thread(world.profile)("viewer")
    id = opaque.encode(Profile, profile.pk)
    secret = {"email": "secret@example.com", "phone": "secret phone"}
    await in_thread(patch)(world, id, **secret)
    password = (await in_thread(User.objects.get)(username="viewer")).password
    async with AsyncExitStack() as stack:
        sockets = {}
        for username in SHOWN:
            socket = await stack.enter_async_context(await in_thread(connect)(world, username))
            answer = await socket.subscribe(id, PROFILE)
            assert list(answer["payload"]) == SHOWN[username]
            sockets[username] = socket
        await in_thread(patch)(world, id, display_name="New", phone="still a secret phone")
        for username, socket in sockets.items():
            [frame] = await socket.settle()
            assert list(frame["payload"]) == SHOWN[username]
            assert set(frame["changed"]) <= set(SHOWN[username])
            text = json.dumps(socket.frames)
            assert password not in text
            assert ("secret phone" in text) == (username == "viewer")
            assert ("secret@example.com" in text) == (username != "member")


def administer(world: World) -> None:
    """What admins and owners do that is none of a viewer's business."""
    acme = world.tenants["acme"]
    world.grant("member", "editor")
    world.revoke("member")
    grants = f"{world.url}grants/role:member/"
    owner = world.rest("owner")
    assert owner.put(grants, {"audience": "auditor"}, format="json").status_code == 200
    assert owner.delete(grants).status_code == 204
    newcomer = Membership.objects.create(tenant=acme, user=world.user("newcomer"))
    newcomer.role = "admin"
    newcomer.save()
    Membership.objects.filter(pk=newcomer.pk).update(is_active=False)
    User.objects.filter(username="member").update(is_active=False)
    for active in (False, True):
        Tenant.objects.filter(slug="globex").update(is_active=active)
    Tenant.objects.filter(slug="acme").update(name="Acme & Co.")
    assign_perm("own_document", Group.objects.create(name="auditors"), world.document)
    world.create(title="Not shared")
    world.token("owner")


async def test_what_administrators_do_is_not_told_to_members(world: World) -> None:
    """Mattermost CVE-2026-3433: a changed role was broadcast to people outside the team that it was
    about. Here a notice says to processes that access changed somewhere, and to sockets nothing."""
    mine = opaque.encode(Profile, (await in_thread(world.profile)("viewer")).pk)
    async with subscribed(world, "viewer") as viewer, subscribed(world, "editor") as editor:
        await viewer.subscribe(mine, PROFILE)
        messages = HeldMessages(this_hub())
        await in_thread(administer)(world)
        await quiet()
        assert messages.notices()
        assert {frozenset(m) for m in messages.held} == {frozenset({"type", "tenant", "revision"})}
        await messages.release(*messages.held)
        assert await viewer.settle() == []
        assert await editor.settle() == []


async def test_sockets_of_one_audience_in_two_tenants_get_one_copy_each_of_their_own(
    world: World,
) -> None:
    """absinthe#1064: subscribers who shared a context were sent each change as many times as they
    were. Here every socket gets a frame once, and never that of an equal object of the other
    tenant, though one user reads both."""

    def twin() -> Document:
        theirs = world.create("globex", "rival", title="Plan", body="Text", budget="10.00")
        world.grant("both", "viewer", theirs)
        world.grant("both", "viewer")
        return theirs

    theirs = await in_thread(twin)()
    ids = {"acme": world.id, "globex": opaque.encode(Document, theirs.pk)}
    async with AsyncExitStack() as stack:
        sockets: list[tuple[str, SocketClient]] = []
        etags: dict[str, set[str]] = {"acme": set(), "globex": set()}
        for tenant in [*["acme"] * 4, *["globex"] * 4]:
            socket = await stack.enter_async_context(
                await in_thread(connect)(world, "both", tenant)
            )
            etags[tenant].add((await socket.subscribe(ids[tenant]))["etag"])
            sockets.append((tenant, socket))
        assert [len(found) for found in etags.values()] == [1, 1]
        assert etags["acme"].isdisjoint(etags["globex"])
        await in_thread(world.write)(title="Of acme")
        await in_thread(entitle)(theirs, "Of globex")
        for tenant, socket in sockets:
            [frame] = await socket.settle()
            assert (frame["id"], frame["payload"]["title"]) == (ids[tenant], f"Of {tenant}")


AWKWARD = [
    (tenant, ObjectKey(label, pk), audience)
    for tenant in (1, 11, 111)
    for label in ("a.b", "a.b1", "a1.b", "a1.b1", "a.b_1", "a_.b")
    for pk in (1, 11, 111)
    for audience in ("1", "11", "a", "1a", "-1", "_", "b1", "A")
]


def test_keys_of_different_views_never_coincide() -> None:
    """OpenFGA CVE-2024-56323: two questions had one cache key, and the second got the answer to the
    first. Here the names of groups and etags are as different as what they are made of."""
    names = [groups.of_object(*view) for view in AWKWARD]
    names += {groups.of_tenant(tenant) for tenant, _, _ in AWKWARD}
    assert len(set(names)) == len(AWKWARD) + 3
    for body in (b"{}", b'{"title":"1"}'):
        assert len({etag(*view, body) for view in AWKWARD}) == len(AWKWARD)


def twins(world: World) -> tuple[str, Document, Profile]:
    """Somebody's profile, and a document of theirs that has the same key."""
    taken = world.document.pk
    name = next(n for n in ("viewer", "editor") if world.profile(n).pk != taken)
    profile = world.profile(name)
    document = Document(pk=profile.pk, tenant=profile.tenant, owner=profile.user, title="Twin")
    document.save()
    return name, document, profile


async def test_objects_of_two_models_with_one_key_are_not_taken_for_each_other(
    world: World,
) -> None:
    """The same for what the hub keeps: one key, one tenant, one reader, two objects."""
    name, document, profile = await in_thread(twins)(world)
    async with await in_thread(connect)(world, name) as socket:
        for label, obj in (("resources.document", document), (PROFILE, profile)):
            answer = await socket.subscribe(opaque.encode(type(obj), obj.pk), label)
            assert answer["type"] == "SUBSCRIBED"
        await in_thread(entitle)(document, "Changed")
        assert types(await socket.settle()) == ["UPDATE_DOCUMENT"]
        await in_thread(entitle)(profile, "Changed")
        assert types(await socket.settle()) == ["UPDATE_PROFILE"]
        await in_thread(document.delete)()
        assert types(await socket.settle()) == ["DELETE_DOCUMENT"]
        await in_thread(entitle)(profile, "Still there")
        assert types(await socket.settle()) == ["UPDATE_PROFILE"]
