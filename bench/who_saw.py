"""How fast "who saw it" answers, in each direction, over a ledger of ten million accesses.

A million each of reads over REST, of windows, of revisions applied and of pushes lie beside them.
One object and one user have a tenth of all that, the rest is of 20 tenants with 50,000 objects.
Each query that an answer makes is explained; `var/who-saw.txt` keeps how.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "bench.settings")

import django

django.setup()

from django.core.management import call_command  # noqa: E402  (needs the settings)
from django.db import connection  # noqa: E402

from bench.figures import Row  # noqa: E402
from bench.ledger import scans  # noqa: E402
from bench.seeding import seed  # noqa: E402
from permissions.audiences import registry  # noqa: E402
from realtime.audit import seen  # noqa: E402
from realtime.audit.questions import Place, Question  # noqa: E402
from realtime.audit.seen_command import csv_line, told  # noqa: E402
from tenants.keys import INTEGER, logged  # noqa: E402
from tenants.models import Tenant  # noqa: E402

ACCESSES = int(os.environ.get("BENCH_ACCESSES", "10000000"))
BEGIN = datetime(2030, 1, 1, tzinfo=UTC)
DAYS = 90
TENANT, OBJECT, USER = 7, 150_000, 7_500
PAGES, TRIES = 20, 2
SECONDS = 1.0
KEPT = Path(__file__).parent.parent / "var" / "who-saw.txt"

# Each tenth row is of the object, each other tenth of the user, the others are of 20 tenants with
# 1,000 users and 2,500 objects each. Of the object, owners are few and long ago.
SERIES = f"""
FROM generate_series(1, %(rows)s) AS n,
LATERAL (SELECT CASE WHEN n %% 10 < 2 THEN {TENANT} ELSE n / 10 %% 20 END AS tenant,
    %(begin)s + n * %(each)s AS at) AS t,
LATERAL (SELECT
    CASE WHEN n %% 10 = 1 THEN {USER} ELSE tenant * 1000 + n / 200 %% 1000 END AS user_id,
    CASE WHEN n %% 10 = 0 THEN {OBJECT}
         WHEN n %% 10 = 1 THEN tenant * 2500 + n / 10 %% 2500
         ELSE tenant * 2500 + n / 200 %% 2500 END AS object_id,
    CASE WHEN n %% 10 = 0 AND n %% 1000 > 0 THEN 'viewer'
         WHEN n %% 10 = 0 AND n < %(rows)s / 2 THEN 'owner'
         ELSE (ARRAY['editor', 'viewer', 'auditor'])[1 + n / 20 %% 3] END AS audience,
    CASE WHEN n %% 1000 = 3 THEN NULL
         WHEN n %% 100 < 5 THEN at + interval '2 days'
         ELSE at + n %% 97 * interval '1 minute' END AS ended_at) AS u
"""
KEY, NUMBER = logged(INTEGER, "object_id"), logged(INTEGER, "n")
STATEMENTS = {
    "access": f"""(tenant_id, user_id, model, object_id, audience, began_at, ended_at, began, ended,
    process, connection, xid)
SELECT tenant, user_id, 'resources.document', {KEY}, audience, at, ended_at, 'subscribed',
    CASE WHEN ended_at IS NULL THEN '' ELSE 'disconnected' END, 1 + n %% 4, n, NULL""",
    "read": f"""(tenant_id, user_id, model, object_id, audience, minute, xid)
SELECT tenant, user_id, 'resources.document', {KEY}, audience, at, NULL""",
    "push": f"""(tenant_id, at, model, object_id, audience, version, fields, etag, size, xid)
SELECT tenant, at, 'resources.document', {KEY}, audience, n, '["title"]', md5(n::text),
    300, NULL""",
    "viewing": """(tenant_id, user_id, model, "where", began_at, ended_at, ended, process,
    connection, xid)
SELECT tenant, user_id, 'resources.document', '{}', at, ended_at,
    CASE WHEN ended_at IS NULL THEN '' ELSE 'disconnected' END, 1 + n %% 4, n, NULL""",
    "applied": """(tenant_id, process, revision, read, at, xid)
SELECT tenant, 1 + n %% 4, n, n, at, NULL""",
    # The object's thousand viewers, and each object's owner.
    "held": f"""(tenant_id, source, source_id, principal, since, began_at, began, ended, model,
    object_id, permission)
SELECT CASE WHEN n <= 1000 THEN {TENANT} ELSE n / 2500 %% 20 END,
    CASE WHEN n BETWEEN 2 AND 1000 THEN 'grants' ELSE 'resources_document.owner_id' END, {NUMBER},
    'user:' || CASE WHEN n <= 1000 THEN {TENANT * 1000} + n
        ELSE n / 2500 %% 20 * 1000 + n %% 1000 END,
    n, at, 'granted', '', 'resources.document',
    {logged(INTEGER, f"(CASE WHEN n <= 1000 THEN {OBJECT} ELSE n %% 50000 END)")},
    CASE WHEN n BETWEEN 2 AND 1000 THEN 'view_document' ELSE 'own_document' END""",
    "belongs": f"""(tenant_id, source, source_id, principal, since, began_at, began, ended, user_id)
