"""Delete old rows of changes, access changes and the ledger."""

from __future__ import annotations

import re
from argparse import ArgumentTypeError
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from realtime.audit.chain import UnknownKey
from realtime.audit.pruning import Disagreeing, prune
from tenants import revocations
from tenants.models import Renewal, Revocation

UNITS = {"h": "hours", "d": "days", "w": "weeks"}


def age(text: str) -> timedelta:
    """The time that `90d`, `12h` or `4w` says; raises ArgumentTypeError."""
    match = re.fullmatch(r"([1-9][0-9]{0,4})([hdw])", text)
    if match is None:
        raise ArgumentTypeError(f"{text!r} is not an age: use a form like 90d, 12h or 4w.")
    return timedelta(**{UNITS[match[2]]: int(match[1])})


class Command(BaseCommand):
    """`manage.py prune --older-than 90d`."""

    help = "Delete old rows of changes, access changes and the ledger, in batches."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--older-than", type=age, required=True, metavar="90d")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            for model, count in prune(timezone.now() - options["older_than"]):
                self.stdout.write(f"{model}: {count}")
        except (Disagreeing, UnknownKey) as error:
            raise CommandError(str(error)) from error
        # Whatever their age: those of credentials that ended where no hook saw it.
        self.stdout.write(f"{Revocation._meta.label}: {revocations.forget_ended()}")
        self.stdout.write(f"{Renewal._meta.label}: {revocations.forget_renewals()}")
