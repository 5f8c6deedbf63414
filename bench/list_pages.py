"""First and last pages of lists among many documents, each by the whole stack in this process.

`python -m bench.list_pages DOCUMENTS RUNS` takes the database from the environment, and prints what
was found as one line of JSON: the time of each GET, and the CPU of this process and of PostgreSQL's
for it, which other work on the machine hardly changes.
"""

from __future__ import annotations

import json
import os
import sys
import time
from contextlib import ExitStack
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "bench.settings")
os.environ.setdefault("EARSHOT_REQUESTS_PER_MINUTE", "1000000")

import django

django.setup()

from django.contrib.auth.models import Permission  # noqa: E402  (needs the settings)
from django.core.management import call_command  # noqa: E402
from django.db import connection  # noqa: E402
from rest_framework.test import APIClient  # noqa: E402

from bench.processes import cpu_of  # noqa: E402
from permissions import cursors  # noqa: E402
from permissions.listing import Ask, list_within  # noqa: E402
from project.runtime import tune  # noqa: E402
from resources.audiences import DOCUMENTS  # noqa: E402
from resources.models import Document, DocumentUserGrant, Profile  # noqa: E402
from tenants.models import Membership, User  # noqa: E402
from tests.uncaptured import uncaptured  # noqa: E402
from tests.world import World  # noqa: E402

LIMIT = 100
FEW = 10
PEOPLE = 1000
WARM = 3
URL = "/api/documents/"

NUMBERS = "WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {})"
WRITES = {
    "users": """
INSERT INTO earshot_tenants_user (username, password, first_name, last_name, email, is_staff,
    is_active, is_superuser, date_joined)
{numbers} SELECT 'reader-' || n, '', '', '', '', {false}, {true}, {false}, CURRENT_TIMESTAMP
FROM numbers
""",
    "documents": """
INSERT INTO resources_document (tenant_id, owner_id, version, title, body, status, review_notes,
    created_at, updated_at)
{numbers} SELECT {tenant}, CASE WHEN n % 2 = 0 THEN {owner} ELSE {other} END, 1, 'Title ' || n,
    '{body}', CASE WHEN n % 10 < 2 THEN 'published' ELSE 'draft' END, '',
    CURRENT_TIMESTAMP, CURRENT_TIMESTAMP FROM numbers
""",
    "grants": """
INSERT INTO resources_documentusergrant (user_id, permission_id, content_object_id)
SELECT r.user_id, {view}, d.id FROM (
    SELECT id, row_number() OVER (ORDER BY id) AS n FROM resources_document) d
JOIN ({numbers5} SELECT n AS k FROM numbers) five ON 1 = 1
JOIN (SELECT id AS user_id, row_number() OVER (ORDER BY id) AS place FROM earshot_tenants_user
      WHERE username LIKE 'reader-%') r
    ON r.place = CASE WHEN five.k = 1 AND d.n % 2 = 0 THEN 2
        WHEN five.k = 2 AND d.n % {apart} = 0 THEN 1
        ELSE 3 + (d.n * 7 + five.k * 191) % {others} END
""",
}  # fmt: skip


def fill(world: World, documents: int) -> dict[str, User]:
    """So many documents with five grants each; the readers by what they see."""
    view = Permission.objects.get(codename="view_document")
    names: dict[str, Any] = {
        "tenant": world.tenants["acme"].pk,
        "owner": world.user("owner").pk,
        "other": world.user("both").pk,
        "view": view.pk,
        "body": "b" * 300,
        "apart": documents // FEW,
        "others": PEOPLE - 2,
        "true": "TRUE",
        "false": "FALSE",
        "numbers5": NUMBERS.format(5),
    }
    with ExitStack() as stack:
        for model in (User, Membership, Document, DocumentUserGrant, Profile):
            stack.enter_context(uncaptured(model))
        with connection.cursor() as cursor:
            for what, text in WRITES.items():
                numbers = NUMBERS.format(documents if what == "documents" else PEOPLE)
                cursor.execute(text.format(numbers=numbers, **names))
        readers = list(User.objects.filter(username__startswith="reader-").order_by("pk"))
        for reader in readers[:2]:
            world.users[reader.username] = reader
            Membership.objects.create(tenant=world.tenants["acme"], user=reader)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    return {
        f"of {FEW} by grants": readers[0],
        f"of {documents // 2:,} by grants": readers[1],
        f"of {documents // 2:,} of their own": world.user("owner"),
        f"of {documents:,} by role": world.user("admin"),
    }


def cpu() -> float:
    """Seconds of CPU that this process has used, and the one that serves it in PostgreSQL."""
    if connection.vendor == "sqlite":
        return time.process_time()
    return time.process_time() + cpu_of(connection.connection.info.backend_pid)


def milliseconds(client: APIClient, url: str) -> tuple[float, float]:
    """What a GET takes, and its CPU."""
    began, used = time.perf_counter(), cpu()
    answer = client.get(url, headers={"host": "localhost"})
    took = (time.perf_counter() - began) * 1000, (cpu() - used) * 1000
    if answer.status_code != 200:
        raise OSError(f"GET {url}: {answer.status_code}: {answer.content!r}")
    return took


def last(world: World, user: User, where: Any) -> str:
    """The cursor before a reader's last full page, or none."""
    tenant_id = world.tenants["acme"].pk
    [keys] = list_within(DOCUMENTS, tenant_id, [Ask(user.pk, 10**6, None, where)])
    if len(keys) <= LIMIT:
        return ""
    return f"&after={cursors.encode(DOCUMENTS, tenant_id, user.pk, keys[-LIMIT - 1])}"


def main(documents: int, runs: int) -> None:
    # Of a pool, it could be another process of PostgreSQL that serves the next request.
    connection.settings_dict["OPTIONS"].pop("pool", None)
    connection.settings_dict["CONN_MAX_AGE"] = None
    call_command("migrate", verbosity=0)
    world = World()
    readers = fill(world, documents)
    tune()  # as a server is
    asked: dict[tuple[str, str], tuple[APIClient, str]] = {}
    for what, user in readers.items():
        client = world.rest(user.username)
        for status in ("", "published"):
            url = f"{URL}?limit={LIMIT}" + (f"&status={status}" if status else "")
            where = (("status", (status,)),) if status else ()
            name = f"{what}{', with a filter' if status else ''}"
            asked[name, "first"] = client, url
            asked[name, "last"] = client, url + last(world, user, where)
    found: dict[str, dict[str, list[tuple[float, float]]]] = {}
    for run in range(-WARM, runs):  # in turns: a machine is not as fast in each second
        for (name, page), (client, url) in asked.items():
            took = milliseconds(client, url)
            if run >= 0:
                found.setdefault(name, {}).setdefault(page, []).append(took)
    print(json.dumps(found))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
