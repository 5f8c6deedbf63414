"""How long `explain` takes where there are 400,000 grants, and that no query of it reads a table.

The grants are on 40,000 documents, ten on each; the intervals of all are in the record. Asked are
the owner, somebody with a grant, somebody by role, and somebody who has nothing.
"""

from __future__ import annotations

import os
import time

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "bench.settings")

import django

django.setup()

from django.core.management import call_command  # noqa: E402  (needs the settings)
from django.db import connection  # noqa: E402

from bench.figures import Row  # noqa: E402
from bench.ledger import scans  # noqa: E402
from bench.who_saw import Explained  # noqa: E402
from permissions.audiences import registry  # noqa: E402
from permissions.review.explaining import explain  # noqa: E402
from tenants.keys import INTEGER, logged  # noqa: E402
from tests.world import World  # noqa: E402

GRANTS = 400_000
BIG = {"resources_document", "resources_documentusergrant", "earshot_realtime_held"}
EACH = 10
RUNS = 15
MILLISECONDS = 50.0
DOCUMENTS = """
INSERT INTO resources_document ({columns}, id) SELECT {columns}, {first} + n
FROM resources_document, generate_series(1, %(rows)s) AS n WHERE id = %(document)s"""
GRANTED = """
INSERT INTO resources_documentusergrant (user_id, permission_id, content_object_id)
SELECT 1000000 + n, permission_id, 1000000 + n / %(each)s
FROM (SELECT permission_id FROM resources_documentusergrant LIMIT 1) AS p,
    generate_series(1, %(rows)s) AS n"""
HELD = f"""
INSERT INTO earshot_realtime_held (tenant_id, source, source_id, principal, since, began_at, began,
    ended, model, object_id, permission)
SELECT %(tenant)s, 'resources_documentusergrant', {logged(INTEGER, "(1000000 + n)")},
    'user:' || 1000000 + n, 0, now(), 'granted', '', 'resources.document',
    {logged(INTEGER, "(1000000 + n / 10)")}, 'view_document'
FROM generate_series(1, %(rows)s) AS n"""


def value(statement: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return str((cursor.fetchone() or [""])[0])


def fill(world: World) -> None:
    """Fill the tables beside the world's own document and grants."""
    columns = value(
        "SELECT string_agg(quote_ident(column_name), ', ') FROM information_schema.columns"
        " WHERE table_name = 'resources_document' AND column_name <> 'id'"
    )
    document = DOCUMENTS.format(columns=columns, first=1_000_000)
    params = {"tenant": world.document.tenant_id, "document": world.document.pk, "each": EACH}
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        for rows, statement in ((GRANTS // EACH, document), (GRANTS, GRANTED), (GRANTS, HELD)):
            cursor.execute(statement, params | {"rows": rows})
        cursor.execute("SET session_replication_role = DEFAULT")
        cursor.execute("ANALYZE")


def measure() -> list[Row]:
    call_command("migrate", verbosity=0)
    world = World()
    fill(world)
    document, acme = registry.get("resources.document"), world.tenants["acme"]
    times: dict[str, float] = {}
    full: list[str] = []
    for who in ("owner", "viewer", "admin", "member"):
        took = []
        for _ in range(RUNS):
            began = time.perf_counter()
            explain(document, acme, world.user(who), world.document.pk)
            took.append((time.perf_counter() - began) * 1000)
        times[who] = min(took)
        queries = Explained()
        with connection.execute_wrapper(queries):
            explain(document, acme, world.user(who), world.document.pk)
        full += [f"{who}: {t}" for plan in queries.plans() for t in scans(plan["Plan"]) if t in BIG]
    slowest = max(times, key=lambda who: times[who])
    return [
        Row(
            f"`explain` at {GRANTS:,} grants",
            times[slowest],
            f"ms: {slowest}; {', '.join(f'{w} {times[w]:.1f}' for w in times)}",
            f"< {MILLISECONDS:g}",
            times[slowest] < MILLISECONDS,
            f"the least of {RUNS} for each of {len(times)} users, with the payload",
        ),
        Row(
            "`explain`: queries that read a whole table",
            float(len(full)), ", ".join(full), "0", not full,
            "EXPLAIN (ANALYZE) of every query of these answers",
        ),
    ]  # fmt: skip
