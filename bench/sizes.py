"""How many bytes a row takes, with its indexes: `python -m tests.servers python -m bench.sizes`.

On PostgreSQL, in an empty database; `docs/operations.md` has the figures.
"""

from __future__ import annotations

import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "bench.settings")
django.setup()

from django.apps import apps  # noqa: E402  (needs the settings)
from django.core.management import call_command  # noqa: E402
from django.db import connection  # noqa: E402
from django.utils import timezone  # noqa: E402

from realtime.audit.models import Access  # noqa: E402
from realtime.publishing.publisher import publisher  # noqa: E402
from tests.world import World  # noqa: E402

CHANGES = 5000
MOVES = 1000
ACCESSES = 20_000


def sizes() -> dict[str, tuple[int, int]]:
    """Bytes and rows of each table."""
    found = {}
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
        for model in apps.get_models():
            cursor.execute("SELECT pg_total_relation_size(%s)", [model._meta.db_table])
            found[model._meta.label] = cursor.fetchone()[0], model._base_manager.count()
    return found


def fill() -> None:
    world = World()
    for number in range(CHANGES):
        world.write(title=f"Title number {number}")
    for _ in range(MOVES):
        world.revoke("viewer")
        world.grant("viewer", "viewer")
    viewer, tenant = world.user("viewer").pk, world.tenants["acme"].pk
    Access.objects.bulk_create(
        Access(
            tenant_id=tenant, user_id=viewer, model="resources.document", object_id=number,
            audience="viewer", began_at=timezone.now(), began="subscribed", process=1,
            connection="MW3nUEm7lQPbkrek",
        )
        for number in range(ACCESSES)
    )  # fmt: skip
    assert publisher.flush(600)


def main() -> None:
    call_command("migrate", verbosity=0)
    before = sizes()
    fill()
    for label, (size, rows) in sizes().items():
        if (more := rows - before[label][1]) >= MOVES:
            print(f"{label:32} {more:8,} rows, {(size - before[label][0]) / more:6,.0f} bytes each")


if __name__ == "__main__":
    main()
