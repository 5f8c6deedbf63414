"""Promise 7: no payload leaves before the ledger says to whom and why."""

from __future__ import annotations

from typing import Any

import pytest

from realtime.audit import ledger
from realtime.audit.models import Access, Connection, Process, Push
from tenants.models import Tenant
from tests.client import connect, in_thread, quiet, subscribed
from tests.gates import Gate, HeldMessages, this_hub
from tests.world import World

pytestmark = pytest.mark.usefixtures("by_hand")


def accesses(world: World, username: str) -> list[tuple[str, str, str]]:
    """(audience, why it began, why it ended) of a user's accesses to the document, in order."""
    rows = Access.objects.filter(user_id=world.user(username).pk)
    return list(rows.order_by("pk").values_list("audience", "began", "ended"))


def pushes(world: World) -> list[tuple[str, list[str]]]:
    """(audience, fields) of what was pushed of the document, in order."""
    rows = Push.objects.filter(object_id=world.document.pk)
    return list(rows.order_by("pk").values_list("audience", "fields"))


class LedgerGate:
    """Holds the next write of a hub's ledger."""

    def __init__(self) -> None:
        self.gate = Gate()
        book = this_hub().ledger
        self._run = book._run
        book._run = self

    async def __call__(self, work: Any, *args: Any) -> Any:
        if work is ledger.write:
            await self.gate.pass_through()
        return await self._run(work, *args)


async def test_a_snapshot_does_not_leave_before_its_access_is_written(world: World) -> None:
    def grant() -> None:
        world.grant("member", "viewer")

    await in_thread(grant)()
    async with subscribed(world, "member"), await in_thread(connect)(world, "viewer") as viewer:
        assert (await viewer.receive())["type"] == "WELCOME"
        await quiet()
        held = LedgerGate()
        await viewer.send({"model": "resources.document", "id": world.id})
        await held.gate.entered()
        await viewer.send({"action": "ping", "ref": "nothing yet"})
        assert (await viewer.receive_until("PONG"))["ref"] == "nothing yet"
        assert [f["type"] for f in viewer.frames] == ["WELCOME", "PONG"]
        held.gate.open()
        await viewer.receive_until("SUBSCRIBED")
        assert await in_thread(accesses)(world, "viewer") == [("viewer", "subscribed", "")]


