"""Leaks that happened to others with live lists, tried on windows."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import pytest

from permissions.audiences import registry
from resources.documents.audiences import DOCUMENTS
from resources.models import Document
from tenants import opaque
from tenants.models import Membership
from tests.client import in_thread, quiet
from tests.conftest import StartServer
from tests.databases import with_broker
from tests.gates import HeldMessages, this_hub
from tests.test_processes import call
from tests.windows import DOCUMENT, Open, id_of, kinds
from tests.world import World

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("by_hand")]


async def test_delayed_frame_reaches_nobody_who_joined_the_role_after_the_grant_was_taken(
    world: World, enter: Open
) -> None:
    """A role is granted, content written, the frame delayed, the grant revoked; then a user joins
    the role, that is applied, and the frame comes."""
    await in_thread(Membership.objects.filter(user=world.user("member")).update)(is_active=True)
    w = await enter("member")
    await w.open()
    held = HeldMessages(this_hub())
    rest = await in_thread(world.rest)("owner")
    url = f"{world.url}grants/role:member/"
    await in_thread(rest.put)(url, {"audience": "viewer"}, format="json")
    await in_thread(world.write)(title="For the role")
    await quiet()
    await in_thread(rest.delete)(url)
    await quiet()
    await held.release(*held.notices())
    await held.release(*held.moves(), *held.moves())
    assert w.rows["w"] == []
    assert [f for f in await w.socket.settle() if "payload" in f] == []


async def test_row_that_leaves_by_its_content_is_told_without_the_content(
    world: World, enter: Open
) -> None:
    w = await enter("viewer")
    await w.open(where={"status": "draft"})
    await in_thread(world.write)(status="published", title="Secret until it is found")
    (frame,) = await w.socket.settle()
    assert frame == {"type": "LEFT", "model": DOCUMENT, "id": world.id, "window": "w"}
    await in_thread(world.write)(title="Never matched")
    assert await w.socket.settle() == []


async def test_deletion_is_told_to_those_who_saw_the_object(world: World, enter: Open) -> None:
    w, others = await enter("viewer"), await enter("member")
    filtered = await enter("viewer")
    for each in (w, others):
        await each.open()
    await filtered.open(where={"status": "published"})
    await in_thread(Document.objects.across_tenants().filter(pk=world.document.pk).delete)()
    assert kinds(await w.socket.settle()) == ["LEFT"]
    assert await others.socket.settle() == []
    assert await filtered.socket.settle() == []


async def test_live_changes_pass_the_filter_of_the_list(world: World, enter: Open) -> None:
    w = await enter("viewer")
    await w.open(where={"status": "published"})
    await in_thread(world.write)(title="Still a draft")
    other = await in_thread(world.create)()
    await in_thread(world.grant)("viewer", "viewer", other)
    assert await w.socket.settle() == []
    await w.check(status=["published"])


async def test_object_enters_as_the_audience_that_its_reader_is_in(
    world: World, enter: Open
) -> None:
    """Shared as an editor's, demoted before it came: the frame is a viewer's."""
    w = await enter("viewer")
    await w.open()
    other = await in_thread(world.create)(review_notes="For editors")
    await quiet()  # what is told of its creation would be read between the two grants
    held = HeldMessages(this_hub())
    await in_thread(world.grant)("viewer", "editor", other)
    await in_thread(world.grant)("viewer", "viewer", other)
    await quiet()
    await held.release(*held.held)
    (frame,) = await w.socket.settle()
    assert (frame["type"], frame["audience"]) == ("ENTERED", "viewer")
    assert "For editors" not in repr(w.socket.frames)


async def test_place_cursor_and_more_tell_nothing_of_what_is_hidden(
    world: World, enter: Open
) -> None:
    w = await enter("viewer")
    answer = await w.open(limit=1)
    for _ in range(3):
        await in_thread(world.create)()
    assert await w.socket.settle() == []
    mine = await in_thread(world.create)(owner="viewer")
    await in_thread(world.create)()
    frames = await w.socket.settle()
    assert [f["id"] for f in frames if "id" in f] == [world.id, id_of(mine)]
    more = frames[-1]
    assert kinds(frames) == ["LEFT", "ENTERED", "MORE"]
    hidden = await enter("member")
    assert (await hidden.open(limit=1)) | {"ref": 0} == answer | {"ref": 0}
    assert (answer["more"], answer["cursor"]) == (False, None)
    assert opaque.decode(Document, more["cursor"].split(".")[0]) == mine.pk


async def test_filter_by_a_field_that_its_reader_does_not_see_matches_nothing(
    world: World, enter: Open
) -> None:
    """Auditors do not see the body: no value of it can be tried."""
    filters = replace(DOCUMENTS, filters=("status", "body"))
    registry.register(filters)
    try:
        w, owner = await enter("admin"), await enter("owner")
        await w.open(where={"body": "Text"})
        await owner.open(where={"body": "Text"})
        assert (w.rows["w"], owner.rows["w"]) == ([], [world.id])
        await in_thread(world.write)(body="Other")
        assert kinds(await owner.socket.settle()) == ["LEFT"]
        await in_thread(world.write)(body="Text")
        assert kinds(await owner.socket.settle()) == ["ENTERED"]
        assert await w.socket.settle() == []
    finally:
        registry.register(DOCUMENTS)


@with_broker
async def test_delayed_frame_of_another_process_does_not_reach_who_joined_the_role_later(
    world: World, by_hand: None, enter: Open, start_server: StartServer
) -> None:
    """The same between two processes: auditors do not see the body, viewers by the role do."""
    server = await in_thread(start_server)("uvicorn")
    there = partial(in_thread(call), server, world, "owner")
    w = await enter("admin")
    await w.open()
    assert w.shown()[0].keys().isdisjoint({"body"})
    held = HeldMessages(this_hub())
    grant = f"{world.url}grants/role:member/"
    await there("PUT", grant, {"audience": "viewer"})
    await there("PATCH", world.url, {"body": "For the role"})
    await held.until(lambda: bool(held.moves()))
    await there("DELETE", grant)
    before = len(held.notices())
    theirs = Membership.objects.filter(user=world.user("admin"), tenant=world.tenants["acme"])
    await in_thread(theirs.update)(role="member")
    await held.until(lambda: len(held.notices()) > before)
    await held.release(*held.notices())
    assert kinds(await w.socket.settle()) == ["LEFT"]
    await held.release(*held.moves(), *held.moves())
    await w.socket.settle()
    assert "For the role" not in repr(w.socket.frames)
    assert w.rows["w"] == []


async def test_windows_of_two_tenants_with_the_same_keys_are_strangers(
    world: World, enter: Open
) -> None:
    w = await enter("owner")
    await w.open()
    await in_thread(world.create)("globex", "rival")
    assert await w.socket.settle() == []


async def test_window_ends_with_its_credential(world: World, enter: Open) -> None:
    w = await enter("viewer")
    await w.open()
    rest = await in_thread(world.rest)("viewer")
    await in_thread(rest.post)("/api/logoutall/")
    assert (await w.socket.settle())[-1] == {"close": 4401}
    await in_thread(world.write)(title="New")
    await quiet()
    assert not w.socket.communicator.output_queue.qsize()
