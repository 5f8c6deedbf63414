"""What is chained, once, by whoever is there: rows of code and of SQL, and after a stop."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from permissions.models import AccessChange
from realtime.audit import ledger
from realtime.audit.chained import CHAINED
from realtime.audit.chaining import Look, _sweep, everything
from realtime.audit.models import Access, ChainEntry, ChainHead, ChainPosition, Push
from realtime.capture.interval_models import Belongs, Held
from realtime.models import Change
from tenants.models import Tenant
from tests.databases import on_postgresql, only_on
from tests.realtime.audit.rows_of_ledger import access, chain, entries, found, whats
from tests.realtime.conftest import queries
from tests.realtime.pieces import frame
from tests.world import World

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def acme(db: None) -> Tenant:
    """A tenant of whose first access changes there is a chain, of now."""
    acme = Tenant.objects.create(slug="acme", name="Acme")
    chain()
    return acme


def test_what_is_written_is_chained_in_its_order_and_once(acme: Tenant) -> None:
    before = entries(acme)
    first = access(acme)
    ledger.write_pushes(acme.pk, [frame(3, tenant_id=acme.pk)])
    push = Push.objects.get()
    assert chain() == 2
    assert entries(acme) == [*before, ("access", first.pk, ""), ("push", push.pk, "")]
    assert chain() == 0
    assert found(acme) == []


def test_end_of_an_access_is_an_entry_of_its_own(acme: Tenant) -> None:
    begun = access(acme)
    assert chain() == 1
    ledger.end("revoked", [begun.pk])
    assert chain() == 1
    assert entries(acme)[-2:] == [("access", begun.pk, ""), ("access end", begun.pk, "")]
    assert found(acme) == []


def test_access_that_began_and_ended_between_two_looks_has_both_entries(acme: Tenant) -> None:
    begun = access(acme)
    ledger.end("revoked", [begun.pk])
    assert chain() == 2
    assert found(acme) == []


def test_end_of_what_a_lost_process_had_is_chained(acme: Tenant) -> None:
    """It ends long before the look: with the process's last beat."""
    begun = access(acme, process=7)
    chain()
    ledger.end_process(7, timezone.now() - timedelta(days=3))
    assert chain() == 1
    assert entries(acme)[-1] == ("access end", begun.pk, "")


def test_each_tenant_has_a_chain_of_its_own(acme: Tenant) -> None:
    other = Tenant.objects.create(slug="other", name="Other")
    for tenant in (acme, other, acme):
        access(tenant)
    assert chain()
    for tenant in (acme, other):
        sequences = ChainEntry.objects.filter(tenant=tenant).order_by("sequence")
        numbers = list(sequences.values_list("sequence", flat=True))
        assert numbers == list(range(1, len(numbers) + 1))
        assert found(tenant) == []


def test_rows_that_triggers_and_sql_write_are_chained(world: World) -> None:
    acme = world.tenants["acme"]
    chain()
    before = len(entries(acme))
    world.revoke("viewer")
    world.grant("viewer", "viewer")
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO earshot_permissions_accesschange (tenant_id, revision, user_id, cause, at)"
            " VALUES (%s, 900, 7, 'by hand', %s)",
            [acme.pk, timezone.now()],
        )
    chain()
    new = entries(acme)[before:]
    kinds = sorted(kind for kind, _, _ in new)
    assert kinds == [*["access change"] * 3, "held", "held end"]
    assert found(acme) == []


def test_interval_that_was_edited_or_deleted_is_named(world: World) -> None:
    acme = world.tenants["acme"]
    chain()
    world.revoke("viewer")
    chain()
    assert found(acme) == []
    ended = Held.objects.exclude(ended_at=None).get(tenant=acme)
    Held.objects.filter(pk=ended.pk).update(given_by=7)
    assert [(f.what, f.kind, f.row) for f in found(acme)] == [("edited", "held", ended.pk)]
    Held.objects.filter(pk=ended.pk).update(given_by=ended.given_by, ended_at=timezone.now())
    assert [(f.what, f.kind, f.row) for f in found(acme)] == [("edited", "held end", ended.pk)]
    member = Belongs.objects.filter(tenant=acme).order_by("pk")[0]
    Held.objects.filter(pk=ended.pk).update(ended_at=ended.ended_at)
    Belongs.objects.filter(pk=member.pk).delete()
    assert [(f.what, f.kind, f.row) for f in found(acme)] == [("deleted", "belongs", member.pk)]


