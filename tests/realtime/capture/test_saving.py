"""What counts as changed, and what pickled or copied instances know of their writes."""

import copy
import pickle
from typing import Any

import pytest
from django.db import connection, transaction

from realtime.capture.saving import Write, same
from resources.models import Document
from tests.realtime.recorded import stored


@pytest.mark.parametrize(
    ("one", "other", "are"),
    [
        (1, 1.0, False), (1, 1, True), (0.0, -0.0, False), (1, True, False), (0, False, False),
        (True, True, True), (1, None, False),
        ({"a": [1]}, {"a": [1]}, True), ({"a": [1]}, {"a": [True]}, False),
        ({"a": 1}, {"b": 1}, False), ({"a": 1, "b": 2}, {"b": 2, "a": 1}, False),
        (float("nan"), float("nan"), True), ("a", "a", True), (None, None, True),
        ([0], [0, 0], False), ([0], {}, False), (b"a", memoryview(b"a"), True),
    ],
)  # fmt: skip
def test_what_readers_of_json_tell_apart_is_a_change(one: Any, other: Any, are: bool) -> None:
    assert same(one, other) is are


@pytest.mark.django_db(transaction=True)
def test_copies_know_that_a_write_was_taken_back_and_pickles_take_it_for_committed(
    document: Document,
) -> None:
    with transaction.atomic():
        document.title = "B"
        document.save()
        copies = [copy.copy(document), copy.deepcopy(document)]
        pickled = pickle.loads(pickle.dumps(document))
        transaction.set_rollback(True)
    pickled.save()
    assert stored(document).title == "Plan"
    for one in copies:
        one.save()
        assert stored(document).title == "B"
        Document.objects.filter(tenant=document.tenant).update(title="Plan")


@pytest.mark.django_db(transaction=True)
def test_write_is_lost_when_its_transaction_is_and_never_after_its_commit() -> None:
    kept, lost, outer = (Write({}) for _ in range(3))
    with transaction.atomic():
        kept.begin(connection)
        with transaction.atomic():
            lost.begin(connection)
            transaction.set_rollback(True)
        outer.begin(connection)
        assert [w.is_lost(connection) for w in (kept, lost, outer)] == [False, True, False]
    assert [w.is_lost(connection) for w in (kept, lost, outer)] == [False, True, False]
    alone = Write({})
    alone.begin(connection)
    assert alone.committed
