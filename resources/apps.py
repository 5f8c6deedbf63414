"""App configuration: a membership brings its profile."""

from django.apps import AppConfig


class ResourcesConfig(AppConfig):
    """What there is to see."""

    name = "resources"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from resources.profiles import signals

        signals.connect()
