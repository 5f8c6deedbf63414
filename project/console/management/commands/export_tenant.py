"""`manage.py export_tenant SLUG --output FILE`: all its data, as lines of JSON."""

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
        parser.add_argument("--output", required=True, type=Path, help="A file that is not there.")

    def run(self, tenant: Tenant, **options: Any) -> None:
        path: Path = options["output"]
        try:
            # It is everybody's personal data: nobody else may read it.
            path.touch(mode=0o600, exist_ok=False)
        except OSError as error:
            raise CommandError(f"{path} cannot be made: {error.strerror}.") from error
        lines = 0
        try:
            with path.open("wb") as output, snapshot():
                for lines, row in enumerate(tenant_data.export(tenant), 1):  # noqa: B007
                    output.write(orjson.dumps(row, default=str, option=orjson.OPT_APPEND_NEWLINE))
        except BaseException:
            path.unlink()  # half of it would pass for all
            raise
        self.stdout.write(f"{lines} rows of {tenant} are in {path}.")
