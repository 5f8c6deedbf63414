"""What one version changed, and what one commit tells the publisher."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection, transaction
from django.db.models import F
from pytest_django import DjangoAssertNumQueries

from permissions.representation import ObjectKey
from realtime.capture import changes
from realtime.capture.changes import Recorded
from realtime.capture.committed import Committed
from realtime.models import Change
from resources.models import Document

LABEL = "resources.document"

pytestmark = pytest.mark.django_db


def record(*changed: tuple[int, int, list[str] | None], tenant_id: int = 1) -> None:
    """Record (key, version, fields) of documents."""
    rows = [Recorded(ObjectKey(LABEL, pk), version, fields) for pk, version, fields in changed]
    changes.record(tenant_id, rows)


def in_another_transaction() -> None:
    """What follows belongs to another transaction than what was recorded before."""
    connection.run_on_commit.clear()
    Change.objects.update(xid=-1)


def test_version_changed_what_its_transaction_changed_up_to_it() -> None:
    record((1, 5, ["body"]))
    in_another_transaction()
    record((1, 6, ["title"]), (2, 6, ["status"]))
    record((1, 7, ["budget"]))
    wanted = [(1, 5), (1, 6), (1, 7), (2, 6)]
    assert changes.fields_changed(LABEL, wanted) == {
        (1, 5): {"body"},
        (1, 6): {"title"},
        (1, 7): {"title", "budget"},
        (2, 6): {"status"},
    }


def test_version_whose_transaction_changed_anything_changed_any_field() -> None:
    record((1, 6, None))
    record((1, 7, ["title"]))
    assert changes.fields_changed(LABEL, [(1, 7)]) == {(1, 7): None}


def test_version_without_a_row_changed_any_field() -> None:
    record((1, 6, ["title"]))
    assert changes.fields_changed(LABEL, [(1, 5), (2, 6)]) == {(1, 5): None, (2, 6): None}


def test_nothing_asked_is_nothing_read(django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(0):
        assert changes.fields_changed(LABEL, []) == {}


def test_changes_of_another_model_do_not_count() -> None:
    changes.record(1, [Recorded(ObjectKey("resources.profile", 1), 6, ["bio"])])
    assert changes.fields_changed(LABEL, [(1, 6)]) == {(1, 6): None}
    assert changes.fields_since(LABEL, {1: 6}) == {1: set()}


def test_fields_since_are_those_of_the_version_and_all_later_ones() -> None:
    record((1, 5, ["body"]), (2, 5, ["body"]))
    in_another_transaction()
    record((1, 6, ["title"]), (2, 6, None))
    record((1, 7, ["status"]))
    assert changes.fields_since(LABEL, {1: 6, 2: 5}) == {1: {"title", "status"}, 2: None}


def test_fields_since_a_version_that_was_rolled_back_are_none_at_all() -> None:
    record((1, 6, ["title"]))
    assert changes.fields_since(LABEL, {1: 7, 2: 1}) == {1: set(), 2: set()}


def test_what_changed_since_tells_the_same_of_a_version_as_the_version_itself() -> None:
    record((1, 5, ["body"]), (2, 5, ["body"]))
    in_another_transaction()
    record((1, 6, ["title"]), (2, 6, ["status"]))
    record((1, 7, ["budget"]))
    since = changes.since(LABEL, {1: 6, 2: 6})
    for pk, version in ((1, 6), (1, 7), (2, 6), (2, 7), (1, 9)):
        assert (
            since.exact(pk, version) == changes.fields_changed(LABEL, [(pk, version)])[pk, version]
        )
    assert since.exact(1, 7) == {"title", "budget"}
    assert since.fields(1, creations=False) == {"title", "budget"}


def test_creation_changes_any_field_or_none(document: Document) -> None:
    label, first = Document._meta.label_lower, document.version
    since = changes.since(label, {document.pk: first})
    assert since.is_created(document.pk)
    assert since.fields(document.pk, creations=True) is None
    assert since.fields(document.pk, creations=False) == set()
    assert since.exact(document.pk, first) is None
    document.title = "Other"
    document.save()
    later = changes.since(label, {document.pk: document.version})
    assert not later.is_created(document.pk)
    assert later.fields(document.pk, creations=False) == {"title", "updated_at"}


def test_fields_cost_the_same_queries_for_one_and_for_fifty(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    record(*((pk, 6, ["title"]) for pk in range(50)))
    for keys in ([1], range(50)):
        with django_assert_num_queries(1):
            assert set(changes.fields_changed(LABEL, [(pk, 6) for pk in keys])) == {
                (pk, 6) for pk in keys
            }
        with django_assert_num_queries(1):
            changes.fields_since(LABEL, dict.fromkeys(keys, 6))


READ = """
SELECT sum(pg_stat_get_xact_tuples_returned(oid) + pg_stat_get_xact_tuples_fetched(oid))
FROM pg_class WHERE oid = 'earshot_realtime_change'::regclass
OR oid IN (SELECT indexrelid FROM pg_index WHERE indrelid = 'earshot_realtime_change'::regclass)
"""


def read_for(ask: Callable[[], object]) -> int:
    """How many rows and index entries this reads on PostgreSQL; how many steps it takes on
    SQLite."""
    steps = [0, 0]
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            database = cursor.connection

        def step() -> int:
            steps[1] += 1
            return 0

        database.set_progress_handler(step, 1)
        ask()
        database.set_progress_handler(None, 0)
        return steps[1]
    with connection.cursor() as cursor:
        # A table as small as this may well be read whole.
        cursor.execute("SET LOCAL enable_seqscan = off; SET LOCAL enable_hashjoin = off")
        cursor.execute("SET LOCAL enable_mergejoin = off; ANALYZE earshot_realtime_change")
        for place in range(2):
            cursor.execute(READ)
            steps[place] = int(cursor.fetchone()[0])
            ask()
    return steps[1] - steps[0]


def test_fields_of_a_version_cost_the_same_after_a_long_history() -> None:
    costs = []
    for first, last in ((1, 20), (20, 600)):
        record(*((1, version, ["title"]) for version in range(first, last)))
        Change.objects.filter(object_id=1).update(xid=F("version"))
        record((1, last, ["body"]), (1, last + 1, ["status"]))
        asked = [(1, last + 1), (1, last - 5)]
        assert changes.fields_changed(LABEL, asked)[1, last + 1] == {"body", "status"}
        costs.append(read_for(lambda asked=asked: changes.fields_changed(LABEL, asked)))  # type: ignore[misc]
        Change.objects.filter(object_id=1, version__gte=last).delete()
    assert costs[1] < 1.5 * costs[0]


def test_rows_of_one_transaction_share_their_number(document: Document) -> None:
    document.budget = Decimal("1.00")
    document.save()
    with transaction.atomic():
        document.budget = Decimal("2.00")
        document.save()
    rows = Change.objects.filter(object_id=document.pk, version__gt=document.version - 2)
    assert len(rows) == 2
    assert len({row.xid for row in rows}) == 1


@pytest.mark.django_db(transaction=True)
def test_rows_of_two_transactions_have_two_numbers(document: Document) -> None:
    for budget in (1, 2):
        document.budget = Decimal(budget)
        document.save()
    rows = Change.objects.filter(object_id=document.pk, version__gt=document.version - 2)
    assert len({row.xid for row in rows}) == 2


def objects(told: list[Committed]) -> list[dict[int, int]]:
    return [{key.pk: version for (_, key), version in t.changed.items()} for t in told]


def test_commit_tells_everything_at_once_from_the_lowest_version(told: list[Committed]) -> None:
    with transaction.atomic():
        record((1, 5, None))
        with transaction.atomic():
            record((2, 5, None))
        record((1, 6, None))
    assert objects(told) == [{1: 5, 2: 5}]


def test_rollback_of_the_first_savepoint_does_not_silence_what_follows(
    told: list[Committed],
) -> None:
    with transaction.atomic():
        with transaction.atomic():
            record((1, 5, None))
            transaction.set_rollback(True)
        record((2, 5, None))
    assert objects(told) == [{2: 5}]
