"""A process announces what it committed, each row once, and nothing that another one did."""

from __future__ import annotations

import os
import threading
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from pytest_django import DjangoAssertNumQueries

from permissions import accesslog
from permissions.accesslog import Touch
from permissions.commits import Mark
from permissions.models import AccessChange
from permissions.representation import ObjectKey
from realtime.capture import changes
from realtime.capture.changes import Recorded
from realtime.capture.committed import Committed, Own
from realtime.models import Change
from tenants.models import User
from tests.databases import on_postgresql, only_on
from tests.realtime.conftest import Begin

pytestmark = pytest.mark.django_db(transaction=True)

TENANT = 987_654
BOOK = "library.book"  # of which nothing is announced in earnest


@pytest.fixture
def own(transactional_db: None) -> Own:
    own = Own()
    own.read()
    return own


def write(pk: int, version: int = 5) -> None:
    changes.record(TENANT, [Recorded(ObjectKey(BOOK, pk), version, None)])


def books(committed: Committed) -> dict[int, int]:
    return {key.pk: version for (tenant, key), version in committed.changed.items()}


def test_row_is_read_once_with_the_lowest_version_of_its_object(own: Own) -> None:
    write(1, 5)
    write(1, 6)
    write(2, 7)
    assert books(own.read()) == {1: 5, 2: 7}
    assert own.read() == Committed()
    write(1, 8)
    assert books(own.read()) == {1: 8}


def test_look_that_sees_less_than_the_last_one_looks_again(
    own: Own, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its connection was in a transaction from before: the next would announce everything again."""
    own._marks = [Mark("xid", 10)] * 2
    seen = iter([[Mark("xid", 5)] * 2, [Mark("xid", 12)] * 2])
    monkeypatch.setattr(own, "_look", lambda: (Committed(), next(seen)))
    own.read()
    assert own._marks == [Mark("xid", 12)] * 2


def test_objects_come_in_the_order_of_their_first_changes(own: Own) -> None:
    """Else somebody could feel a change that they do not see by what comes before what."""
    for pk, version in ((30, 5), (10, 5), (20, 5), (30, 6)):
        write(pk, version)
    assert [*books(own.read())] == [30, 10, 20]


def test_access_changes_are_read_once_with_the_highest_revision(own: Own) -> None:
    for user in (1, 2):
        accesslog.record(TENANT, [Touch(user)], "test")
    assert own.read() == Committed(noticed={TENANT: accesslog.revision(TENANT)})
    assert own.read() == Committed()


def test_what_is_rolled_back_is_not_read(own: Own) -> None:
    with transaction.atomic():
        write(1)
        transaction.set_rollback(True)
    assert own.read() == Committed()


def test_note_of_a_row_that_others_show_is_no_version(own: Own) -> None:
    user = User.objects.create(username="owner")
    own.read()
    User.objects.filter(pk=user.pk).update(username="renamed")
    [note] = own.read().noted
    assert note.key == ObjectKey("earshot_tenants.user", user.pk)
    assert note.was == {"id": user.pk, "username": "owner"}
    assert own.read() == Committed()


def test_read_that_fails_is_made_good_by_the_next(
    own: Own, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(1)
    with monkeypatch.context() as patch:
        patch.setattr("realtime.capture.committed._committed", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            own.read()
    assert books(own.read()) == {1: 5}


def test_first_read_finds_what_this_process_has_committed(transactional_db: None) -> None:
    write(1)
    assert books(Own().read())[1] == 5


@on_postgresql
def test_look_is_one_statement(own: Own, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    """It follows each write: a transaction around several would cost more than all of them."""
    user = User.objects.create(username="owner")
    own.read()
    assert own._marks
    own._marks = [Mark("xid", own._marks[0].end)] * 2  # another test may have a transaction open
    write(1)
    User.objects.filter(pk=user.pk).update(username="renamed")
    accesslog.record(TENANT, [Touch(1)], "test")
    with django_assert_num_queries(1):
        found = own.read()
    assert books(found) == {1: 5}
    assert [note.was for note in found.noted] == [{"id": user.pk, "username": "owner"}]
    assert found.noticed == {TENANT: accesslog.revision(TENANT)}


@only_on("sqlite", "PostgreSQL tells it with what has been written, in one statement.")
def test_look_at_what_has_not_grown_asks_only_whether_it_has(own: Own) -> None:
    with CaptureQueriesContext(connection) as asked:
        assert own.read() == Committed()
    assert [query["sql"].split()[0] for query in asked] == ["BEGIN", "SELECT", "COMMIT"]


def test_two_threads_that_look_at_once_see_each_row_once(
    own: Own, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The mark of the one that looked first would else replace that of the other."""
    look, first, second = own._look, threading.Event(), threading.Event()
    found: list[Committed] = []

    def slow() -> Any:
        seen = look()
        if not first.is_set():
            first.set()
            second.wait(0.05)  # returns at once if the other one may look meanwhile
        return seen

    def read() -> None:
        found.append(own.read())
        second.set()
        connection.close()

    monkeypatch.setattr(own, "_look", slow)
    threads = [threading.Thread(target=read), threading.Thread(target=read)]
    threads[0].start()
    assert first.wait(10)
    write(1)
    threads[1].start()
    for thread in threads:
        thread.join()
    found.append(own.read())
    assert sorted(len(each.changed) for each in found) == [0, 0, 1]


@on_postgresql
def test_transactions_that_commit_in_the_opposite_order_of_their_ids_are_all_read(
    own: Own, elsewhere: Begin
) -> None:
    first = elsewhere(lambda: write(1))
    second = elsewhere(lambda: write(2))
    write(3)
    assert books(own.read()) == {3: 5}
    second.commit()
    assert books(own.read()) == {2: 5}
    assert own.read() == Committed()
    first.commit()
    assert books(own.read()) == {1: 5}
    assert own.read() == Committed()


@on_postgresql
def test_grant_that_commits_after_a_later_one_was_read_is_noticed(
    own: Own, elsewhere: Begin
) -> None:
    first = elsewhere(lambda: accesslog.record(TENANT, [Touch(1)], "test"))
    accesslog.record(TENANT + 1, [Touch(1)], "test")
    assert set(own.read().noticed) == {TENANT + 1}
    first.commit()
    assert set(own.read().noticed) == {TENANT}


@on_postgresql
@pytest.mark.parametrize("name", ["psql", "", "web earshot:another-process"])
def test_what_another_program_committed_is_not_ours(own: Own, name: str) -> None:
    def write_by_another() -> None:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT set_config('application_name', %s, true)", [name])
            write(1)
            accesslog.record(TENANT, [Touch(1)], "test")
        connection.close()

    thread = threading.Thread(target=write_by_another)
    thread.start()
    thread.join()
    assert set(Change.objects.filter(object_id=1).values_list("writer", flat=True)) == {name}
    assert set(AccessChange.objects.values_list("writer", flat=True)) >= {name}
    assert own.read() == Committed()


@on_postgresql
@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_forked_worker_announces_its_own_commits_and_its_parent_does_not(own: Own) -> None:
    connection.close()
    pooled: Any = connection
    pooled.close_pool()  # as a server does that forks: connections cannot be shared
    child = os.fork()
    if child == 0:
        try:
            write(1)
            os._exit(0 if books(Own().read()) == {1: 5} else 1)
        finally:
            os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert Change.objects.filter(object_id=1).count() == 1
    assert own.read() == Committed()
