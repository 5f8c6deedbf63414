"""`manage.py review who-saw` and `seen-by`, for the server's operator."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any, Final

import orjson
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from permissions import stored
from permissions.review import named
from permissions.review.subcommands import Subcommand, Unanswerable
from realtime.audit import inquiries, seen, seen_rows
from realtime.audit.models import Access, Push
from realtime.audit.questions import Question
from realtime.audit.rest_ledger import id_of
from realtime.audit.seen import Seen
from realtime.capture.interval_models import Held
from tenants import opaque
from tenants.models import Tenant
from tenants.users import User, called

SOCKETS_ONLY: Final = "Sockets only: what is read over REST is not in the ledger."
WITH_READS: Final = "Sockets, and what was read over REST while `record_reads` was on."
AGE: Final = re.compile(r"(\d{1,5})([hdw])")
UNITS: Final = {"h": "hours", "d": "days", "w": "weeks"}
FORMULA: Final = re.compile(
    r"((?:^|[;,|\t\r\n])[^\S\t\r\n]*)(?=[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20])"
)
COLUMNS: Final = (
    "date", "recipient", "what", "purpose", "until", "audience", "how", "since", "since_before",
    "granted_by", "over",
)  # fmt: skip
WIDTHS: Final = (20, 16, 30, 10, 20, 6, 0)

WHO_SAW: Final = """
examples:
  manage.py review who-saw --tenant acme --model resources.document --called "Quarterly plan"
  manage.py review who-saw --tenant acme --model resources.document --id YPZ3r7Kk --since 1d
  manage.py review who-saw ... --field budget       only those who were shown this field
  manage.py review who-saw ... --etag q7Zk          only while this version was the newest
  manage.py review who-saw ... --format csv         the whole of it, for a spreadsheet

exit code: 2 for a tenant, model, object, field or version that there is not, and an empty span
"""
SEEN_BY: Final = """
examples:
  manage.py review seen-by --tenant acme --user viewer --since 2026-11-01 --until 2026-12-01
  manage.py review seen-by --tenant acme --user viewer --format csv

