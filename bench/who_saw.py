"""How fast "who saw it" answers: `python -m tests.servers python -m bench.who_saw [ACCESSES]`.

Of ten million accesses, or of another number, half as many reads over REST and as many grants as
there are users, for one object that has a tenth of them all, and for one user. Prints the time of
the first page and of a later one, and keeps how the database answers in `var/who-saw.txt`. Without
the servers, on SQLite in `var/`, in an empty database.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from datetime import timedelta
from itertools import islice
from pathlib import Path
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "bench.settings")
django.setup()

from django.core.management import call_command  # noqa: E402  (needs the settings)
from django.db import connection  # noqa: E402
from django.utils import timezone  # noqa: E402

from bench.pruning import AT, SERIES  # noqa: E402
from permissions.audiences import registry  # noqa: E402
from realtime.audit import seen  # noqa: E402
from realtime.audit.questions import Question  # noqa: E402
from tenants.keys import INTEGER, as_logged, logged  # noqa: E402
from tests.world import World  # noqa: E402

ACCESSES = 10_000_000
PAGES = 20
KEPT = Path(__file__).parent.parent / "var" / "who-saw.txt"
EXPLAIN = {"postgresql": "EXPLAIN (ANALYZE, BUFFERS) ", "sqlite": "EXPLAIN QUERY PLAN "}
OTHERS = logged(INTEGER, "(1000000 + n %% 50000)")
OBJECT = f"CASE WHEN n %% 10 = 0 THEN %(object)s ELSE {OTHERS} END"
INTO = """
INSERT INTO earshot_realtime_access
    (tenant_id, user_id, model, object_id, audience, began_at, ended_at, began, ended, process,
     connection)
{series} SELECT %(tenant)s, 1000000 + n %% 1000, 'resources.document', {object}, 'viewer', at, at,
    'subscribed', 'disconnected', 1, n FROM t;
INSERT INTO earshot_realtime_read (tenant_id, user_id, model, object_id, audience, minute)
{series} SELECT %(tenant)s, 2000000 + n, 'resources.document', {object}, 'viewer', at FROM t
    WHERE n %% 2 = 0;
INSERT INTO earshot_realtime_held
    (tenant_id, source, source_id, principal, model, object_id, permission, began_at, began, ended)
{series} SELECT %(tenant)s, 'bench', {source}, 'user:' || (1000000 + n), 'resources.document',
    %(object)s, 'view_document', at, 'granted', '' FROM t WHERE n <= 1000
"""


def fill(world: World, rows: int) -> None:
    series = SERIES.format(at=AT[connection.vendor])
    given: dict[str, Any] = {
        "rows": rows,
        "now": timezone.now(),
        "tenant": world.document.tenant_id,
        "object": as_logged(world.document.pk),
    }
    with connection.cursor() as cursor:
        for statement in INTO.format(
            series=series, object=OBJECT, source=logged(INTEGER, "n")
        ).split(";"):
            cursor.execute(statement, given)
        cursor.execute("ANALYZE")


def questions(world: World) -> Iterator[tuple[str, Question]]:
    tenant, document = world.document.tenant_id, registry.get("resources.document")
    of: dict[str, Any] = {"resource": document, "object_id": world.document.pk}
    yield "an object", Question(tenant, **of)
    yield "a field of it", Question(tenant, **of, field="title")
    day = timezone.now() - timedelta(days=1)
    yield "an object, since a day", Question(tenant, **of, since=day)
    yield "a user", Question(tenant, user_id=1_000_007)
    yield "a user, since a day", Question(tenant, user_id=1_000_007, since=day)


def plans(question: Question) -> Iterator[str]:
    for source in seen.SOURCES:
        for rows in seen.rows(source, question):
            sql, params = rows[: seen.BATCH].query.sql_with_params()
            with connection.cursor() as cursor:
                cursor.execute(EXPLAIN[connection.vendor] + sql, params)
                yield from (" ".join(map(str, row)) for row in cursor.fetchall())


def main() -> None:
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else ACCESSES
    call_command("migrate", verbosity=0)
    world = World()
    fill(world, rows)
    kept = []
    for what, question in questions(world):
        began = time.perf_counter()
        pages = seen.batches(question)
        first, at = next(pages, []), time.perf_counter()
        later = len(list(islice(pages, PAGES)))
        each = (time.perf_counter() - at) / max(1, later)
        print(
            f"{what:24} of {rows:,} accesses: first page of {len(first)} in {at - began:.3f} s,"
            f" each of the next {later} in {each:.3f} s"
        )
        kept += [what, *plans(question), ""]
    KEPT.parent.mkdir(exist_ok=True)
    KEPT.write_text("\n".join(kept))
    print(f"How the database answers: {KEPT.name} in {KEPT.parent.name}/")


if __name__ == "__main__":
    main()
