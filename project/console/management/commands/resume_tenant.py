"""`manage.py resume_tenant SLUG`: end the suspension of a tenant."""

from __future__ import annotations

from typing import Any

from project.console.tenant_command import TenantCommand
from tenants.models import Tenant


class Command(TenantCommand):
    help = __doc__

    def run(self, tenant: Tenant, **options: Any) -> None:
        changed = self.set_active(tenant, active=True)
        self.stdout.write(f"{tenant} is active{'' if changed else ' already'}.")
