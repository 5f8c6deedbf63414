from django.apps import AppConfig

from tenants import multiprocess  # noqa: F401 - joins before any metric is made


class TenantsConfig(AppConfig):
    name = "tenants"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from tenants import checks, standing

        standing.connect()
        checks.register_checks()
