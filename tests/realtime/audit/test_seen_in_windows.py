"""Who could have seen what over windows, though windows write nothing for each row."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from permissions.audiences import registry
from realtime.audit import ledger, seen, seen_in_windows
from realtime.audit.models import Access
from realtime.audit.questions import Question
from realtime.audit.viewings import Applied, Viewing
from realtime.models import Held
from tenants.models import Membership
from tests.client import in_thread, quiet
from tests.gates import rounds_of, this_hub
from tests.realtime.audit.sight import had, hours, viewed
from tests.windows import Open, id_of, opened
from tests.world import World

DOCUMENTS = registry.get("resources.document")
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("by_hand")]


def of_object(world: World, pk: int, **more: Any) -> Question:
    return Question(world.tenants["acme"].pk, resource=DOCUMENTS, object_id=pk, **more)


def told(world: World, question: Question) -> list[tuple[str, int | None, str, str, bool]]:
    """Who, which object, as what, how, and whether it goes on."""
    names = {user.pk: name for name, user in world.users.items()}
    return [
        (
            names[row.access.user_id],
            row.access.object_id,
            row.access.audience,
            row.how,
            row.access.ended_at is None,
        )
        for some in seen.batches(question)
        for row in some
    ]


async def test_grants_and_losses_are_told_as_the_window_was(world: World, enter: Open) -> None:
    w = await enter("viewer")
    await w.open()
    other = await in_thread(world.create)()
    ask = in_thread(lambda: told(world, of_object(world, other.pk)))
    assert await ask() == []
    await in_thread(world.grant)("viewer", "viewer", other)
    await w.socket.settle()
    assert await ask() == [("viewer", other.pk, "viewer", "a grant to them", True)]
    await in_thread(world.grant)("viewer", "editor", other)
    await w.socket.settle()
    await in_thread(world.revoke)("viewer", other)
    await w.socket.settle()
    assert await ask() == [
        ("viewer", other.pk, "viewer", "a grant to them", False),
        ("viewer", other.pk, "editor", "a grant to them", False),
    ]
    rows = (await in_thread(seen.page)(of_object(world, other.pk))).rows
    assert rows[0].access.ended_at == rows[1].access.began_at
    opened = await in_thread(lambda: Viewing.objects.get().began_at)()
    assert await in_thread(told)(world, of_object(world, other.pk, until=opened)) == []
    assert not await in_thread(Access.objects.exists)()


async def test_creation_writes_its_holders_rows_and_a_grant_one_a_process(
    world: World, enter: Open
) -> None:
    entered = [await enter(name) for name in ("owner", "editor", "viewer", "member", "admin")]
    for w in entered:
        await w.open()
    await quiet()
    before = await in_thread(Applied.objects.count)(), await in_thread(Held.objects.count)()
    other = await in_thread(world.create)()
    for w in entered:
        await w.socket.settle()
    owner, *_, admin = entered
    assert owner.rows["w"][0] == admin.rows["w"][0] == id_of(other)
    after = await in_thread(Applied.objects.count)(), await in_thread(Held.objects.count)()
    assert after == (before[0], before[1] + 1)
    await in_thread(world.grant)("member", "viewer", other)
    for w in entered:
        await w.socket.settle()
    assert await in_thread(Applied.objects.count)() == before[0] + 1
    assert not await in_thread(Access.objects.exists)()
    assert sorted(await in_thread(told)(world, of_object(world, other.pk))) == [
        ("admin", other.pk, "auditor", "the role admin has it on every object", True),
        ("member", other.pk, "viewer", "a grant to them", True),
        ("owner", other.pk, "owner", "the object's owner was this user", True),
    ]


async def test_what_ended_is_told_until_the_process_applied_it(world: World, enter: Open) -> None:
    admin, owner = await enter("admin"), await enter("owner")
    await admin.open()
    await owner.open()
    other = await in_thread(world.create)()
    await owner.socket.settle()
    pk = other.pk
    await in_thread(other.delete)()
    await owner.socket.settle()
    await in_thread(world.create)()
    await admin.close()
    await quiet()
    rows = (await in_thread(seen.page)(of_object(world, pk))).rows
    assert {(r.access.audience, r.access.ended_at is None) for r in rows} == {
        ("owner", False),
        ("auditor", False),
    }
    ends = {r.access.ended_at for r in rows}
    at = await in_thread(lambda: set(Applied.objects.values_list("at", flat=True)))()
    assert ends <= at
    assert await in_thread(told)(world, of_object(world, 10**9)) == []


async def test_role_and_membership_are_told_as_long_as_they_lasted(
    world: World, enter: Open
) -> None:
    w, other = await enter("admin"), await enter("owner")
    await w.open()
    await other.open()  # so that the process goes on to say what it applied
    mine = Membership.objects.filter(user=world.user("admin"), tenant=world.tenants["acme"])
    await in_thread(mine.update)(role="member")
    await w.socket.settle()
    ask = in_thread(lambda: told(world, of_object(world, world.document.pk)))
    role = "the role admin has it on every object"
    owned = ("owner", world.document.pk, "owner", "the object's owner was this user", True)
    assert sorted(await ask()) == [("admin", world.document.pk, "auditor", role, False), owned]
    await in_thread(world.grant)("admin", "viewer")
    await w.socket.settle()
    await in_thread(mine.update)(is_active=False)
    await w.socket.settle()
    await other.socket.settle()
    assert sorted(await ask()) == [
        ("admin", world.document.pk, "auditor", role, False),
        ("admin", world.document.pk, "viewer", "a grant to them", False),
        owned,
    ]


async def test_what_a_user_could_see_is_told_by_object_or_as_every_object(
    world: World, enter: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    others = [await in_thread(world.create)() for _ in range(4)]
    for other in others:
        await in_thread(world.grant)("admin", "viewer", other)
    w = await enter("admin")
    await w.open("one")
    await w.open("two")
    await w.socket.subscribe(world.id)
    mine = Question(world.tenants["acme"].pk, user_id=world.user("admin").pk)
    rows = await in_thread(told)(world, mine)
    role = "the role admin has it on every object"
    of_window = [
        ("admin", None, "auditor", role, True),
        *(("admin", other.pk, "viewer", "a grant to them", True) for other in others),
    ]
    single = ("admin", world.document.pk, "auditor", role, True)
    assert rows == [*of_window, *of_window, single]
    monkeypatch.setattr(seen_in_windows, "VIEWINGS", 1)
    assert sorted(map(str, await in_thread(told)(world, mine))) == sorted(map(str, rows))
    for module in (seen, seen_in_windows):
        monkeypatch.setattr(module, "BATCH", 2)
    assert sorted(map(str, await in_thread(told)(world, mine))) == sorted(map(str, rows))


async def test_span_field_and_version_narrow_what_windows_could_show(
    world: World, enter: Open
) -> None:
    w = await enter("viewer")
    await w.open()
    await in_thread(world.write)(title="Pushed")
    [frame] = await w.socket.settle()
    await in_thread(world.revoke)("viewer")
    await w.socket.settle()
    await in_thread(world.write)(title="Later")
    await quiet()

    def count(**more: Any) -> int:
        return len(told(world, of_object(world, world.document.pk, **more)))

    ask = in_thread(count)
    assert await ask(field="title", etag=frame["etag"], since=hours(1), until=hours(-1)) == 1
    assert await ask(field="budget") == 0
    assert await ask(since=hours(-1)) == await ask(until=hours(1)) == 0
    [row] = (await in_thread(seen.page)(of_object(world, world.document.pk))).rows
    assert await ask(since=row.access.ended_at + timedelta(microseconds=1)) == 0
    assert await ask(etag="another") == 0


async def test_window_is_in_the_ledger_until_it_ends_and_why(world: World, enter: Open) -> None:
    await enter("owner")  # keeps the process
    w = await opened(world, "viewer")
    await w.open("a", where={"status": "draft"})
    await w.open("b")
    await w.open("b", limit=5)
    await w.close("a")
    await w.socket.__aexit__()
    await quiet()
    rows = Viewing.objects.order_by("pk").values_list("model", "where", "ended")
    assert await in_thread(list)(rows) == [
        (DOCUMENTS.label, {"status": ["draft"]}, "unsubscribed"),
        (DOCUMENTS.label, {}, "unsubscribed"),
        (DOCUMENTS.label, {}, "disconnected"),
    ]


async def test_process_that_was_presumed_dead_says_again_who_views_what(
    world: World, enter: Open
) -> None:
    w = await enter("viewer")
    await w.open()
    hub = this_hub()
    before = hub.ledger.process
    await in_thread(ledger.end_process)(before, timezone.now())
    await hub.heartbeat.beat()
    await w.socket.settle()
    rows = Viewing.objects.order_by("pk").values_list("process", "ended")
    now = hub.ledger.process
    assert await in_thread(list)(rows) == [(before, "process lost"), (now, "")]
    assert await in_thread(Applied.objects.filter(process=now).count)() == 1


async def test_row_that_is_asked_for_by_its_id_has_an_access_as_long_as_it_is(
    world: World, enter: Open
) -> None:
    w = await enter("viewer")
    await w.open()
    await w.socket.subscribe(world.id)
    await w.socket.send({"action": "unsubscribe", "model": DOCUMENTS.label, "id": world.id})
    await w.socket.settle()
    await quiet()
    [access] = await in_thread(list)(Access.objects.all())
    assert (access.began, access.ended) == ("subscribed", "unsubscribed")
    assert rounds_of(world).index.all


def test_many_holders_and_unknown_models_are_no_obstacle(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    tenant = world.tenants["acme"]
    held = [Held(principal=f"user:{n}") for n in range(3)]
    assert seen_in_windows.who(tenant.pk, held)
    monkeypatch.setattr(seen_in_windows, "MANY", 2)
    assert not seen_in_windows.who(tenant.pk, held)
    assert not seen_in_windows.who(tenant.pk, [Held(principal="role:member")])
    assert seen_in_windows.who(tenant.pk, [Held(principal="role:admin")])
    gone = Viewing(tenant=tenant, user_id=1, model="gone.model", process=1)
    assert seen_in_windows.of_viewings([gone], None, 5) == ([], None)


def test_windows_of_a_user_are_looked_at_together(world: World) -> None:
    viewed(world, "viewer")
    mine = Question(world.tenants["acme"].pk, user_id=world.user("viewer").pk)
    with CaptureQueriesContext(connection) as one:
        assert len(seen.page(mine).rows) == 1
    for _ in range(9):
        viewed(world, "viewer")
    with CaptureQueriesContext(connection) as ten:
        assert len(seen.page(mine).rows) == 10
    assert len(ten) == len(one)


def test_singles_and_windows_are_told_together(world: World) -> None:
    viewed(world, "viewer", began_at=hours(9))
    had(world, "viewer", "viewer", began_at=hours(5))
    assert [row.access.over for row in seen.page(of_object(world, world.document.pk)).rows] == [
        "socket",
        "window",
    ]
