"""`manage.py review`: what leaves this server, to whom, and by which rule."""

from __future__ import annotations

from argparse import RawDescriptionHelpFormatter
from typing import Any, Final

import orjson
from django.core.management.base import BaseCommand, CommandError, CommandParser

from permissions.review.catalogue import catalogue
from permissions.review.entries import Catalogue
from permissions.review.showing import rows, text

EXAMPLES: Final = """
examples:
  manage.py review                              every model: who gets which fields, and why
  manage.py review --model resources.document   one model
  manage.py review --format json                the same for a program
"""

UNUSABLE: Final = 2
"""The exit code for what cannot be answered, as of a wrong option."""


class Command(BaseCommand):
    help = "Shows what each audience of each model is shown, who is in it, and by which permission."

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        more: dict[str, Any] = {"formatter_class": RawDescriptionHelpFormatter, **kwargs}
        return super().create_parser(prog_name, subcommand, epilog=EXAMPLES, **more)

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--model", metavar="LABEL", help="Only this model, as app.model.")
        parser.add_argument(
            "--format", choices=("text", "json"), default="text", help="How to print it."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        found = self.chosen(options["model"])
        if options["format"] == "json":
            self.json(rows(found))
        else:
            self.stdout.write(text(found))

    def chosen(self, label: str | None) -> Catalogue:
        """The catalogue, or one model's part of it."""
        found = catalogue()
        if label is None:
            return found
        if label not in found:
            raise CommandError(
                f"There is no model {label!r}; say one of: {', '.join(found)}.",
                returncode=UNUSABLE,
            )
        return {label: found[label]}

    def json(self, what: Any) -> None:
        """Print something for a program."""
        self.stdout.write(orjson.dumps(what, option=orjson.OPT_INDENT_2).decode())
