"""`manage.py review`: what leaves this server, to whom, and by which rule."""

from __future__ import annotations

import sys
from argparse import SUPPRESS, Action, RawDescriptionHelpFormatter
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final, NoReturn

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import Error

from permissions.review import findings, inputs, lock, probing, revisions, subcommands
from permissions.review.catalogue import catalogue
from permissions.review.comparing import compare
from permissions.review.entries import Catalogue
from permissions.review.lock import UnusableLock
from permissions.review.revisions import UnusableRevision
from permissions.review.showing import rows, text
from permissions.review.subcommands import Unanswerable, Wrong, in_json
from permissions.review.verdict import as_json, lines, sarif, sarif_of_faults

EXAMPLES: Final = """
examples:
  manage.py review                              every model: who gets which fields, and why
  manage.py review --model resources.document   one model
  manage.py review --format json                the same for a program
  manage.py review --check                      fail if anything is wider than audiences.lock.json
  manage.py review --accept                     accept what is declared now, in that file
  manage.py review --between main HEAD          fail if HEAD is wider than main (runs both's code)
  manage.py review --probe                      show canaries to every audience, see what comes out
  manage.py review --check --format sarif       for a code host; --between and --probe likewise
{parts}

exit code: 1 if something is wider or not as declared, 2 for what cannot be answered
"""

WRONG: Final = 1
UNUSABLE: Final = 2
"""The exit code for what cannot be answered, as of a wrong option."""


class Command(BaseCommand):
    help = "Shows what each audience of each model is shown, who is in it, and by which permission."

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        more: dict[str, Any] = {"formatter_class": RawDescriptionHelpFormatter, **kwargs}
        parts = "\n".join(
            f"  {f'manage.py review {part.name} --help':44}  {part.help.split(';')[0].rstrip('.')}"
            for part in subcommands.registered()
        )
        epilog = EXAMPLES.replace("{parts}", parts)
        return super().create_parser(prog_name, subcommand, epilog=epilog, **more)

    def add_arguments(self, parser: CommandParser) -> None:
        what = parser.add_mutually_exclusive_group()
        what.add_argument(
            "--check", action="store_true", help="Fail if anything is wider than the lock says."
        )
        what.add_argument(
            "--accept", action="store_true", help="Write the lock: what is declared now is meant."
        )
        what.add_argument(
            "--between", nargs=2, metavar=("A", "B"), help="Fail if revision B is wider than A."
        )
        what.add_argument(
            "--probe", action="store_true", help="Fail if anything else is shown than is declared."
        )
        what.add_argument("--model", metavar="LABEL", help="Show this model only, as app.model.")
        parser.add_argument(
            "--format",
            choices=("text", "json", "sarif", "lock"),
            default="text",
            help="How to print it; sarif for what is wrong, lock for the catalogue.",
        )
        parser.add_argument(
            "--lock", type=Path, metavar="FILE", help=f"Another lock than {lock.NAME}."
        )

        registered = subcommands.registered()
        names = "|".join(part.name for part in registered)
        parts = parser.add_subparsers(dest="part", metavar=names)
        for part in registered:
            own = parts.add_parser(
                part.name,
                help=part.help,
                description=part.help,
                epilog=part.examples,
                formatter_class=RawDescriptionHelpFormatter,
            )
            part.add_arguments(own)
            self.own[part.name] = {action.dest: action for action in own._actions}
            self.own[part.name]["format"].default = SUPPRESS  # it may stand before the part

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.own: dict[str, dict[str, Action]] = {}

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            inputs.check_texts(options)
            if options["part"]:
                self.print(self.part(**options))
            else:
                self.review(**options)
        except (UnusableLock, UnusableRevision, Unanswerable) as error:
            self.refuse(str(error))
        except Error as error:
            found = inputs.no_database(error)
            if found is None:
                raise
            self.refuse(str(found))
        except Wrong:
            sys.exit(WRONG)

    def part(self, **options: Any) -> Iterable[str]:
        """Return what a part answers."""
        name = options["part"]
        own = self.own[name]
        inputs.check_together(name, options, own)
        forms = own["format"].choices or ()
        if options["format"] not in forms:
            raise Unanswerable(f"`review {name}` prints as {', '.join(forms)}: say one of these.")
        return subcommands.get(name).ask(**options)

    def review(self, **options: Any) -> None:
        root = Path(getattr(settings, "BASE_DIR", Path.cwd()))
        self.form: str = options["format"]
        self.path: Path = options["lock"] or root / lock.NAME
        judges = bool(options["check"] or options["between"] or options["probe"])
        self.check_form(judges=judges, accepts=options["accept"])
        if options["accept"]:
            self.accept()
        elif options["check"]:
            self.compare(lock.read(self.path), catalogue())
        elif options["between"]:
            old, new = (revisions.at(name, root) for name in options["between"])
            self.compare(old, new)
        elif options["probe"]:
            self.probe()
        else:
            self.show(self.chosen(options["model"]))

    def check_form(self, *, judges: bool, accepts: bool) -> None:
        if self.form == "sarif" and not judges:
            self.refuse("--format sarif tells of faults: add --check, --between A B or --probe.")
        if self.form == "lock" and (judges or accepts):
            self.refuse("--format lock is for the catalogue: leave out --check and the like.")

    def show(self, found: Catalogue) -> None:
        """Print the catalogue."""
        if self.form == "json":
            self.json(rows(found))
        elif self.form == "lock":
            self.stdout.write(lock.dumps(found, places=True), ending="")
        else:
            self.stdout.write(text(found))

    def chosen(self, label: str | None) -> Catalogue:
        """The catalogue, or one model's part of it."""
        found = catalogue()
        if label is None:
            return found
        if label not in found:
            self.refuse(f"There is no model {label!r}; say one of: {', '.join(found)}.")
        return {label: found[label]}

    def accept(self) -> None:
        """Write the lock, and say what that accepts."""
        new = catalogue()
        try:
            found = compare(lock.read(self.path), new)
        except UnusableLock:
            found = compare({}, new)
        lock.write(self.path, new)
        if self.form == "json":
            self.json(as_json(found))
            return
        self.print(each.removesuffix(f" If it is meant: {lock.ACCEPT}") for each in lines(found))
        self.stdout.write(f"{self.path.name} says what is declared now. Commit it.")

    def compare(self, old: Catalogue, new: Catalogue) -> None:
        """Print the differences, and fail if anything is wider."""
        found = compare(old, new)
        if self.form == "json":
            self.json(as_json(found))
        elif self.form == "sarif":
            self.json(sarif(found, new, self.path.name))
        else:
            self.print(lines(found))
            if not any(each.widens for each in found):
                self.stdout.write("Nobody is shown more than before.")
        if any(each.widens for each in found):
            sys.exit(WRONG)

    def probe(self) -> None:
        """Print what the probe found, and fail if that is not what is declared."""
        found = probing.probe()
        if self.form == "json":
            self.json(findings.as_json(found))
        elif self.form == "sarif":
            self.json(sarif_of_faults(found.faults, catalogue(), self.path.name))
        else:
            self.print(findings.lines(found))
        if found.faults:
            sys.exit(WRONG)

    def refuse(self, why: str) -> NoReturn:
        raise CommandError(why, returncode=UNUSABLE)

    def print(self, lines: Iterable[str]) -> None:
        for line in lines:
            self.stdout.write(line)

    def json(self, what: Any) -> None:
        """Print something for a program."""
        self.print(in_json(what))
