"""Two writers of one object, one after the other and at once."""

import threading
from collections.abc import Callable
from decimal import Decimal

import pytest
from django.db import connection

from resources.models import Document
from tests.realtime.recorded import STAMPED, Recording, stored


def test_stale_save_does_not_put_old_values_back(document: Document) -> None:
    stale, fresh = stored(document), stored(document)
    recording = Recording(document)
    fresh.title = "New"
    fresh.save()
    stale.budget = Decimal("5.00")
    stale.save()
    assert recording.shows(STAMPED, ["budget"])
    assert stored(document).title == "New"
    assert stale.version == stored(document).version


@pytest.mark.django_db(transaction=True)
def test_two_writers_of_one_object_lose_nothing(document: Document) -> None:
    recording = Recording(document)
    loaded = threading.Barrier(2)
    failures: list[BaseException] = []

    def write(change: Callable[[Document], None]) -> None:
        try:
            mine = stored(document)
            loaded.wait(10)
            change(mine)
            mine.save()
        except BaseException as error:
            failures.append(error)
        finally:
            connection.close()

    changes: list[Callable[[Document], None]] = [
        lambda d: setattr(d, "title", "B"),
        lambda d: setattr(d, "budget", Decimal("5.00")),
    ]
    threads = [threading.Thread(target=write, args=(change,)) for change in changes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert failures == []
    after = stored(document)
    assert (after.title, after.budget) == ("B", 5)
    assert recording.risen == 2
    assert sorted(version for version, _ in recording.rows) == [1, 2]