SELECT n / 1000, 'tenants_membership', {NUMBER}, 'role:' || CASE WHEN n %% 100 = 0 THEN 'admin' ELSE
    'member' END, 0, %(begin)s, 'member', '', n""",
}  # fmt: skip
BIG = {
    f"earshot_realtime_{name}" for name in ("access", "read", "push", "viewing", "applied", "held")
}
HOW_MANY = {"access": ACCESSES, "belongs": 19_999, "held": 100_000}


def at(days: float) -> datetime:
    return BEGIN + timedelta(days=days)


def fill() -> None:
    """Fill each table of the ledger with as many rows as it shall have, spread over the days."""
    for name, statement in STATEMENTS.items():
        rows = HOW_MANY.get(name, ACCESSES // 10)
        into = f"INSERT INTO earshot_realtime_{name} {statement} {SERIES}"
        each = timedelta(days=DAYS) / rows
        seed(f"earshot_realtime_{name}", into, {"rows": rows, "begin": BEGIN, "each": each})


def questions() -> dict[str, Question]:
    """Return each direction of the question, where it has the most to pass over."""
    of: dict[str, Any] = {"resource": registry.get("resources.document"), "object_id": OBJECT}
    user: dict[str, Any] = {"user_id": USER}
    spans: dict[str, tuple[datetime | None, datetime | None]] = {
        "": (None, None), " since a day ago": (at(DAYS - 1), None),
        " since half of it": (at(DAYS / 2), None), " until half of it": (None, at(DAYS / 2)),
        " on a day": (at(DAYS / 3), at(DAYS / 3 + 1)),
    }  # fmt: skip
    found = {
        f"{what}{name}": Question(TENANT, since, until, **wanted)
        for what, wanted in (("an object", of), ("a user", user))
        for name, (since, until) in spans.items()
    }
    half = next(n for n in range(ACCESSES // 20, ACCESSES) if n % 10 == 0 and n % 1000)
    etag = value("SELECT md5(%s::text)", half)
    found |= {
        f"{what}{name}": Question(TENANT, since, until, **of, **more)
        for what, more in (
            ("a field of few", {"field": "budget"}), ("a field of nobody", {"field": "created_at"}),
            ("an etag", {"etag": etag}),
        )
        for name, (since, until) in spans.items()
    }  # fmt: skip
    return found


def value(statement: str, *params: Any) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(statement, params)
        [found] = cursor.fetchone() or [None]
    return found


def places() -> dict[str, Place | None]:
    """Return where a page may begin: at the beginning, far into the answer, and in windows."""
    return {
        "": None, ", after nine tenths": Place(at(DAYS * 0.9), "socket", 0),
        ", windows": Place(BEGIN, "window", 0),
        ", windows after nine tenths": Place(at(DAYS * 0.9), "window", 0),
    }  # fmt: skip


class Explained:
    """Each query that is made meanwhile, with how the database answers it."""

    def __init__(self) -> None:
        self.queries: list[tuple[str, Any]] = []

    def __call__(self, execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if sql.startswith(("SELECT", "WITH")):
            self.queries.append((sql, params))
        return execute(sql, params, many, context)

    def plans(self) -> Iterator[dict[str, Any]]:
        """Yield the plans that the queries had."""
        for sql, params in self.queries:
            with connection.cursor() as cursor:
                cursor.execute(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT json) {sql}", params)
                [[[plan]]] = cursor.fetchall()
            yield {"sql": sql[:2000], **plan}


def streamed(tenant: Tenant) -> float:
    """Return how many rows of an answer are made into CSV in a second."""
    began = time.perf_counter()
    some = islice(seen.batches(questions()["an object"]), PAGES)
    count = sum(len(csv_line(row)) > 0 for rows in some for row in told(rows, tenant))
    return count / (time.perf_counter() - began)


def measure() -> list[Row]:
    call_command("migrate", verbosity=0)
    tenant = Tenant.objects.create(pk=TENANT, slug="bench", name="Bench")
    began = time.perf_counter()
    fill()
    filled = time.perf_counter() - began
    times: dict[str, float] = {}
    full: list[str] = []
    KEPT.parent.mkdir(exist_ok=True)
    with KEPT.open("w") as kept:
        for what, question in questions().items():
            for where, place in places().items():
                queries, tries = Explained(), []
                for _ in range(TRIES):
                    queries.queries.clear()
                    with connection.execute_wrapper(queries):
                        began = time.perf_counter()
                        found = seen.page(question, place)
                        tries.append(time.perf_counter() - began)
                times[what + where] = took = min(tries)
                kept.write(f"{what}{where}: {len(found.rows)} rows in {took:.3f} s\n")
                for plan in queries.plans():
                    kept.write(f"{json.dumps(plan)}\n")
                    full += [
                        f"{what}{where}: {name}" for name in scans(plan["Plan"]) if name in BIG
                    ]
                kept.flush()
    slowest = sorted(times, key=lambda what: -times[what])
    return [
        Row(
            f"Who saw what over {ACCESSES:,} accesses: the slowest first page",
            times[slowest[0]],
            f"s: {slowest[0]}; then {', '.join(f'{w} {times[w]:.2f}' for w in slowest[1:4])}; of"
            f" {len(times)} questions",
            f"< {SECONDS:g}",
            times[slowest[0]] < SECONDS,
            f"the least of {TRIES} of each direction and span, from the beginning and far in;"
            f" filled in {filled:.0f} s",
        ),
        Row(
            "Who saw what: queries that read a whole table",
            float(len(full)),
            f"{', '.join(full)}",
            "0",
            not full,
            "EXPLAIN (ANALYZE) of every query of these answers",
        ),
        Row(
            "Who saw what as CSV", streamed(tenant), "rows/s", "", None,
            f"the first {PAGES} pages of the object, streamed",
        ),
    ]  # fmt: skip
