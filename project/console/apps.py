"""The console as a Django app: its templates and static files, and the demo's own tables."""

from django.apps import AppConfig


class ConsoleConfig(AppConfig):
    """Its pages talk to the API and the socket like any other client."""

    name = "project.console"
    label = "console"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from project.console.checks import register_checks

        register_checks()
