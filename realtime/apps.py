"""App configuration: connects the capture to migrations, to commits and to the publisher."""

from django.apps import AppConfig


class RealtimeConfig(AppConfig):
    """How what may be seen reaches those who see it."""

    name = __package__
    label = "earshot_realtime"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from permissions import disclosures
        from permissions.review import beginnings, doors, open_lists, subcommands
        from realtime import checks
        from realtime.audit import beginnings as recorded
        from realtime.audit import captured, reviewing, seen_command, viewings
        from realtime.audit.reads import recorder
        from realtime.capture import (
            granted,
            installing,
            linked,
            listed,
            placed,
            tables,
            tracking,
            transactions,
        )
        from realtime.capture.waking import Waking
        from realtime.hub import rehearsed
        from realtime.models import LiveModel
        from realtime.publishing.publisher import publisher

        tables.declare(captured.closings)
        tables.declare(granted.accesses)
        tables.declare(linked.accesses)
        tables.declare(listed.accesses)
        tables.declare(placed.accesses)
        installing.connect()
        transactions.connect()
        Waking(publisher).connect()
        tracking.keep_with_instances(LiveModel)
        checks.register_checks()
        beginnings.register(recorded.beginning)
        disclosures.register(recorder.record)
        doors.register(rehearsed.sent)
        open_lists.register(viewings.WATCHING)
        subcommands.register(reviewing.VERIFY)
        subcommands.register(reviewing.EXPORT)
        for part in seen_command.PARTS:
            subcommands.register(part)
