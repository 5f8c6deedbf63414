"""`manage.py doctor`: run all checks, and say what is captured, indexed and reachable."""

from __future__ import annotations

from typing import Any

from django.core import checks
from django.core.management.base import BaseCommand, CommandError
from django.db import DEFAULT_DB_ALIAS

from realtime import diagnosis


class Command(BaseCommand):
    help = __doc__

    def handle(self, *args: Any, **options: Any) -> None:
        found = checks.run_checks(databases=[DEFAULT_DB_ALIAS])
        ours = [m for m in found if (m.id or "").startswith("earshot.")]
        for message in ours:
            self.stdout.write(f"{message.id}: {message.msg} {message.hint or ''}".rstrip())
        said = [*diagnosis.captured(), *diagnosis.indexed(), *diagnosis.reachable()]
        for finding in said:
            self.stdout.write(f"{'ok' if finding.is_good else 'NO'}  {finding.text}")
        wrong = [m for m in ours if m.level >= checks.ERROR] + [f for f in said if not f.is_good]
        if wrong:
            raise CommandError(f"{len(wrong)} of these must be mended.")
