"""What the operator's commands about one tenant have in common."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from tenants.models import Tenant


class TenantCommand(BaseCommand):
    """A command whose first argument is the slug of a tenant that there is."""

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("slug", help="The tenant's slug.")

    def handle(self, *args: Any, **options: Any) -> None:
        tenant = Tenant.objects.filter(slug=options["slug"]).first()
        if tenant is None:
            raise CommandError(f"There is no tenant {options['slug']!r}.")
        self.run(tenant, **options)

    def run(self, tenant: Tenant, **options: Any) -> None:
        """Do it to the tenant."""
        raise NotImplementedError

    def set_active(self, tenant: Tenant, *, active: bool) -> bool:
        """Resume or suspend the tenant; False if it was so already."""
        others = Tenant.objects.filter(pk=tenant.pk).exclude(is_active=active)
        return bool(others.update(is_active=active))
