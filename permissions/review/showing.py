"""The catalogue in plain words for a terminal, and as JSON for programs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from permissions.review.entries import Catalogue, Entry, Field

Row = Sequence[str]


def text(catalogue: Catalogue) -> str:
    """Return, for every model, who gets what, and the matrix of fields and audiences."""
    return "\n\n".join("\n".join(_model(label, entry)) for label, entry in catalogue.items())


def _model(label: str, entry: Entry) -> Iterator[str]:
    yield label
    yield "  A user is in the first audience that they hold, and sees its fields only."
    yield ""
    yield from table(
        ("audience", "permission", "who gets it", "may also"),
        [(name, a.permission, who(entry, name), also(entry, name)) for name, a in _each(entry)],
    )
    yield ""
    yield from table(
        ("field", "type", "from", "empty", "sensitivity", *entry.audiences), matrix(entry)
    )
    if rules := list(_rules(entry)):
        yield ""
        yield from (f"  {rule}" for rule in rules)


def _each(entry: Entry) -> Iterable[tuple[str, Any]]:
    return entry.audiences.items()


def who(entry: Entry, audience: str) -> str:
    """Return who holds the audience: by a holder's column, by role, by a grant."""
    holders = [f"the user in {field}" for field, name in entry.holders.items() if name == audience]
    roles = [f"the role {role}" for role, name in entry.roles.items() if name == audience]
    return ", ".join([*holders, *roles, "by grant"])


def also(entry: Entry, audience: str) -> str:
    """Return what the audience may do besides reading and writing fields."""
    shown = entry.audiences[audience]
    may = [word for word, has in (("delete", shown.deletes), ("grant", shown.grants)) if has]
    return ", ".join(may) or "-"


def matrix(entry: Entry) -> list[list[str]]:
    """Return a row for each field: what it is, and which audiences read or write it."""
    rows: dict[tuple[str, ...], dict[str, str]] = {}
    for audience, shown in entry.audiences.items():
        for name, field in shown.fields.items():
            row = rows.setdefault((name, *described(field)), {})
            row[audience] = "write" if field.writable else "read"
    return [
        [*described_field, *(row.get(audience, "-") for audience in entry.audiences)]
        for described_field, row in rows.items()
    ]


def described(field: Field) -> tuple[str, str, str, str]:
    """Return a field's type, source, whether it may be empty, and its sensitivity."""
    empty = "yes" if field.nullable else "no"
    return str(field.type), str(field.source), empty, field.sensitivity


def _rules(entry: Entry) -> Iterator[str]:
    for column, value in entry.visible_by.items():
        yield f"Nobody sees an object whose {column} is not {value}."
    for what, by in entry.found.items():
        yield f"Not as usual: {what} found by {by}."
    for field, audiences in entry.never.items():
        yield f"Never shown: {field} to {', '.join(audiences)}."
    for label, audiences in entry.never_label.items():
        yield f"Never shown: anything {label} to {', '.join(audiences)}."


def table(head: Row, rows: Iterable[Row]) -> Iterator[str]:
    """Yield the lines of a table, with columns as wide as needed, indented by two."""
    lines = [head, *rows]
    widths = [max(len(line[place]) for line in lines) for place in range(len(head))]
    for line in lines:
        cells = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        yield f"  {'  '.join(cells)}".rstrip()


def rows(catalogue: Catalogue) -> list[dict[str, Any]]:
    """Return the catalogue as JSON: a row for each model."""
    return [{"model": label, **_row(entry)} for label, entry in catalogue.items()]


def _row(entry: Entry) -> dict[str, Any]:
    return {
        "audiences": [
            {
                "audience": name,
                "permission": shown.permission,
                "holders": _of(entry.holders, name),
                "roles": _of(entry.roles, name),
                "by_grant": True,
                "deletes": shown.deletes,
                "grants": shown.grants,
                "fields": list(shown.fields),
                "writes": [field for field, what in shown.fields.items() if what.writable],
            }
            for name, shown in entry.audiences.items()
        ],
        "fields": list(_fields(entry)),
        "visible_by": dict(entry.visible_by),
        "never": {field: list(names) for field, names in entry.never.items()},
        "never_label": {label: list(names) for label, names in entry.never_label.items()},
    }


def _of(given: Mapping[str, str], audience: str) -> list[str]:
    return [what for what, name in given.items() if name == audience]


def _fields(entry: Entry) -> Iterator[dict[str, Any]]:
    names = list(entry.audiences)
    for name, kind, source, empty, sensitivity, *cells in matrix(entry):
        seen = dict(zip(names, cells, strict=True))
        yield {
            "field": name,
            "type": kind,
            "source": source,
            "nullable": empty == "yes",
            "sensitivity": sensitivity,
            "readers": [audience for audience in names if seen[audience] != "-"],
            "writers": [audience for audience in names if seen[audience] == "write"],
        }
