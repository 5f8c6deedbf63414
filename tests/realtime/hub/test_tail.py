"""The tail finds what the broker lost, for those who would have seen it, and for nobody else."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

import pytest
from pytest_django import Settings

from realtime.hub import reading, tail
from realtime.hub.tail import Changed, Tail
from realtime.metrics import DRIFT
from realtime.publishing import groups
from realtime.publishing.publisher import publisher
from realtime.state.subscriptions import Subscription
from resources.documents.audiences import DOCUMENTS
from resources.models import Profile
from tests.client import in_thread, quiet, registered, subscribed
from tests.gates import GatedReads, HeldMessages, rounds_of, this_hub
from tests.rows import unannounced
from tests.world import World

pytestmark = pytest.mark.usefixtures("by_hand")


async def test_a_lost_change_is_asked_only_for_those_who_see_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with subscribed(world, "owner") as owner, subscribed(world, "viewer") as viewer:
        await this_hub().tail.look()
        HeldMessages(this_hub())
        await in_thread(world.write)(budget="5.00")
        await quiet()
        asked: list[str | None] = []
        rounds = rounds_of(world)
        ask = rounds.ask

        def noted(found: Iterable[Subscription]) -> None:
            asked.extend(s.audience for s in found)
            ask(found)

        monkeypatch.setattr(rounds, "ask", noted)
        await this_hub().tail.look()
        assert asked == ["owner"]
        assert [f["type"] for f in await owner.settle()] == ["UPDATE_DOCUMENT"]
        assert await viewer.settle() == []


async def test_a_change_already_delivered_is_not_read_again(world: World) -> None:
    async with subscribed(world, "viewer") as viewer:
        await this_hub().tail.look()
        await in_thread(world.write)(title="Delivered")
        await viewer.settle()
        version = rounds_of(world).index.all.copy().pop().version
        change = Changed(world.tenants["acme"].pk, world.key, version, ["title"])
        assert not any(tail.overtaken(s, change) for s in rounds_of(world).index.all)


async def test_a_change_after_the_read_of_a_pending_subscription_is_found(world: World) -> None:
    """Its frame is lost, and the tail looks before the round has placed the older read."""
    async with subscribed(world, "owner"), registered(world, "viewer") as viewer:
        await this_hub().tail.look()
        HeldMessages(this_hub())
        rounds = rounds_of(world)
        this_hub().groups.want(
            groups.of_object(rounds.tenant_id, world.key, "viewer"), lambda _: None
        )
        await quiet()
        gate = GatedReads(rounds).hold(reading.read_round)
        await viewer.send({"model": "resources.document", "id": world.id})
        await gate.entered()
        await in_thread(world.write)(title="After the read")
        await asyncio.to_thread(publisher.flush)
        await this_hub().tail.look()
        gate.open()
        await viewer.settle()
        assert viewer.copies["resources.document", world.id]["title"] == "After the read"


async def test_rows_that_show_a_changed_row_are_found_after_a_crash(world: World) -> None:
    """The process dies between the commit of a profile and the raise of the documents."""
    async with subscribed(world, "viewer") as viewer:
        await this_hub().tail.look()
        HeldMessages(this_hub())
        await in_thread(rename_unannounced)(world)
        await this_hub().tail.look()
        await quiet()
        await this_hub().tail.look()
        assert [f["changed"] for f in await viewer.settle()] == [list(viewer_fields())]
        assert viewer.copies["resources.document", world.id]["owner_name"] == "Renamed"


def viewer_fields() -> tuple[str, ...]:
    audience = DOCUMENTS.audience("viewer")
    assert audience is not None
    return audience.fields


def rename_unannounced(world: World) -> None:
    """Rename the owner as a process does that is killed right after its commit."""
    profile = world.profile("owner")
    profile.display_name = "Renamed"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(publisher, "wake", lambda: None)
        profile.save()
    publisher.own.read()  # the process that starts after it knows nothing of it


async def test_a_look_that_fails_is_followed_by_the_next(
    world: World,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    settings.EARSHOT = {**settings.EARSHOT, "tail_seconds": 0.0}
    look, failures, looked = Tail.look, [OSError("a payload")], asyncio.Event()

    async def fails_once(mine: Tail) -> None:
        if failures:
            raise failures.pop()
        await look(mine)
        looked.set()

    monkeypatch.setattr(Tail, "look", fails_once)
    async with subscribed(world, "viewer"), asyncio.timeout(10):
        await looked.wait()
    assert "OSError" in caplog.text
    assert "a payload" not in caplog.text


async def test_a_tenant_whose_last_socket_went_during_the_look_is_passed_over(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with subscribed(world, "owner"):
        hub = this_hub()
        await hub.tail.look()
        HeldMessages(hub)
        await in_thread(world.write)(title="New")
        await in_thread(rename_unannounced)(world)
        await quiet()
        read, acme = hub.run, world.tenants["acme"].pk
        gone = {}

        async def leaving(work: Any, *args: Any) -> Any:
            found = await read(work, *args)
            assert found.changed
            assert found.showing
            gone[acme] = hub.rounds.pop(acme)
            return found

        monkeypatch.setattr(hub, "run", leaving)
        await hub.tail.look()
        hub.rounds.update(gone)


def renamed(world: World) -> None:
    """Another program gives the owner's profile another name."""
    with unannounced():
        Profile._base_manager.filter(pk=world.profile("owner").pk).update(display_name="New")


async def test_what_shows_a_row_that_another_program_wrote_is_raised_and_is_no_drift(
    world: World,
) -> None:
    async with subscribed(world, "viewer") as viewer, subscribed(world, "editor") as editor:
        await this_hub().tail.look()
        drift = DRIFT.labels("resources.document", "change")._value.get()
        await in_thread(renamed)(world)
        await this_hub().tail.look()
        await quiet()
        for socket in (viewer, editor):
            assert [f["payload"]["owner_name"] for f in await socket.settle()] == ["New"]
        assert DRIFT.labels("resources.document", "change")._value.get() == drift


async def test_a_repair_that_failed_is_tried_again_though_who_found_it_is_gone(
    world: World,
) -> None:
    """Of several who find the same one repairs it; the others were left with an old name."""
    async with subscribed(world, "viewer") as viewer, subscribed(world, "editor") as editor:
        await this_hub().tail.look()
        repairs, found = rounds_of(world)._repairs, list[int]()
        run, change = repairs._run, repairs.change

        async def fail(*_: Any) -> Any:
            repairs._run = run
            raise OSError

        def note(s: Subscription, read: Any, *, showing: bool = False) -> None:
            found.append(s.user_id)
            change(s, read, showing=showing)

        repairs._run, repairs.change = fail, note  # type: ignore[method-assign]
        await in_thread(renamed)(world)
        await this_hub().tail.look()
        await quiet()
        assert len(found) == 2
        first = await in_thread(world.user)("viewer")
        finder, other = (viewer, editor) if found[0] == first.pk else (editor, viewer)
        assert await other.settle() == []
        await finder.send({"action": "unsubscribe", "model": "resources.document", "id": world.id})
        await finder.settle()
        await this_hub().tail.look()
        await quiet()
        assert [f["payload"]["owner_name"] for f in await other.settle()] == ["New"]
