"""App configuration: connects the capture to migrations and to commits."""

from django.apps import AppConfig


class RealtimeConfig(AppConfig):
    """How what may be seen reaches those who see it."""

    name = "realtime"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from realtime import checks, tracking
        from realtime.capture import installing, transactions, waking

        installing.connect()
        transactions.connect()
        waking.connect()
        tracking.keep_with_instances()
        checks.register_checks()
