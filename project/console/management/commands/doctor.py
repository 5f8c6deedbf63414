"""`manage.py doctor`: which triggers are missing, old or disabled, so that writes go unnoticed."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from realtime.capture.installing import differences


class Command(BaseCommand):
    help = __doc__

    def handle(self, *args: Any, **options: Any) -> None:
        if wrong := str(differences()):
            raise CommandError(
                f"Not every write is noticed: {wrong}. Run manage.py migrate, which installs the"
                " triggers anew, and takes everything for touched."
            )
        self.stdout.write("Every trigger is there and fires.")
