"""`manage.py export_tenant SLUG --output FILE`: write all data of a tenant as lines of JSON."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
from django.core.management.base import CommandError, CommandParser

from permissions.snapshot import snapshot
from project.console import tenant_data
from project.console.tenant_command import TenantCommand
from tenants.models import Tenant


class Command(TenantCommand):
    help = __doc__

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument(
            "--output", required=True, type=Path, help="A file that does not exist yet."
        )

    def run(self, tenant: Tenant, **options: Any) -> None:
        path: Path = options["output"]
        try:
            # Personal data: only the owner may read the file.
            path.touch(mode=0o600, exist_ok=False)
        except OSError as error:
            raise CommandError(f"{path} cannot be created: {error.strerror}.") from error
        lines = 0
        try:
            with path.open("wb") as output, snapshot():
                for lines, row in enumerate(tenant_data.export(tenant), 1):  # noqa: B007
                    output.write(orjson.dumps(row, default=str, option=orjson.OPT_APPEND_NEWLINE))
        except BaseException:
            path.unlink()  # a partial file would look complete
            raise
        self.stdout.write(f"Wrote {lines} rows of {tenant} to {path}.")
