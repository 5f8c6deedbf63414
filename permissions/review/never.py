"""What an audience must never be shown: the declarations `never` and `never_label`, and which
audiences violate them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from permissions.audiences import Audience, Resource
from permissions.review.sensitivity import label


@dataclass(frozen=True, slots=True)
class Broken:
    """An audience has a field that it must never have; `rule` says by which declaration."""

    audience: Audience
    field: str
    rule: str


def broken(resource: Resource) -> Iterator[Broken]:
    """Yield every payload field that `never` or `never_label` forbids: by its name in the payload,
    or by a column that it shows under another name."""
    for audience in resource.audiences:
        for name, bound in audience.serializer().fields.items():
            shown = {name, column(resource, bound), *_declared(resource, name)}
            for field, audiences in resource.never.items():
                if audience.name in audiences and field in shown:
                    yield Broken(audience, name, f"never {field}")
            found = label(audience.serializer, name)
            if audience.name in resource.never_label.get(found, ()):
                yield Broken(audience, name, f"never_label {found}")


def forbidden(resource: Resource, audience: str) -> frozenset[str]:
    """Return the payload fields, of any audience, that this audience must never be shown."""
    columns = {field for field, whose in resource.never.items() if audience in whose}
    labels = {given for given, whose in resource.never_label.items() if audience in whose}
    fields: dict[str, tuple[Any, Any]] = {}
    for each in sorted(resource.audiences, key=lambda a: a.name == audience):  # its own count last
        fields |= {name: (each, bound) for name, bound in _fields(each)}
    return frozenset(columns).union(
        name
        for name, (each, bound) in fields.items()
        if not columns.isdisjoint({column(resource, bound), *_declared(resource, name)})
        or label(each.serializer, name) in labels
    )


def _fields(audience: Audience) -> Any:
    return audience.serializer().fields.items()


def _declared(resource: Resource, name: str) -> Iterator[str]:
    """Yield what a payload field shows of the model by its declaration in `shows`."""
    for show in resource.shows:
        if show.field == name and show.model is resource.model:
            yield from show.fields


def column(resource: Resource, bound: Any) -> str:
    """Return the model field that a payload field starts from: `owner` for `owner.name`, too."""
    first = str(bound.source).split(".")[0]
    if first == "pk":
        return str(resource.model._meta.pk.name)
    for own in resource.model._meta.concrete_fields:
        if first in (own.name, own.attname):
            return str(own.name)
    return first
