from django.apps import AppConfig
from django.conf import settings

from tenants import limit_names


class TenantsConfig(AppConfig):
    name = __package__
    label = "earshot_tenants"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from tenants import (
            adoption_checks,
            checks,
            connections,
            ended_credentials,
            membership_tasks,
            users,
            writers,
        )

        connections.connect()
        writers.connect()
        membership_tasks.connect()
        ended_credentials.connect()
        users.keep_credentials_of_rehashes()
        checks.register_checks()
        adoption_checks.register_checks()
        self.tell_of_old_limits()

    def tell_of_old_limits(self) -> None:
        """Warn of each limit that the project's settings call by an old name."""
        given = getattr(settings, "EARSHOT", {})
        limit_names.warn_of_settings(given if isinstance(given, dict) else ())
