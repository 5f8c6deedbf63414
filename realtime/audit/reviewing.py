"""`manage.py review verify` and `manage.py review export`: their arguments and their answers."""

from __future__ import annotations

import hmac
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from django.utils import timezone

from permissions.review import named
from permissions.review.subcommands import Subcommand, Unanswerable, Wrong, in_json
from permissions.review.verdict import printable
from permissions.snapshot import snapshot
from realtime.audit import chain_file, chaining
from realtime.audit.chain import Head, InvalidHead, UnknownKey
from realtime.audit.chain_file import DamagedFile, Header
from realtime.audit.chained import KINDS, moment
from realtime.audit.keys import keys
from realtime.audit.reading import chain_of, head_of
from realtime.audit.verifying import ALTERED, HEADER, SAYS, Fault, Verifier
from tenants.models import Tenant

VERIFY_EXAMPLES: Final = """
examples:
  manage.py review verify --tenant acme                 the ledger in the database
  manage.py review verify --tenant acme --head 120:…    and that it still has this head
  manage.py review verify --all-tenants                 one tenant after the other
  manage.py review verify --file acme.jsonl             an export, without a database

exit code: 1 if a ledger is broken, 2 for what cannot be answered
"""

EXPORT_EXAMPLES: Final = """
examples:
  manage.py review export --tenant acme --output /var/tmp/acme.jsonl

Keep the head that it prints where nobody who can write to the database can write:
`review verify --head` shows an end that was cut.

exit code: 2 for what cannot be answered
"""


def add_verify_arguments(parser: Any) -> None:
    """Add the options of `review verify`."""
    of = parser.add_mutually_exclusive_group(required=True)
    of.add_argument("--tenant", metavar="SLUG", help="The tenant whose ledger is verified.")
    of.add_argument("--all-tenants", action="store_true", help="Every tenant's ledger.")
    of.add_argument("--file", type=Path, metavar="FILE", help="A file that `export` wrote.")
    parser.add_argument("--head", help="A head that the ledger had, as SEQUENCE:DIGEST.")
    parser.add_argument("--format", choices=("text", "json"), default="text", help="How to print.")


def add_export_arguments(parser: Any) -> None:
    """Add the options of `review export`."""
    parser.add_argument("--tenant", required=True, metavar="SLUG", help="The tenant's slug.")
    parser.add_argument(
        "--output", required=True, type=Path, metavar="FILE", help="A file that does not exist yet."
    )
    parser.add_argument("--format", choices=("text", "json"), default="text", help="How to print.")


def verify(*, head: str | None, **options: Any) -> Iterator[str]:
    """Verify one ledger or all of them; raises Wrong if any is broken."""
    with answerable():
        given = None if head is None else Head.parse(head)
        if given and options["all_tenants"]:
            raise Unanswerable("--head is of one ledger: say --tenant SLUG or --file FILE.")
        found = []
        for result in _results(given, **options):
            found.append(result)
            if options["format"] == "text":
                yield from result.lines
        if options["format"] == "json":
            shown = [result.as_json for result in found]
            yield from in_json(shown if options["all_tenants"] else shown[0])
    if any(result.faults for result in found):
        raise Wrong


def _results(
    given: Head | None, *, tenant: str | None, file: Path | None, **_: Any
) -> Iterator[Result]:
    if file is not None:
        yield _of_file(file, given)
    elif tenant is not None:
        yield _of_tenant(named.tenant(tenant), given)
    else:
        for each in Tenant.objects.filter(deleting_since=None).order_by("slug"):
            yield _of_tenant(each, None)


def _of_tenant(tenant: Tenant, given: Head | None) -> Result:
    _chain(tenant)
    verifier = Verifier(keys(), given)
    with snapshot():
        faults = list(verifier.all(chain_of(tenant.pk), head_of(tenant.pk)))
    return Result(tenant.slug, verifier, faults)


