"""The ledger of a million accesses and a million pushes: every filter is served by an index.

Each query is the view's own
page of 25 rows; the plan of each is looked at, and its time taken.
"""

from __future__ import annotations

import json
import os
import statistics
import time
from datetime import UTC, datetime, timedelta
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "bench.settings")

import django

django.setup()

from django.core.management import call_command  # noqa: E402  (needs the settings)
from django.db import connection  # noqa: E402
from django.db.models import QuerySet  # noqa: E402

from bench.figures import Row  # noqa: E402
from realtime.audit.rest_ledger import AccessesView, LedgerView, PushesView  # noqa: E402

ROWS = 1_000_000
TENANT = 7
BEGIN = datetime(2030, 1, 1, tzinfo=UTC)
RUNS = 15

# Of 20 tenants each has 100 users and 2,000 objects, over 90 days; one in a hundred lasts.
ACCESSES = """
INSERT INTO earshot_realtime_access
    (tenant_id, user_id, model, object_id, audience, began_at, ended_at, began, ended, process,
     connection)
SELECT n %% 20, (n %% 20) * 100 + n / 20 %% 100, 'resources.document',
    (n %% 20) * 2000 + n / 20 %% 2000,
    (ARRAY['owner', 'editor', 'viewer', 'auditor'])[1 + n / 20 %% 4],
    %(begin)s + n * interval '7.776 seconds',
    CASE WHEN n %% 100 > 0 THEN %(begin)s + n * interval '7.776 seconds' + interval '1 hour' END,
    'subscribed', CASE WHEN n %% 100 > 0 THEN 'disconnected' ELSE '' END, 1, n::text
FROM generate_series(1, %(rows)s) AS n
"""
PUSHES = """
INSERT INTO earshot_realtime_push
    (tenant_id, at, model, object_id, audience, version, fields, etag, size)
SELECT n %% 20, %(begin)s + n * interval '7.776 seconds', 'resources.document',
    (n %% 20) * 2000 + n / 20 %% 2000,
    (ARRAY['owner', 'editor', 'viewer', 'auditor'])[1 + n / 20 %% 4],
    n, '["title"]', md5(n::text), 300
FROM generate_series(1, %(rows)s) AS n
"""


def at(days: float) -> datetime:
    return BEGIN + timedelta(days=days)


FILTERS: dict[str, dict[str, Any]] = {
    "nothing": {},
    "user": {"user": TENANT * 100 + 23},
    "object": {"model": "resources.document", "object_id": TENANT * 2000 + 567},
    "audience": {"audience": "viewer"},
    "a day long ago": {"since": at(10), "until": at(11)},
    "user and a day": {"user": TENANT * 100 + 23, "since": at(10), "until": at(11)},
    "object and audience": {
        "model": "resources.document", "object_id": TENANT * 2000 + 567, "audience": "viewer",
    },
}  # fmt: skip


def page(view: LedgerView, wanted: dict[str, Any]) -> QuerySet[Any]:
    rows: QuerySet[Any] = view.rows(TENANT, wanted).order_by(f"-{view.time}", "-pk")[:25]
    return rows


def scans(plan: Any) -> list[str]:
    """The tables of which a plan reads every row."""
    found = [plan["Relation Name"]] if plan["Node Type"] == "Seq Scan" else []
    return found + [name for part in plan.get("Plans", ()) for name in scans(part)]


def milliseconds(rows: QuerySet[Any]) -> float:
    times = []
    for _ in range(RUNS):
        began = time.perf_counter()
        list(rows.all())
        times.append((time.perf_counter() - began) * 1000)
    return statistics.median(times)


def measure() -> list[Row]:
    call_command("migrate", verbosity=0)
    with connection.cursor() as cursor:
        for statement in (ACCESSES, PUSHES):
            cursor.execute(statement, {"begin": BEGIN, "rows": ROWS})
        cursor.execute("ANALYZE earshot_realtime_access, earshot_realtime_push")
    found = []
    for name, view in (("accesses", AccessesView()), ("pushes", PushesView())):
        times, full = {}, []
        for what, wanted in FILTERS.items():
            rows = page(view, wanted)
            plan = json.loads(rows.explain(format="json"))[0]["Plan"]
            full += [f"{what}: {table}" for table in scans(plan)]
            times[what] = milliseconds(rows)
        slowest = max(times, key=lambda what: times[what])
        found.append(
            Row(
                f"Ledger of {ROWS:,} {name}: filters that read the whole table",
                float(len(full)),
                f"{len(FILTERS)}; slowest page: by {slowest}, {times[slowest]:.1f} ms"
                f"{'; ' if full else ''}{', '.join(full)}",
                "0",
                not full,
                f"EXPLAIN of, and {RUNS} times, the first page by {', '.join(FILTERS)}",
            )
        )
    return found
