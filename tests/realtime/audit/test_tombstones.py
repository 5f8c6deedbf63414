"""Prune takes rows with their entries; what is left verifies, and what was done is still seen."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone
from pytest_django import Settings

from realtime.audit import ledger, tombstones
from realtime.audit.chain import PRUNED
from realtime.audit.chained import CHAINED
from realtime.audit.models import Access, ChainEntry, ChainHead, Push
from realtime.audit.reading import head_of
from tenants.models import Tenant
from tests.realtime.audit.rows_of_ledger import access, chain, found, whats
from tests.realtime.pieces import frame

pytestmark = pytest.mark.django_db(transaction=True)

LONG_AGO = timedelta(days=100)


def prune() -> None:
    call_command("prune", "--older-than", "90d", verbosity=0)


def stones(tenant: Tenant) -> list[tuple[int, int]]:
    """The first and the last sequence of each tombstone."""
    rows = ChainEntry.objects.filter(tenant=tenant, kind=PRUNED).order_by("sequence")
    return list(rows.values_list("row", "sequence"))


@pytest.fixture
def acme(db: None) -> Tenant:
    """A tenant with nine accesses from long ago, each with a push; of two of them the first is
    open. They are entries in this order: 9 accesses, 7 ends, 9 pushes."""
    acme = Tenant.objects.create(slug="acme", name="Acme")
    then = timezone.now() - LONG_AGO
    for number in range(9):
        ended = None if number in (2, 5) else {"ended_at": then, "ended": "revoked"}
        access(acme, object_id=number, began_at=then, **ended or {})
    ledger.write_pushes(acme.pk, [frame(v, tenant_id=acme.pk) for v in range(9)])
    Push.objects.update(at=then)
    assert chain() == 25
    return acme


def test_pruned_chain_is_intact_and_what_is_open_stays(acme: Tenant) -> None:
    prune()
    assert sorted(Access.objects.values_list("object_id", flat=True)) == [2, 5]
    assert not Push.objects.exists()
    assert stones(acme) == [(1, 2), (4, 5), (7, 25)]
    assert found(acme) == []


def test_row_that_somebody_deletes_is_named_after_prune_too(acme: Tenant) -> None:
    prune()
    gone = Access.objects.get(object_id=5)
    Access.objects.filter(pk=gone.pk).delete()
    [fault] = found(acme)
    assert (fault.what, fault.kind, fault.row) == ("deleted", "access", gone.pk)


@pytest.mark.parametrize("page", [1, 2, 7])
def test_pages_of_any_size_leave_the_same(
    acme: Tenant, monkeypatch: pytest.MonkeyPatch, page: int
) -> None:
    monkeypatch.setattr(tombstones, "PAGE", page)
    prune()
    assert stones(acme) == [(1, 2), (4, 5), (7, 25)]
    assert found(acme) == []


def test_prune_that_is_stopped_leaves_an_intact_chain(
    acme: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The end of an access may stand far behind its beginning: both go at once."""
    monkeypatch.setattr(tombstones, "PAGE", 2)
    old = {Access: Access.objects.exclude(ended_at=None), Push: Push.objects.all()}
    old = {kind.model: kind.model.objects.none() for kind in CHAINED} | old
    steps = tombstones.prune(old)
    for _ in range(3):
        next(steps)
        assert found(acme) == []
    assert Access.objects.count() == 9 - 4
    prune()
    assert found(acme) == []


def test_what_was_open_goes_later_and_leaves_one_tombstone(acme: Tenant) -> None:
    prune()
    Access.objects.update(ended_at=timezone.now() - LONG_AGO, ended="revoked")
    prune()
    assert stones(acme) == [(1, 27)]
    assert found(acme) == []
    access(acme)
    assert chain() == 1
    assert found(acme) == []
    assert head_of(acme.pk).sequence == 28


