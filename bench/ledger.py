"""The ledger of a million accesses, windows and pushes: every question is served by an index.

Each query is the view's own page of 25 rows; the plan of each is looked at, and its time taken.
Who saw an object in windows, and what a user did, are asked as the review does.
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
from permissions.audiences import registry  # noqa: E402
from realtime.audit import seen, seen_in_windows  # noqa: E402
from realtime.audit.questions import Question  # noqa: E402
from realtime.audit.rest_ledger import AccessesView, LedgerView, PushesView  # noqa: E402
from realtime.audit.viewings import Applied  # noqa: E402
from realtime.models import Held  # noqa: E402
from tenants.keys import INTEGER, logged  # noqa: E402

ROWS = 1_000_000
TENANT = 7
BEGIN = datetime(2030, 1, 1, tzinfo=UTC)
RUNS = 15

# Of 20 tenants each has 100 users and 2,000 objects, over 90 days; one in a hundred lasts.
OBJECT = logged(INTEGER, "((n %% 20) * 2000 + n / 20 %% 2000)")
SOURCE = logged(INTEGER, "n")
ACCESSES = f"""
INSERT INTO earshot_realtime_access
    (tenant_id, user_id, model, object_id, audience, began_at, ended_at, began, ended, process,
     connection)
SELECT n %% 20, (n %% 20) * 100 + n / 20 %% 100, 'resources.document',
    {OBJECT},
    (ARRAY['owner', 'editor', 'viewer', 'auditor'])[1 + n / 20 %% 4],
    %(begin)s + n * interval '7.776 seconds',
    CASE WHEN n %% 100 > 0 THEN %(begin)s + n * interval '7.776 seconds' + interval '1 hour' END,
    'subscribed', CASE WHEN n %% 100 > 0 THEN 'disconnected' ELSE '' END, 1, n::text
FROM generate_series(1, %(rows)s) AS n
"""
PUSHES = f"""
INSERT INTO earshot_realtime_push
    (tenant_id, at, model, object_id, audience, version, fields, etag, size)
SELECT n %% 20, %(begin)s + n * interval '7.776 seconds', 'resources.document',
    {OBJECT},
    (ARRAY['owner', 'editor', 'viewer', 'auditor'])[1 + n / 20 %% 4],
    n, '["title"]', md5(n::text), 300
FROM generate_series(1, %(rows)s) AS n
"""

VIEWINGS = """
INSERT INTO earshot_realtime_viewing
    (tenant_id, user_id, model, "where", began_at, ended_at, ended, process, connection)
SELECT n %% 20, (n %% 20) * 100 + n / 20 %% 100, 'resources.document', '{}',
    %(begin)s + n * interval '7.776 seconds',
    CASE WHEN n %% 100 > 0 THEN %(begin)s + n * interval '7.776 seconds' + interval '1 hour' END,
    CASE WHEN n %% 100 > 0 THEN 'disconnected' ELSE '' END, 1, n::text
FROM generate_series(1, %(rows)s) AS n
"""
APPLIED = """
INSERT INTO earshot_realtime_applied (tenant_id, process, revision, read, at)
SELECT n %% 20, 1, n / 20, n / 20, %(begin)s + n * interval '7.776 seconds'
FROM generate_series(1, %(rows)s) AS n
"""
# Each object has an owner, a quarter of the others' grants has ended; roles have nothing.
HELD = f"""
INSERT INTO earshot_realtime_held
    (tenant_id, source, source_id, principal, since, until, began_at, ended_at, began, ended, model,
     object_id, permission)
SELECT n %% 20, CASE WHEN n <= 40000 THEN 'resources_document.owner_id' ELSE 'grants' END, {SOURCE},
    'user:' || (n %% 20) * 100 + n / 20 %% 97, n / 20, CASE WHEN n %% 4 = 0 THEN n / 20 + 1000 END,
    %(begin)s + n * interval '7.776 seconds',
    CASE WHEN n %% 4 = 0 THEN %(begin)s + n * interval '7.776 seconds' + interval '2 hours' END,
    'grant', '', 'resources.document', {OBJECT},
    CASE WHEN n <= 40000 THEN 'own_document' ELSE 'view_document' END
FROM generate_series(1, %(rows)s) AS n
"""
BELONGS = f"""
INSERT INTO earshot_realtime_belongs
    (tenant_id, source, source_id, principal, since, began_at, began, ended, user_id)
SELECT n / 100, 'tenants_membership', {SOURCE}, 'role:member', 0, %(begin)s, 'member', '', n
FROM generate_series(0, 1999) AS n
"""
TABLES = ("access", "push", "viewing", "applied", "held", "belongs")


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
    rows: QuerySet[Any] = view.rows(TENANT, wanted).order_by(*view.order)[:25]
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


def of_windows() -> Row:
    """Who could have had an object in windows, and what of a user: the pages' times and plans."""
    document = registry.get("resources.document")
    user_id, span = TENANT * 100 + 23, (at(10), at(80))
    of_object = Question(TENANT, *span, resource=document, object_id=TENANT * 2000 + 567)
    of_user = Question(TENANT, *span, user_id=user_id)
    held = seen_in_windows.held_of(document, TENANT, of_object.object_id or 0)
    asked = seen_in_windows.viewings(TENANT, at(10), at(80)).filter(model=document.label)
    plans = [
        asked.filter(seen_in_windows.who(TENANT, held))[:500],
        seen_in_windows.viewings(TENANT, at(10), at(80)).filter(user_id=user_id)[:50],
        Held.objects.filter(model=document.label, object_id=of_object.object_id),
        Applied.objects.filter(tenant=TENANT, process=1, read__gte=500).order_by("read", "id")[:1],
    ]
    full = [
        table
        for rows in plans
        for table in scans(json.loads(rows.explain(format="json"))[0]["Plan"])
    ]
    times, counts = {}, {}
    for name, question in (("an object", of_object), ("a user", of_user)):
        began = time.perf_counter()
        counts[name] = len(seen.page(question).rows)
        times[name] = (time.perf_counter() - began) * 1000
    told = ", ".join(f"{counts[name]} rows of {name} in {times[name]:.0f} ms" for name in times)
    return Row(
        f"Who saw what over {ROWS:,} windows, {ROWS:,} intervals: queries that read a whole table",
        float(len(full)),
        f"{len(plans)}; the first page: {told}{'; ' if full else ''}{', '.join(full)}",
        "0",
        not full,
        f"EXPLAIN of the queries, and the first page of each, over {ROWS:,} revisions applied",
    )


def measure() -> list[Row]:
    call_command("migrate", verbosity=0)
    with connection.cursor() as cursor:
        for statement in (ACCESSES, PUSHES, VIEWINGS, APPLIED, HELD, BELONGS):
            cursor.execute(statement, {"begin": BEGIN, "rows": ROWS})
        for name in TABLES:
            cursor.execute(f"ANALYZE earshot_realtime_{name}")
    found = [of_windows()]
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
