"""Promise 8: an object that cannot be shown fails alone, for the audiences whose payload fails."""

from __future__ import annotations

import pytest

from permissions.representation import ObjectKey
from realtime.hub import reading
from realtime.metrics import DRIFT
from realtime.models import Change
from resources.documents.audiences import DOCUMENTS
from resources.models import Document
from tenants import opaque
from tests.client import connect, in_thread, quiet, subscribed
from tests.gates import GatedReads, HeldMessages, rounds_of, this_hub
from tests.test_cost import counted, serialized
from tests.unshowable import BAD, accesses, pushes, sweep, types
from tests.world import World

pytestmark = pytest.mark.usefixtures("by_hand", "unshowable")

MODEL = "resources.document"


def drift() -> float:
    return float(DRIFT.labels(MODEL, "change")._value.get())


# Those who listen.


async def test_a_subscriber_of_what_becomes_unavailable_is_told_once_and_gets_it_when_mended(
    world: World,
) -> None:
    async with subscribed(world, "editor") as editor, subscribed(world, "viewer") as viewer:
        await in_thread(world.write)(review_notes=BAD)
        [told] = await editor.settle()
        assert told == {
            "type": "ERROR",
            "code": "unavailable",
            "detail": told["detail"],
            "model": MODEL,
            "id": world.id,
        }
        assert "title" in editor.copies[MODEL, world.id]  # as it was
        await in_thread(world.write)(title="Still bad")
        assert await editor.settle() == []
        assert types(await viewer.settle()) == ["UPDATE_DOCUMENT"]
        await in_thread(world.write)(review_notes="mended")
        [update] = await editor.settle()
        assert update["type"] == "UPDATE_DOCUMENT"
        assert (update["changed"], update["payload"]["title"]) == (["review_notes"], "Still bad")
        assert await viewer.settle() == []


async def test_who_was_told_is_told_too_when_it_is_again_as_it_was(world: World) -> None:
    async with subscribed(world, "editor") as editor:
        await in_thread(world.write)(review_notes=BAD)
        assert types(await editor.settle()) == ["unavailable"]
        await in_thread(world.write)(review_notes="")
        assert types(await editor.settle()) == ["UPDATE_DOCUMENT"]
        await in_thread(world.write)(review_notes=BAD)
        assert types(await editor.settle()) == ["unavailable"]


async def test_a_subscribe_to_what_is_unavailable_is_answered_so_and_again_when_mended(
    world: World,
) -> None:
    await in_thread(world.write)(review_notes=BAD)
    async with await in_thread(connect)(world, "editor") as editor:
        answer = await editor.subscribe(world.id)
        assert (answer["code"], answer["id"], answer["ref"]) == ("unavailable", world.id, "s")
        await editor.send({"model": MODEL, "id": world.id, "ref": 2, "etag": ""})
        again = await editor.receive()
        assert (again["code"], again["ref"]) == ("unavailable", 2)
        await in_thread(world.write)(title="Still bad")
        assert await editor.settle() == []
        await in_thread(world.write)(review_notes="mended")
        frames = await editor.settle()
        assert [(f["type"], f["ref"]) for f in frames] == [("SUBSCRIBED", "s"), ("SUBSCRIBED", 2)]
        assert frames[0]["payload"]["review_notes"] == "mended"
        await in_thread(world.write)(title="Live")
        assert types(await editor.settle()) == ["UPDATE_DOCUMENT"]


async def test_what_comes_from_no_broker_is_found_by_the_tail(world: World) -> None:
    async with subscribed(world, "editor") as editor, subscribed(world, "viewer") as viewer:
        await this_hub().tail.look()
        HeldMessages(this_hub())
        await in_thread(world.write)(review_notes=BAD)
        await quiet()
        await this_hub().tail.look()
        assert types(await editor.settle()) == ["unavailable"]
        await in_thread(world.write)(review_notes="mended")
        await quiet()
        await this_hub().tail.look()
        assert types(await editor.settle()) == ["UPDATE_DOCUMENT"]
        assert await viewer.settle() == []


async def test_a_mend_on_its_way_during_the_read_of_a_subscribe_is_not_missed(
    world: World,
) -> None:
    await in_thread(world.write)(review_notes=BAD)
    async with subscribed(world, "viewer"), await in_thread(connect)(world, "editor") as editor:
        assert (await editor.subscribe(world.id))["code"] == "unavailable"
        gate = GatedReads(rounds_of(world)).hold(reading.read_round)
        rounds_of(world).ask(rounds_of(world).index.all)
        await gate.entered()
        await in_thread(world.write)(review_notes="mended")
        gate.open()
        await quiet()
        assert types(await editor.settle()) == ["SUBSCRIBED"]


async def test_who_moves_to_an_audience_that_cannot_be_shown_keeps_no_live_copy(
    world: World,
) -> None:
    await in_thread(world.write)(review_notes=BAD)
    async with subscribed(world, "viewer") as viewer:
        await in_thread(world.grant)("viewer", "editor")
        assert types(await viewer.settle()) == ["unavailable"]
        assert await in_thread(accesses)(world, "viewer") == [("viewer", "audience changed")]
        await in_thread(world.write)(title="For viewers")
        assert await viewer.settle() == []
        await in_thread(world.write)(review_notes="mended")
        [moved] = await viewer.settle()
        assert (moved["type"], moved["audience"]) == ("AUDIENCE_CHANGED", "editor")
        await in_thread(world.revoke)("viewer")
        assert types(await viewer.settle()) == ["DELETE_DOCUMENT"]


