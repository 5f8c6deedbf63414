from django.apps import AppConfig


class TenantsConfig(AppConfig):
    name = "tenants"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from tenants import checks, ended_credentials, membership_tasks, writers

        writers.connect()
        membership_tasks.connect()
        ended_credentials.connect()
        checks.register_checks()