def _of_file(path: Path, given: Head | None) -> Result:
    header, entries = chain_file.read(path)
    verifier = Verifier(keys(), given)
    faults = list(verifier.all(entries, header.head))
    if not hmac.compare_digest(header.seal, header.sealed(keys())):
        faults.insert(0, Fault(HEADER, 0, 0))
    return Result(header.slug, verifier, faults)


def _chain(tenant: Tenant) -> None:
    """Chain what is left of a tenant's ledger."""
    if tenant.deleting_since:
        raise Unanswerable(f"{tenant.slug} is being deleted, and its ledger with it.")
    for _ in chaining.everything(tenant.pk):
        pass


def export(*, tenant: str, output: Path, **options: Any) -> Iterator[str]:
    """Write a tenant's chain into a new file; yield its number of lines, and the head."""
    with answerable():
        where = named.tenant(tenant)
        _chain(where)
        try:
            output.touch(mode=0o600, exist_ok=False)  # it says who saw what
        except OSError as error:
            raise Unanswerable(
                f"{output} cannot be created ({error.strerror}): name a file that does not exist."
            ) from None
        try:
            with output.open("wb") as file, snapshot():
                head = head_of(where.pk)
                header = Header(where.slug, where.pk, head, moment(timezone.now()))
                lines = chain_file.write(file, header, keys(), chain_of(where.pk))
        except BaseException:
            output.unlink()  # a partial file would look like a broken ledger
            raise
    if options["format"] == "json":
        yield from in_json({"tenant": where.slug, "lines": lines, "head": str(head)})
    else:
        yield f"Wrote the ledger of {where.slug} to {output}: {lines} lines."
        yield f"Head: {head}"


@contextmanager
def answerable() -> Iterator[None]:
    """Turn exceptions for what cannot be answered into one line that says what to do."""
    try:
        yield
    except (UnknownKey, InvalidHead, DamagedFile) as error:
        raise Unanswerable(str(error)) from error


@dataclass(frozen=True, slots=True)
class Result:
    """What a verifier found in a tenant's ledger."""

    slug: str
    verifier: Verifier
    faults: list[Fault]

    @property
    def lines(self) -> Iterator[str]:
        """Yield its lines for a terminal."""
        for fault in self.faults:
            yield f"BROKEN  {_named(fault)}: {SAYS[fault.what]}."
        if self.verifier.head_is_pruned:
            yield "The head that was given is pruned; the chain goes on after it."
        count = f"{self.verifier.entries} entries, and {self.verifier.pruned} that prune took away"
        state = "broken" if self.faults else "intact"
        yield f"The ledger of {printable(self.slug)} is {state}: {count}."
        yield f"Head: {self.verifier.head}"

    @property
    def as_json(self) -> dict[str, Any]:
        """Return it for a program."""
        return {
            "tenant": self.slug,
            "intact": not self.faults,
            "entries": self.verifier.entries,
            "pruned": self.verifier.pruned,
            "head": str(self.verifier.head),
            "head_is_pruned": self.verifier.head_is_pruned,
            "faults": [fault.as_json | {"table": _table(fault)} for fault in self.faults],
        }


def _table(fault: Fault) -> str | None:
    return KINDS[fault.kind].model._meta.label if fault.kind in KINDS else None


def _named(fault: Fault) -> str:
    """Return the name of what is at fault: a row's table and key, or places in the chain."""
    if (table := _table(fault)) is not None:
        of = f"entry {fault.last}" if fault.what == ALTERED else f"entry {fault.last}, {fault.kind}"
        return printable(f"{table} {fault.row} ({of})")
    if fault.what == HEADER:
        return "The first line of the file"
    if fault.first == fault.last:
        return f"Entry {fault.last}"
    return f"Entries {fault.first} to {fault.last}"


VERIFY: Final = Subcommand(
    "verify",
    "Verifies that nobody edited the ledger; names what was edited, deleted or inserted.",
    VERIFY_EXAMPLES,
    add_verify_arguments,
    verify,
)
EXPORT: Final = Subcommand(
    "export",
    "Writes a tenant's ledger as a file that verifies elsewhere.",
    EXPORT_EXAMPLES,
    add_export_arguments,
    export,
)
