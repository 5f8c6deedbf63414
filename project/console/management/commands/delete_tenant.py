"""`manage.py delete_tenant SLUG`: delete a tenant and all its data, after a confirmation.

An interrupted deletion leaves the tenant closed; run the same command again to continue.
"""

from __future__ import annotations

import time
from typing import Any, Final

from django.core.management.base import CommandError, CommandParser

from project.console import tenant_data, tenant_deletion
from project.console.progress import Progress
from project.console.tenant_command import TenantCommand
from realtime.publishing.publisher import publisher
from tenants.limits import limits
from tenants.models import Tenant

INTERRUPTED: Final = 130
"""What shells make of a command that Ctrl-C ended."""


class Command(TenantCommand):
    help = __doc__
    takes_deleted = True

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument(
            "--slug-again", help="Repeat the slug to skip the question, for scripts."
        )
        parser.add_argument(
            "--no-input",
            "--noinput",
            action="store_false",
            dest="interactive",
            help="Do not ask for a confirmation.",
        )

    def run(self, tenant: Tenant, **options: Any) -> None:
        counts = tenant_deletion.count(tenant)
        self._tell(tenant, counts)
        if options["interactive"]:
            self._confirm(tenant, options["slug_again"])
        try:
            self._delete(tenant, Progress(sum(counts.values()), self.stderr))
        except KeyboardInterrupt:
            message = f"Interrupted. {options['slug']} stays closed; run the command again to"
            raise CommandError(f"{message} continue.", returncode=INTERRUPTED) from None
        self.stdout.write(f"{options['slug']} has been deleted.")

    def _tell(self, tenant: Tenant, counts: dict[str, int]) -> None:
        if tenant.deleting_since:
            self.stdout.write(f"Its deletion began at {tenant.deleting_since:%Y-%m-%d %H:%M} UTC.")
        self.stdout.write(f"This will be deleted with {tenant} ({tenant.name}):")
        for label, number in counts.items():
            self.stdout.write(f"  {number:>10,}  {label}")
        alone = tenant_data.only_here(tenant).count()
        self.stdout.write(
            f"Its {tenant_data.members(tenant).count()} users are kept, "
            f"{alone} of them without any other tenant."
        )

    def _confirm(self, tenant: Tenant, again: str | None) -> None:
        if again is None:
            try:
                again = input(f"This cannot be undone. Type the slug {tenant} to confirm: ")
            except EOFError:
                message = "There is no answer; nothing was deleted. Use --no-input in scripts."
                raise CommandError(message) from None
        if again != tenant.slug:
            raise CommandError("The slug does not match; nothing was deleted.")

    def _delete(self, tenant: Tenant, progress: Progress) -> None:
        tenant_deletion.mark(tenant)
        # Every process hears of that before what says so is deleted too.
        publisher.flush()
        time.sleep(2 * limits()["tail_seconds"])
        for gone in tenant_deletion.delete(tenant):
            progress.add(gone)
        progress.end()