def test_rows_from_before_the_chain_are_adopted(acme: Tenant) -> None:
    ChainEntry.objects.all().delete()
    ChainHead.objects.all().delete()
    ChainPosition.objects.all().delete()
    old = access(acme, began_at=timezone.now() - timedelta(days=90))
    assert chain()
    assert ("access", old.pk, "adopted") in entries(acme)
    assert found(acme) == []
    new = access(acme)
    chain()
    assert entries(acme)[-1] == ("access", new.pk, "")


def test_row_that_says_it_is_older_than_the_look_before_is_named(acme: Tenant) -> None:
    access(acme)
    chain()
    old = access(acme, began_at=timezone.now() - timedelta(hours=1))
    chain()
    assert entries(acme)[-1] == ("access", old.pk, "late")
    assert whats(acme) == ["inserted"]


def test_row_that_is_inserted_when_the_position_was_taken_away_is_named(acme: Tenant) -> None:
    access(acme)
    chain()
    ChainPosition.objects.all().delete()
    old = access(acme, began_at=timezone.now() - timedelta(days=9))
    chain()
    assert entries(acme)[-1] == ("access", old.pk, "adopted")
    assert whats(acme) == ["inserted"]


@on_postgresql
def test_rows_of_a_restored_cluster_are_found_though_it_numbers_anew(acme: Tenant) -> None:
    position = ChainPosition.objects.get()
    for mark in position.marks.values():
        mark["end"] += 10**9
    position.save()
    new = access(acme)
    assert chain() == 1
    assert entries(acme)[-1] == ("access", new.pk, "")


def test_end_that_sql_writes_is_found_when_everything_is_looked_at(acme: Tenant) -> None:
    begun = access(acme)
    chain()
    Access.objects.update(ended_at=timezone.now(), ended="by hand")
    assert chain() == 0
    assert chain(everything) == 1
    assert entries(acme)[-1] == ("access end", begun.pk, "")
    assert chain(lambda: everything(acme.pk)) == 0


@only_on("sqlite", "PostgreSQL takes no value that its column has not.")
def test_row_that_cannot_be_read_is_chained_as_such_and_named_when_it_changes(
    acme: Tenant,
) -> None:
    good, bad = access(acme), access(acme)
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE earshot_realtime_access SET began_at='2026-99-99 00:00:00' WHERE id=%s",
            [bad.pk],
        )
    assert chain() == 2
    assert found(acme) == []
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE earshot_realtime_access SET began_at='2026-99-99 00:00:00' WHERE id=%s",
            [good.pk],
        )
        cursor.execute(
            "UPDATE earshot_realtime_access SET began_at='2026-01-01 00:00:00' WHERE id=%s",
            [bad.pk],
        )
    assert whats(acme) == ["edited", "edited"]


def test_tenant_that_is_being_deleted_is_not_chained(acme: Tenant) -> None:
    access(acme)
    Tenant.objects.update(is_active=False, deleting_since=timezone.now())
    assert chain() == 0
    assert chain(everything) == 0


def test_a_look_that_finds_nothing_costs_the_same_for_many_tenants(acme: Tenant) -> None:
    few = queries(chain)
    for number in range(20):
        access(Tenant.objects.create(slug=f"t{number}", name="T"))
    chain()
    assert queries(chain) == few <= 29


def test_what_is_written_pays_for_no_query_more(world: World) -> None:
    """What a round and a publisher ask is as it was before there was a chain."""
    acme = world.tenants["acme"].pk
    assert queries(ledger.write_pushes, acme, [frame(3, tenant_id=acme)]) == 2
    begun = access(world.tenants["acme"])
    assert queries(ledger.end, "revoked", [begun.pk]) == 1
    assert Change.objects.exists()
    assert AccessChange.objects.exists()


def test_who_still_adopts_what_another_process_has_finished_adopts_no_new_row(acme: Tenant) -> None:
    begun = access(acme)
    [kind] = [kind for kind in CHAINED if kind.name == "access"]
    assert sum(_sweep(kind, kind.unchained, Look(None, adopts=True))) == 1
    assert entries(acme)[-1] == ("access", begun.pk, "")
