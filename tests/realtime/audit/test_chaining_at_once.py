"""Several processes chain, and stop anywhere: each entry is made once, and none is lost."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone
from pytest_django import Settings

from realtime.audit import chaining
from realtime.audit.chain import UnknownKey
from realtime.audit.chaining import committed
from realtime.audit.models import Access, ChainHead, ChainPosition
from realtime.audit.reading import head_of
from tenants.models import Tenant
from tests.databases import on_postgresql
from tests.permissions.conftest import elsewhere as on_another_thread
from tests.realtime.audit.rows_of_ledger import access, chain, entries, found
from tests.realtime.conftest import Begin

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def acme(db: None) -> Tenant:
    """A tenant of whose first access changes there is a chain, of now."""
    acme = Tenant.objects.create(slug="acme", name="Acme")
    chain()
    return acme


@on_postgresql
def test_row_that_commits_after_later_ones_were_chained_is_not_lost(
    acme: Tenant, elsewhere: Begin
) -> None:
    """And a transaction that took long is no insertion afterwards: it was open at the look."""
    long_ago = timezone.now() - timedelta(hours=2)
    slow = elsewhere(lambda: access(acme, object_id=1, began_at=long_ago))
    quick = access(acme, object_id=2)
    assert chain() == 1
    slow.commit()
    assert chain() == 1
    late = Access.objects.get(object_id=1)
    assert late.pk < quick.pk
    assert entries(acme)[-2:] == [("access", quick.pk, ""), ("access", late.pk, "")]
    assert found(acme) == []


def test_chaining_goes_on_where_it_was_stopped(
    acme: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process is killed between two transactions, and within one."""
    monkeypatch.setattr(chaining, "BATCH", 2)
    for number in range(7):
        access(acme, object_id=number)
    killed = committed()
    assert next(killed) == 2
    del killed

    def dies(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(ChainHead.objects, "bulk_create", dies)
        with pytest.raises(KeyboardInterrupt):
            chain()
    assert chain() == 5
    assert found(acme) == []
    assert len(set(entries(acme))) == len(entries(acme))


def test_two_that_chain_at_once_make_each_entry_once(
    acme: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both have found the same rows; the other one comes when the first has chained some."""
    monkeypatch.setattr(chaining, "BATCH", 2)
    for number in range(6):
        access(acme, object_id=number)
    here = committed()
    assert next(here) == 2
    assert on_another_thread(chain) == 4
    assert list(here) == [0, 0]
    assert found(acme) == []


def waiting() -> bool:
    """Whether somebody waits for a lock."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'")
        return bool(cursor.fetchone()[0])


@on_postgresql
def test_who_chains_waits_for_whoever_holds_the_head(acme: Tenant) -> None:
    access(acme)
    held, go_on, made = threading.Event(), threading.Event(), list[int]()

    def hold() -> None:
        with transaction.atomic():
            chaining.hold([acme.pk])
            held.set()
            go_on.wait(10)
        connection.close()

    def other() -> None:
        made.append(chain())
        connection.close()

    threads = [threading.Thread(target=hold), threading.Thread(target=other)]
    threads[0].start()
    assert held.wait(10)
    threads[1].start()
    while not waiting():
        pass
    assert made == []
    go_on.set()
    for thread in threads:
        thread.join()
    assert made == [1]
    assert found(acme) == []


def test_whoever_does_not_know_the_key_of_the_chain_does_not_go_on_with_it(
    acme: Tenant, settings: Settings
) -> None:
    """So a process with the old settings seals nothing after one with new ones has."""
    settings.LEDGER_KEYS = ["a new key" * 4]
    access(acme)
    chain()
    access(acme)
    settings.LEDGER_KEYS = []
    with pytest.raises(UnknownKey):
        chain()
    settings.LEDGER_KEYS = ["a new key" * 4]
    assert chain() == 1
    assert found(acme) == []


def test_head_that_somebody_put_back_stops_nobody(acme: Tenant) -> None:
    access(acme)
    chain()
    before = head_of(acme.pk)
    access(acme)
    chain()
    ChainHead.objects.update(sequence=before.sequence, digest=before.digest)
    access(acme)
    assert chain() == 1
    assert found(acme) == []


def test_only_one_process_looks_in_a_period(acme: Tenant) -> None:
    ChainPosition.objects.all().delete()
    assert chaining.claim(10)
    assert not chaining.claim(10)
    assert chaining.claim(0)


def test_many_rows_are_chained_in_several_transactions(
    acme: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chaining, "BATCH", 2)
    monkeypatch.setattr(chaining, "MOST", 5)
    for number in range(13):
        access(acme, object_id=number)
    assert list(committed()) == [2, 2, 1, 2, 2, 1, 2, 1]
    assert found(acme) == []
    ChainPosition.objects.update(marks={})
    for number in range(7):
        access(acme, object_id=number)
    assert list(committed()) == [2, 2, 1, 2]
