"""How the triggers of SQLite spell what Django reads and compares."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection

from realtime.capture.intervals_sqlite import NOW
from tests.databases import only_on

pytestmark = [
    only_on("sqlite", "PostgreSQL has a type of its own for times."),
    pytest.mark.django_db,
]

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)


def written(at: datetime) -> str:
    """What a trigger writes at this time."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT " + NOW.replace("'now'", f"'{at:%Y-%m-%d %H:%M:%S.%f}'"))
        [text] = cursor.fetchone()
    return str(text)


@pytest.mark.parametrize("milliseconds", [0, 1, 20, 300, 999])
def test_time_of_a_trigger_is_the_text_that_django_compares_it_with(milliseconds: int) -> None:
    at = NOON + timedelta(milliseconds=milliseconds)
    assert written(at) == connection.ops.adapt_datetimefield_value(at)


def test_times_of_triggers_sort_as_they_went_by() -> None:
    times = [NOON + timedelta(milliseconds=n) for n in range(-2, 1003)]
    texts = [written(at) for at in times]
    assert texts == sorted(texts)