async def test_who_moves_away_from_what_cannot_be_shown_gets_what_can(world: World) -> None:
    async with subscribed(world, "editor") as editor:
        await in_thread(world.write)(review_notes=BAD)
        assert types(await editor.settle()) == ["unavailable"]
        await in_thread(world.grant)("editor", "viewer")
        [moved] = await editor.settle()
        assert (moved["type"], moved["audience"]) == ("AUDIENCE_CHANGED", "viewer")


async def test_who_loses_what_was_never_shown_is_answered_not_found(world: World) -> None:
    await in_thread(world.write)(review_notes=BAD)
    async with await in_thread(connect)(world, "editor") as editor:
        assert (await editor.subscribe(world.id))["code"] == "unavailable"
        await in_thread(world.revoke)("editor")
        [gone] = await editor.settle()
        assert (gone["code"], gone["ref"]) == ("not_found", "s")
        assert rounds_of(world).index.all == set()


async def test_unsubscribing_from_what_cannot_be_shown_ends_it(world: World) -> None:
    await in_thread(world.write)(review_notes=BAD)
    async with await in_thread(connect)(world, "editor") as editor:
        assert (await editor.subscribe(world.id))["code"] == "unavailable"
        await editor.send({"action": "unsubscribe", "model": MODEL, "id": world.id})
        assert (await editor.receive())["type"] == "UNSUBSCRIBED"
        await in_thread(world.write)(review_notes="mended")
        assert await editor.settle() == []


async def test_a_deleted_object_that_could_not_be_shown_ends_as_any_other(world: World) -> None:
    async with subscribed(world, "editor") as editor:
        await in_thread(world.write)(review_notes=BAD)
        await quiet()
        await in_thread(world.document.delete)()
        assert types(await editor.settle()) == ["unavailable", "DELETE_DOCUMENT"]


# The others.


async def test_one_of_many_objects_fails_and_no_other_is_late(world: World) -> None:
    others = [await in_thread(world.create)(title=f"{n}") for n in range(5)]
    await in_thread(world.write)(review_notes=BAD)
    async with await in_thread(connect)(world, "owner") as owner:
        for document in (*others[:3], world.document, *others[3:]):
            await owner.send({"model": MODEL, "id": opaque.encode(Document, document.pk)})
        await owner.settle()  # all were sent
        await owner.settle()  # and answered
        answers = [answer for answer in types(owner.frames) if answer != "PONG"]
        assert sorted(answers) == ["SUBSCRIBED"] * 5 + ["WELCOME", "unavailable"]


# What it costs.


async def test_what_cannot_be_shown_is_read_no_more_often_than_what_can(world: World) -> None:
    """A sweep renders it once for an audience and writes nothing; the tail does not ask again."""
    async with subscribed(world, "editor") as editor, subscribed(world, "owner") as owner:
        await this_hub().tail.look()
        await in_thread(world.write)(review_notes=BAD)
        for socket in (editor, owner):
            assert types(await socket.settle()) == ["unavailable"]
        async with await in_thread(connect)(world, "editor") as late:
            assert (await late.subscribe(world.id))["code"] == "unavailable"
            await quiet()
            before, drifted = serialized(), drift()
            written = await in_thread(Change.objects.count)()
            await this_hub().tail.look()
            await this_hub().tail.look()
            await quiet()
            assert serialized() - before == {}
            for _ in range(3):
                await sweep()
            assert serialized() - before == {"editor": 3, "owner": 3}
            assert await in_thread(Change.objects.count)() == written
            assert drift() == drifted
            for socket in (editor, owner):
                assert await socket.settle() == []
            assert types(await late.settle()) == []


async def test_one_that_fails_costs_its_batch_no_query(world: World) -> None:
    documents = [await in_thread(world.create)() for _ in range(30)]
    owner = world.user("owner").pk
    pairs = {(owner, ObjectKey(MODEL, d.pk)) for d in (*documents, world.document)}
    tenant_id = world.tenants["acme"].pk
    before = await in_thread(counted)(reading.read_round, tenant_id, 0, pairs)
    await in_thread(world.write)(review_notes=BAD)
    await quiet()
    rendered = serialized()
    assert await in_thread(counted)(reading.read_round, tenant_id, 0, pairs) == before
    assert serialized() - rendered == {"owner": 31}


async def test_what_fails_by_itself_and_mends_by_itself_is_no_drift(world: World) -> None:
    async with subscribed(world, "editor") as editor:
        await in_thread(world.write)(review_notes=BAD)
        assert types(await editor.settle()) == ["unavailable"]
        before = drift()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("tests.unshowable.BAD", "something else")
            await sweep()
            [update] = await editor.settle()
            assert (update["type"], update["payload"]["review_notes"]) == ("UPDATE_DOCUMENT", BAD)
            pushed = await in_thread(pushes)(world, "editor")
            assert pushed[-1] == update["etag"]
        await sweep()
        assert types(await editor.settle()) == ["unavailable"]
        assert drift() == before


async def test_a_process_of_an_older_release_reads_instead(world: World) -> None:
    """It knows no frame without a body, and compares the schema before anything else."""
    async with subscribed(world, "editor") as editor:
        messages = HeldMessages(this_hub())
        await in_thread(world.write)(review_notes=BAD)
        await quiet()
        [message] = messages.frames("editor")
        editors = DOCUMENTS.audience("editor")
        assert editors is not None
        assert message["body"] is None
        assert message["schema"] != editors.schema
        await messages.release(message)
        assert types(await editor.settle()) == ["unavailable"]
