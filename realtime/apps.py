"""App configuration: connects commits of access changes to the notices that announce them."""

from django.apps import AppConfig


class RealtimeConfig(AppConfig):
    """How what may be seen reaches those who see it."""

    name = "realtime"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from realtime import checks, signals, tracking
        from realtime.capture import installing, waking

        installing.connect()
        waking.connect()
        signals.connect()
        tracking.keep_with_instances()
        checks.register_checks()