@pytest.mark.parametrize("values", [{"user_id": 8}, {"began_at": timezone.now()}])
def test_old_row_that_was_edited_stays_and_is_named(acme: Tenant, values: dict[str, Any]) -> None:
    Access.objects.filter(object_id=4).update(**values)
    with pytest.raises(CommandError, match="1 old rows of the ledger stay, because they do not"):
        prune()
    assert sorted(Access.objects.values_list("object_id", flat=True)) == [2, 4, 5]
    [fault] = found(acme)
    assert (fault.what, fault.row) == ("edited", Access.objects.get(object_id=4).pk)


def test_row_that_was_made_old_is_not_pruned(acme: Tenant) -> None:
    """Else whoever can write could have prune take any row away."""
    young = access(acme, object_id=99)
    ledger.end("revoked", [young.pk])
    chain()
    Access.objects.filter(pk=young.pk).update(ended_at=timezone.now() - LONG_AGO)
    with pytest.raises(CommandError, match="do not agree with its chain"):
        prune()
    [fault] = found(acme)
    assert (fault.what, fault.kind, fault.row) == ("edited", "access end", young.pk)


def test_entry_that_somebody_deleted_is_still_missing_when_its_row_is_pruned(acme: Tenant) -> None:
    """And the row of the entry after it stays: nobody knows what that entry followed."""
    ChainEntry.objects.filter(kind="access", row=Access.objects.get(object_id=3).pk).delete()
    with pytest.raises(CommandError, match="1 old rows of the ledger stay"):
        prune()
    assert sorted(Access.objects.values_list("object_id", flat=True)) == [2, 4, 5]
    [fault] = found(acme)
    assert (fault.what, fault.first, fault.last) == ("missing", 4, 4)


def test_forged_tombstone_is_named(acme: Tenant) -> None:
    """Somebody deletes rows and entries, and leaves what looks like prune's."""
    rows = ChainEntry.objects.filter(sequence__in=(17, 18, 19)).order_by("sequence")
    last = rows.last()
    assert last is not None
    Push.objects.filter(pk__in=list(rows.values_list("row", flat=True))).delete()
    rows.delete()
    forged = {"sequence": 19, "row": 17, "kind": PRUNED, "seal": bytes(32), "at": last.at}
    ChainEntry.objects.create(tenant=acme, digest=last.digest, key=last.key, **forged)
    assert whats(acme) == ["tombstone"]
    prune()
    assert whats(acme) == ["tombstone"]


def test_tombstones_are_not_made_of_forged_ones(acme: Tenant) -> None:
    prune()
    ChainEntry.objects.filter(sequence=2).update(seal=bytes(32))
    Access.objects.filter(object_id=2).update(ended_at=timezone.now() - LONG_AGO, ended="revoked")
    prune()
    assert (1, 2) in stones(acme)
    assert whats(acme) == ["tombstone"]


def test_rows_that_were_never_chained_are_chained_before_they_go(acme: Tenant) -> None:
    then = timezone.now() - LONG_AGO
    ChainEntry.objects.all().delete()
    ChainHead.objects.all().delete()
    Access.objects.filter(object_id=4).update(ended_at=then)
    prune()
    assert Access.objects.count() == 2
    assert found(acme)[0].what == "inserted"  # they say that they are older than the chain


def test_rows_of_tenants_that_are_gone_go_too(acme: Tenant) -> None:
    Tenant.objects.update(is_active=False, deleting_since=timezone.now())
    access(acme, ended_at=timezone.now() - LONG_AGO)  # nobody chains it any more
    prune()
    assert Access.objects.count() == 2
    assert not Push.objects.exists()


def test_prune_without_the_key_of_the_chain_says_which(acme: Tenant, settings: Settings) -> None:
    settings.LEDGER_KEYS = ["another key" * 3]
    access(acme)
    chain()
    settings.LEDGER_KEYS = []
    with pytest.raises(CommandError, match="is not given: add it at the end of"):
        prune()
