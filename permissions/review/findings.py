"""What the probe found, compared with what is declared. Decides without I/O."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from permissions.audiences import Audience, Resource
from permissions.review.deciding_code import column

Column = tuple[str, str]
"""A model's label and the name of one of its columns."""

MISSING: Final = object()


@dataclass(frozen=True, slots=True)
class Fault:
    """Something is shown that is not declared, or declared and not shown."""

    model: str
    audience: str
    field: str
    text: str

    def __str__(self) -> str:
        what = ": ".join(part for part in (self.model, self.audience, self.field) if part)
        return f"{what}: {self.text}"


@dataclass
class Findings:
    """All that the probe found: faults, and which fields of which audiences it has tried."""

    faults: list[Fault] = field(default_factory=list)
    tried: set[tuple[str, str, str]] = field(default_factory=set)
    """Model, audience and field where the output changed when its source changed."""

    fields: dict[tuple[str, str, str], frozenset[Column]] = field(default_factory=dict)
    """Every field of every payload, with the columns that it may show."""

    unfilled: dict[Column, str] = field(default_factory=dict)
    """Columns that took no other value, and audiences that nobody can be in, with the reason."""

    def add(self, fault: Fault) -> None:
        """Add a fault once, however many columns show it."""
        if fault not in self.faults:
            self.faults.append(fault)

    @property
    def missed(self) -> list[tuple[str, str, str]]:
        """Return the payload fields that were not tried."""
        return [each for each in self.fields if each not in self.tried]

    def reasons(self, what: tuple[str, str, str]) -> str:
        """Return why a field of an audience was not tried."""
        of = {what[:2], *self.fields[what]}
        found = {".".join(each): why for each, why in self.unfilled.items() if each in of}
        return "; ".join(f"{each}: {why}" for each, why in found.items()) or "it has no column"


def declared(resource: Resource, audience: Audience) -> dict[str, frozenset[Column]]:
    """Return the columns that each field of the payload may show."""
    shows = {show.field: show for show in resource.shows}
    found: dict[str, frozenset[Column]] = {}
    for name, bound in audience.serializer().fields.items():
        own = column(resource, bound)
        if bound.write_only:
            continue
        if name in shows:
            label = shows[name].model._meta.label_lower
            found[name] = frozenset((label, each) for each in shows[name].fields)
        elif own is not None:
            found[name] = frozenset({(resource.label, own.name)})
        else:
            found[name] = frozenset()
    return found


def judge(
    resource: Resource,
    audience: Audience,
    changed: Collection[Column],
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    findings: Findings,
) -> None:
    """Judge what changed in a payload when only these columns were changed."""
    where = (resource.label, audience.name)
    for name, sources in declared(resource, audience).items():
        moved = before.get(name, MISSING) != after.get(name, MISSING)
        expected = sources & set(changed)
        if moved and expected:
            findings.tried.add((*where, name))
            for fault in _forbidden(resource, audience, expected):
                findings.add(Fault(*where, name, fault))
        elif moved:
            text = f"shows {spelled(changed)}, which nobody declared"
            findings.add(Fault(*where, name, text))
        elif expected:
            text = f"does not show {spelled(expected)}, which is declared"
            findings.add(Fault(*where, name, text))


def _forbidden(resource: Resource, audience: Audience, shown: Iterable[Column]) -> Iterator[str]:
    for label, name in shown:
        if label == resource.label and audience.name in resource.never.get(name, ()):
            yield f"shows {label}.{name}, which {audience.name} never may see"


def spelled(columns: Iterable[Column]) -> str:
    """Return the columns as people write them."""
    return ", ".join(sorted(f"{label}.{name}" for label, name in columns))


def lines(found: Findings) -> Iterator[str]:
    """Yield the findings in plain words: faults, then what was not tried, then the total."""
    for fault in found.faults:
        yield f"FAULT      {fault}."
    for each in found.missed:
        yield f"not tried  {': '.join(each)} ({found.reasons(each)})."
    covered = f"{len(found.fields) - len(found.missed)} of {len(found.fields)}"
    ending = (
        ""
        if found.faults
        else " Each shows what is declared, over REST, to the socket and in live lists."
    )
    yield f"Tried {covered} fields of audiences.{ending}"


def as_json(found: Findings) -> dict[str, Any]:
    """Return the same for a program."""
    keys = ("model", "audience", "field")
    return {
        "faults": [asdict(fault) for fault in found.faults],
        "fields": [
            dict(zip(keys, each, strict=True)) | {"tried": each in found.tried}
            for each in found.fields
        ],
        "unfilled": {".".join(source): why for source, why in found.unfilled.items()},
    }
