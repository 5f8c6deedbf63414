"""Base of the operator's commands about one tenant."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from tenants.models import Tenant


class TenantCommand(BaseCommand):
    """A command whose first argument is the slug of an existing tenant.

    Only those with `takes_deleted` accept one that is being deleted: what is left is incomplete.
    """

    takes_deleted = False

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("slug", help="The tenant's slug.")

    def handle(self, *args: Any, **options: Any) -> None:
        tenant = Tenant.objects.filter(slug=options["slug"]).first()
        if tenant is None:
            raise CommandError(f"Tenant {options['slug']!r} does not exist.")
        if tenant.deleting_since and not self.takes_deleted:
            message = f"{tenant} is being deleted; run delete_tenant to delete what is left."
            raise CommandError(message)
        self.run(tenant, **options)

    def run(self, tenant: Tenant, **options: Any) -> None:
        """Run the command on the tenant."""
        raise NotImplementedError

    def set_active(self, tenant: Tenant, *, active: bool) -> bool:
        """Resume or suspend the tenant; return False if it already was."""
        others = Tenant.objects.filter(pk=tenant.pk).exclude(is_active=active)
        return bool(others.update(is_active=active))
