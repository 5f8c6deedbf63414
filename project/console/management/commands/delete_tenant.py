"""`manage.py delete_tenant SLUG`: delete a tenant and all its data, after a confirmation."""

from __future__ import annotations

import time
from typing import Any

from django.core.management.base import CommandError, CommandParser

from project.console import tenant_data
from project.console.tenant_command import TenantCommand
from realtime.publishing.publisher import publisher
from tenants.limits import limits
from tenants.models import Tenant


class Command(TenantCommand):
    help = __doc__

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument(
            "--slug-again", help="Repeat the slug to skip the question, for scripts."
        )

    def run(self, tenant: Tenant, **options: Any) -> None:
        self._tell(tenant)
        again = options["slug_again"]
        if again is None:
            again = input(f"This cannot be undone. Type the slug {tenant} to confirm: ")
        if again != tenant.slug:
            raise CommandError("The slug does not match; nothing was deleted.")
        self._close_sockets(tenant)
        tenant_data.delete(tenant)
        self.stdout.write(f"{options['slug']} has been deleted.")

    def _tell(self, tenant: Tenant) -> None:
        self.stdout.write(f"This will be deleted with {tenant} ({tenant.name}):")
        for label, number in tenant_data.count(tenant).items():
            self.stdout.write(f"  {number:>10,}  {label}")
        alone = tenant_data.only_here(tenant).count()
        self.stdout.write(
            f"Its {tenant_data.members(tenant).count()} users are kept, "
            f"{alone} of them without any other tenant."
        )

    def _close_sockets(self, tenant: Tenant) -> None:
        """Suspend it, and let every process hear of that, before what says so is deleted too."""
        if self.set_active(tenant, active=False):
            publisher.flush()
            time.sleep(2 * limits()["tail_seconds"])