exit code: 2 for a tenant or user that there is not, and an empty span
"""


def moment(text: str | None) -> datetime | None:
    """Return the time that a text means: a date, a time, or an age such as 2h, 1d or 3w."""
    if text is None:
        return None
    if age := AGE.fullmatch(text):
        return timezone.now() - timedelta(**{UNITS[age[2]]: int(age[1])})
    try:
        found = parse_datetime(text)  # a date is its midnight
        if found is not None:
            found = found if found.tzinfo else found.replace(tzinfo=UTC)
            found.astimezone(UTC)  # which may be no year that there is
    except (ValueError, OverflowError):
        found = None
    if found is None:
        raise Unanswerable(
            f"{text!r} is no time: say 2026-11-28, 2026-11-28T12:00Z, or 1d ago as 1d."
        )
    return found


def span(options: dict[str, Any]) -> dict[str, Any]:
    """Return the span of time that the options name."""
    since, until = moment(options["since"]), moment(options["until"])
    if since and until and until < since:
        raise Unanswerable("The span ends before it begins: exchange --since and --until.")
    return {"since": since, "until": until}


def add_span(parser: Any) -> None:
    """Add the options that both commands have."""
    parser.add_argument("--tenant", required=True, metavar="SLUG", help="The tenant's slug.")
    for name in ("since", "until"):
        parser.add_argument(f"--{name}", metavar="TIME", help="A date, a time, or an age: 1d.")
    parser.add_argument(
        "--format", choices=("text", "json", "csv"), default="text", help="How to print."
    )


def add_who_saw(parser: Any) -> None:
    """Add the options of `review who-saw`."""
    add_span(parser)
    parser.add_argument("--model", required=True, metavar="LABEL", help="As app.model.")
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("--id", help="The object's id, as clients see it; it may be deleted.")
    which.add_argument("--called", metavar="NAME", help="The object of this name instead.")
    parser.add_argument("--field", help="Only audiences that are shown this field.")
    parser.add_argument("--etag", help="Only while the version with this etag was the newest.")


def add_seen_by(parser: Any) -> None:
    """Add the options of `review seen-by`."""
    add_span(parser)
    parser.add_argument("--user", required=True, help="A username or a user's id.")


def who_saw(**options: Any) -> Iterable[str]:
    """Say who could have received an object; raises Unanswerable."""
    tenant, resource = named.tenant(options["tenant"]), named.resource(options["model"])
    pk = named.object_key(resource, tenant, options["id"], options["called"])
    field, etag = options["field"], options["etag"]
    about = {"tenant_id": tenant.pk, "model": resource.label, "object_id": pk}
    there = stored.within(resource, tenant.pk).filter(pk=pk).exists()
    if not there and not any(kept.objects.filter(**about).exists() for kept in (Access, Held)):
        raise named.absent(resource, tenant, pk)
    if field is not None and not seen_rows.showing(resource, field):
        names = dict.fromkeys(name for each in resource.audiences for name in each.fields)
        raise named.Unknown("field", field, f"say one of: {', '.join(names)}")
    if etag is not None and not Push.objects.filter(**about, etag=etag).exists():
        raise named.Unknown("pushed version with the etag", etag, "etags stand in frames")
    question = Question(
        tenant.pk, **span(options), resource=resource, object_id=pk, field=field, etag=etag
    )
    asked = {"model": resource.label, "id": opaque.encode(resource.model, pk)}
    what = f"{resource.label} {asked['id']} in {tenant.slug}{_limits(question)}:"
    heads = (f"Whose sockets had {what}", f"Who had {what}")
    return answer(tenant, question, "who-saw", heads, options, asked)


def seen_by(**options: Any) -> Iterable[str]:
    """Say what a user could have received; raises Unanswerable."""
    tenant, user = named.tenant(options["tenant"]), named.user(options["user"])
    question = Question(tenant.pk, **span(options), user_id=user.pk)
    of, where = user.get_username(), f"had in {tenant.slug}{_limits(question)}:"
    heads = (f"What the sockets of {of} {where}", f"What {of} {where}")
    asked = {"user": opaque.encode(User, user.pk)}
    return answer(tenant, question, "seen-by", heads, options, asked)


def _limits(question: Question) -> str:
    """Return in words what of the object or the user is asked for."""
    said = {
        "as an audience that is shown": question.field,
        "while this version was the newest:": question.etag,
        "since": _short(question.since),
        "until": _short(question.until),
    }
    return "".join(f", {words} {value}" for words, value in said.items() if value)


def answer(
    tenant: Tenant,
    question: Question,
    what: str,
    heads: tuple[str, str],
    options: dict[str, Any],
    asked: dict[str, Any],
) -> Iterable[str]:
    """Record the question; return the lines of its answer, produced while they are printed.

    The second of the heads is for tenants of which reads are recorded.
    """
    asked |= {name: options.get(name) for name in ("since", "until", "field", "etag")}
    inquiries.record(tenant.pk, None, what, asked)
    rows = (row for some in seen.batches(question) for row in told(some, tenant))
    how = {"text": in_text, "json": in_json, "csv": in_csv}[options["format"]]
    sockets_only = seen.sockets_only(tenant)
    return how(heads[0 if sockets_only else 1], rows, sockets_only=sockets_only)


Names = Callable[[set[int]], Mapping[int, str | None]]
"""Returns the names of users, as somebody is told them."""


def told(rows: list[Seen], tenant: Tenant, naming: Names = called) -> Iterator[dict[str, Any]]:
    """Yield what somebody is told of rows, in the columns of an accounting of disclosures."""
    names = naming({u for r in rows for u in (r.access.user_id, r.given_by) if u})
    for row in rows:
        access = row.access
        yield {
            "date": access.began_at,
            "recipient": names.get(access.user_id) or "somebody who is gone",
            "what": f"{access.model} {_which(access)}",
            "purpose": row.purpose(tenant),
            "until": access.ended_at,
            "audience": access.audience,
            "how": row.how,
            "since": row.way and row.way.since,
            "since_before": row.way and row.way.before,
            "granted_by": names.get(row.given_by or 0),
            "over": access.over,
        }


def _which(access: Any) -> str:
    return "every object" if access.object_id is None else id_of(access) or "-"


def note(*, sockets_only: bool) -> str:
    """Return what an answer covers, in a sentence."""
    return SOCKETS_ONLY if sockets_only else WITH_READS


def in_text(head: str, rows: Iterable[dict[str, Any]], *, sockets_only: bool) -> Iterator[str]:
    """Yield the answer for a terminal."""
    yield head
    yield ""
    count = 0
    for count, row in enumerate(rows, 1):
        if count == 1:
            yield _line(("from", "who", "what", "audience", "until", "over", "how"))
        until = _short(row["until"]) or "now"
        cells = (_short(row["date"]), row["recipient"], row["what"], row["audience"], until)
        yield _line((*cells, row["over"], f"{row['how']}{_since(row)}"))
    if count:
        yield ""
    yield f"{count} in all. {note(sockets_only=sockets_only)}"


def _since(row: dict[str, Any]) -> str:
    by = f", granted by {row['granted_by']}" if row["granted_by"] else ""
    if not row["since"]:
        return by
    at = _short(row["since"])
    return (
        f", since before {at}, when the record began{by}"
        if row["since_before"]
        else (f", since {at}{by}")
    )


def _line(cells: Iterable[str]) -> str:
    padded = (cell.ljust(width) for cell, width in zip(cells, WIDTHS, strict=True))
    return f"  {'  '.join(padded)}".rstrip()


def _short(at: datetime | None) -> str:
    return "" if at is None else at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def in_json(head: str, rows: Iterable[dict[str, Any]], *, sockets_only: bool) -> Iterator[str]:
    """Yield the answer for a program: one JSON object, with a row on each line."""
    told = {"sockets_only": sockets_only, "note": note(sockets_only=sockets_only)}
    yield f'{orjson.dumps(told).decode()[:-1]},"rows":['
    before = ""
    for row in rows:
        if before:
            yield f"{before},"
        before = orjson.dumps(row, option=orjson.OPT_UTC_Z).decode()
    yield f"{before}\n]}}" if before else "]}"


def in_csv(head: str, rows: Iterable[dict[str, Any]], *, sockets_only: bool) -> Iterator[str]:
    """Yield the answer for a spreadsheet; each row says over what it was."""
    yield ",".join(COLUMNS)
    for row in rows:
        yield csv_line(row)


def csv_line(row: dict[str, Any]) -> str:
    """Return a row as a line of CSV."""
    out = StringIO()
    csv.writer(out, lineterminator="\r\n").writerow(map(_cell, row.values()))
    return out.getvalue().removesuffix("\r\n")  # with which it quotes line breaks in cells


def _cell(value: Any) -> str:
    if isinstance(value, datetime):
        return _short(value)
    return ("yes" if value else "") if isinstance(value, bool) else _plain(value or "")


def _plain(text: str) -> str:
    """Return a text that no spreadsheet takes for a formula, by whatever it separates cells."""
    return FORMULA.sub(r"\1'", text)


PARTS: Final = (
    Subcommand(
        "who-saw",
        "Says who could have received an object.",
        WHO_SAW,
        add_who_saw,
        who_saw,
    ),
    Subcommand("seen-by", "Says what a user could have received.", SEEN_BY, add_seen_by, seen_by),
)
