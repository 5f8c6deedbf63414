"""`manage.py doctor`: report triggers that are missing, outdated or disabled."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from realtime.capture.installing import differences


class Command(BaseCommand):
    help = __doc__

    def handle(self, *args: Any, **options: Any) -> None:
        if wrong := str(differences()):
            raise CommandError(
                f"Not every write is captured: {wrong}. Run manage.py migrate, which reinstalls the"
                " triggers and rereads everything."
            )
        self.stdout.write("All triggers are installed and enabled.")
