"""How fast old rows are pruned: `python -m tests.servers python -m bench.pruning`.

Of each log and of the ledger a million rows, over two days, of which one is pruned while the other
stays; `docs/operations.md` has the figures. Without the servers, on SQLite in `var/`.
"""

from __future__ import annotations

import os
import time
from datetime import timedelta

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "bench.settings")
django.setup()

from django.core.management import call_command  # noqa: E402  (needs the settings)
from django.db import connection  # noqa: E402
from django.utils import timezone  # noqa: E402

from realtime.audit.pruning import prune  # noqa: E402
from tenants.keys import INTEGER, logged  # noqa: E402

ROWS = 1_000_000
SERIES = """
WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < %(rows)s),
t(n, at) AS (SELECT n, {at} FROM s)
"""
AT = {
    "postgresql": "%(now)s + (n - %(rows)s) * interval '0.1728 seconds'",
    "sqlite": "strftime('%%Y-%%m-%%d %%H:%%M:%%f', %(now)s, (n - %(rows)s) * 0.1728 || ' seconds')",
}
INTO = """
INSERT INTO earshot_realtime_change
    (tenant_id, model, object_id, version, creation, fields, xid, at)
{series} SELECT n %% 20, 'resources.document', {key}, n, false, '["title"]', n, at FROM t;
INSERT INTO earshot_permissions_accesschange (tenant_id, revision, user_id, cause, at)
{series} SELECT n %% 20, n, n %% 100, 'granted', at FROM t;
INSERT INTO earshot_realtime_access
    (tenant_id, user_id, model, object_id, audience, began_at, ended_at, began, ended, process,
     connection)
{series} SELECT n %% 20, n %% 100, 'resources.document', {key}, 'viewer', at, at,
    'subscribed', 'disconnected', 1, n FROM t;
INSERT INTO earshot_realtime_push
    (tenant_id, at, model, object_id, audience, version, fields, etag, size)
{series} SELECT n %% 20, at, 'resources.document', {key}, 'viewer', n, '["title"]', n, 300
    FROM t
"""


def main() -> None:
    call_command("migrate", verbosity=0)
    now = timezone.now()
    series = SERIES.format(at=AT[connection.vendor])
    with connection.cursor() as cursor:
        for statement in INTO.format(series=series, key=logged(INTEGER, "(n %% 2000)")).split(";"):
            cursor.execute(statement, {"rows": ROWS, "now": now})
    began = time.perf_counter()
    for label, gone in prune(now - timedelta(days=1)):
        took, began = time.perf_counter() - began, time.perf_counter()
        print(f"{label:26} {gone:9,} of {ROWS:,} rows in {took:6.1f} s, {gone / took:9,.0f} rows/s")


if __name__ == "__main__":
    main()
