"""`manage.py suspend_tenant SLUG`: close a tenant's sockets and refuse all access to it."""

from __future__ import annotations

from typing import Any

from project.console.tenant_command import TenantCommand
from tenants.models import Tenant


class Command(TenantCommand):
    help = __doc__

    def run(self, tenant: Tenant, **options: Any) -> None:
        changed = self.set_active(tenant, active=False)
        self.stdout.write(f"{tenant} is suspended{'' if changed else ' already'}.")
