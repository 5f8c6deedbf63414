"""`manage.py copy_grants`: what guardian's generic tables give, given by the models' own tables."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from permissions import generic_grants
from permissions.audiences import Resource, UnknownModel, registry


class Command(BaseCommand):
    """Copies a few rows at a time; interrupted, it is run again."""

    help = (
        "Copy permissions on objects of declared models from guardian's generic tables, which"
        " guardian does not read once a model has tables of its own. Nothing is deleted, and"
        " running it again copies what is new."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("models", nargs="*", help="labels such as boards.task; default: all")

    def handle(self, *args: Any, **options: Any) -> None:
        """Copy the rows of each resource."""
        for resource in self._resources(options["models"]):
            total, read, new = generic_grants.count(resource), 0, 0
            for some, added in generic_grants.copy(resource):
                read, new = read + some, new + added
                self._tell(f"{resource.label}: {read:,} of {total:,} read, {new:,} copied")
            if total:
                self.stderr.write("")
            self.stdout.write(f"{resource.label}: {new:,} copied")

    def _resources(self, labels: list[str]) -> list[Resource]:
        try:
            return [registry.get(label) for label in labels] or list(registry)
        except UnknownModel as error:
            raise CommandError(str(error)) from None

    def _tell(self, text: str) -> None:
        beginning = "\r" if self.stderr.isatty() else ""
        self.stderr.write(beginning + text, ending="" if beginning else "\n")