async def test_a_change_does_not_leave_before_its_push_is_written(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the ledger cannot be written the change waits, and the tail brings it."""
    async with subscribed(world, "viewer") as viewer:
        await this_hub().tail.look()

        def fails(*_: Any) -> None:
            raise OSError("no ledger")

        with monkeypatch.context() as broken:
            broken.setattr(ledger, "write_pushes", fails)
            await in_thread(world.write)(title="Waits")
            assert await viewer.settle() == []
        await this_hub().tail.look()
        assert [f["type"] for f in await viewer.settle()] == ["UPDATE_DOCUMENT"]
        assert await in_thread(pushes)(world) == [("viewer", ["title", "updated_at"])]


async def test_a_push_names_audience_fields_and_etag_and_no_payload(world: World) -> None:
    async with subscribed(world, "viewer") as viewer:
        await in_thread(world.write)(title="New", budget="5.00")
        [update] = await viewer.settle()

        def written() -> Any:
            rows = Push.objects.filter(object_id=world.document.pk, audience="viewer")
            return rows.values("fields", "etag", "size", "payload").get()

        row = await in_thread(written)()
        assert row["fields"] == update["changed"]
        assert row["etag"] == update["etag"]
        assert row["size"] > 0
        assert row["payload"] is None


async def test_a_tenant_that_wants_payloads_has_them_in_its_ledger(world: World) -> None:
    def want() -> None:
        Tenant.objects.filter(slug="acme").update(record_payloads=True)

    await in_thread(want)()
    async with subscribed(world, "viewer"):
        await in_thread(world.write)(title="Recorded")
        await quiet()
        payloads = await in_thread(lambda: list(Push.objects.values_list("payload", flat=True)))()
        assert len(payloads) == 4
        assert all('"title":"Recorded"' in payload for payload in payloads)


async def test_a_hidden_change_is_pushed_to_nobody_who_does_not_see_it(world: World) -> None:
    async with subscribed(world, "viewer"):
        await in_thread(world.write)(budget="5.00")
        await quiet()
        assert await in_thread(pushes)(world) == [("owner", ["budget"])]


async def test_what_is_read_again_is_pushed_once(world: World) -> None:
    """The frame is lost, the tail reads: the publisher has written the push before."""
    async with subscribed(world, "viewer") as viewer:
        await this_hub().tail.look()
        HeldMessages(this_hub())
        await in_thread(world.write)(budget="5.00", title="Lost")
        await quiet()
        await this_hub().tail.look()
        assert [f["type"] for f in await viewer.settle()] == ["UPDATE_DOCUMENT"]
        audiences = [audience for audience, _ in await in_thread(pushes)(world)]
        assert sorted(audiences) == ["auditor", "editor", "owner", "viewer"]


def revoke(world: World) -> None:
    world.revoke("viewer")


def delete(world: World) -> None:
    world.document.delete()


def promote(world: World) -> None:
    world.grant("viewer", "editor")


def leave(world: World) -> None:
    world.user("viewer").memberships.get().delete()


def suspend(world: World) -> None:
    Tenant.objects.filter(slug="acme").update(is_active=False)


def deactivate(world: World) -> None:
    world.user("viewer").is_active = False
    world.user("viewer").save()


def change_password(world: World) -> None:
    world.user("viewer").set_password("another")
    world.user("viewer").save()


def close(world: World) -> None:
    [connection] = Connection.objects.filter(user_id=world.user("viewer").pk)
    answer = world.rest("admin").delete(f"/api/connections/{connection.pk}/")
    assert answer.status_code == 204


ENDS = {
    "revoked": (revoke, [("viewer", "subscribed", "revoked")]),
    "deleted": (delete, [("viewer", "subscribed", "deleted")]),
    "moved, and then gone": (
        promote,
        [
            ("viewer", "subscribed", "audience changed"),
            ("editor", "audience changed", "disconnected"),
        ],
    ),
    "left the tenant": (leave, [("viewer", "subscribed", "revoked")]),
    "tenant suspended": (suspend, [("viewer", "subscribed", "revoked")]),
    "user deactivated": (deactivate, [("viewer", "subscribed", "credential ended")]),
    "password changed": (change_password, [("viewer", "subscribed", "credential ended")]),
    "closed": (close, [("viewer", "subscribed", "closed by an administrator")]),
}


@pytest.mark.parametrize(("act", "expected"), ENDS.values(), ids=ENDS)
async def test_every_end_of_an_access_has_its_cause(world: World, act: Any, expected: Any) -> None:
    async with subscribed(world, "owner"), subscribed(world, "viewer") as viewer:
        await in_thread(act)(world)
        await viewer.settle()
        await quiet()
    assert await in_thread(accesses)(world, "viewer") == expected


async def test_an_unsubscribe_and_a_disconnect_end_an_access(world: World) -> None:
    async with subscribed(world, "owner"):
        async with subscribed(world, "viewer") as viewer:
            await viewer.send(
                {"action": "unsubscribe", "model": "resources.document", "id": world.id}
            )
            await viewer.receive_until("UNSUBSCRIBED")
            await viewer.subscribe(world.id)
        await quiet()
        assert await in_thread(accesses)(world, "viewer") == [
            ("viewer", "subscribed", "unsubscribed"),
            ("viewer", "subscribed", "disconnected"),
        ]


async def test_a_process_that_stops_leaves_nothing_open(world: World) -> None:
    async with subscribed(world, "viewer"):
        assert await in_thread(Connection.objects.count)() == 1
    assert await in_thread(accesses)(world, "viewer") == [("viewer", "subscribed", "disconnected")]
    assert await in_thread(Connection.objects.count)() == 0
    assert await in_thread(Process.objects.count)() == 0


async def test_a_client_that_goes_while_its_access_is_written_leaves_none_open(
    world: World,
) -> None:
    async with subscribed(world, "owner"):
        async with await in_thread(connect)(world, "viewer") as viewer:
            held = LedgerGate()
            await viewer.send({"model": "resources.document", "id": world.id})
            await held.gate.entered()
        held.gate.open()
        await quiet()
        assert await in_thread(accesses)(world, "viewer") == [
            ("viewer", "subscribed", "disconnected")
        ]
