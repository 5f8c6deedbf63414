"""`manage.py index_grants`: the index that generic grants are found by."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from permissions import grant_index
from permissions.audiences import registry


class Command(BaseCommand):
    """Creates what is missing; run again, it does nothing."""

    help = "Index guardian's generic tables by object, where declared models read them."

    def handle(self, *args: Any, **options: Any) -> None:
        """Index each table that is read."""
        for table in grant_index.read_tables(registry):
            missing = not grant_index.is_indexed(table)
            if missing:
                grant_index.create(table)
            self.stdout.write(f"{table.table}: {'indexed' if missing else 'has its index'}")
