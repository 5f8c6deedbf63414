"""App configuration: finds every app's `audiences` module, then watches what changes access."""

from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules


class PermissionsConfig(AppConfig):
    """What a user may see."""

    name = __package__
    label = "earshot_permissions"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from permissions import adoption_checks, checks, signals
        from permissions.review import asking, evidence, subcommands, what_if

        autodiscover_modules("audiences")
        signals.connect()
        checks.register_checks()
        adoption_checks.register_checks()
        subcommands.register(asking.EXPLAIN)
        subcommands.register(evidence.EVIDENCE)
        subcommands.register(what_if.WHAT_IF)
