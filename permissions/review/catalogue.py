"""The catalogue: what each audience of each model is shown, read from the declarations alone."""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from django.conf import settings
from rest_framework import ISO_8601, serializers
from rest_framework.settings import api_settings

from permissions.audiences import Audience, Resource, registry
from permissions.review.deciding_code import code_of, code_of_field, column
from permissions.review.entries import (
    COLUMN,
    METHOD,
    OTHER_ROW,
    Catalogue,
    Entry,
    Field,
    Place,
    Shown,
    Source,
    Type,
)
from permissions.review.naming import INSTALLED, is_ours
from permissions.review.sensitivity import label
from permissions.rows import listed
from permissions.sources import AsGuardian
from tenants.opaque import OpaqueIdField

KINDS: Final = (
    (OpaqueIdField, "id"),
    (serializers.EmailField, "e-mail"),
    (serializers.UUIDField, "UUID"),
    (serializers.MultipleChoiceField, "list of choices"),
    (serializers.ChoiceField, "choice"),
    (serializers.BooleanField, "boolean"),
    (serializers.CharField, "text"),
    (serializers.IntegerField, "integer"),
    (serializers.FloatField, "number"),
    (serializers.DateTimeField, "moment"),
    (serializers.DateField, "date"),
    (serializers.TimeField, "time"),
    (serializers.DurationField, "duration"),
    (serializers.JSONField, "JSON"),
    (serializers.ListField, "list"),
    (serializers.DictField, "object"),
)


FORMATS: Final = {
    serializers.DateTimeField: "DATETIME_FORMAT",
    serializers.DateField: "DATE_FORMAT",
    serializers.TimeField: "TIME_FORMAT",
}
MOMENTS: Final = tuple(FORMATS)


def catalogue(resources: Iterable[Resource] = registry) -> Catalogue:
    """Return the entries of these resources, by label; queries no database."""
    return {resource.label: entry(resource) for resource in sorted(resources, key=_by_label)}


def _by_label(resource: Resource) -> str:
    return resource.label


def entry(resource: Resource) -> Entry:
    """Return what is declared of one model."""
    return Entry(
        audiences={a.name: _shown(resource, a) for a in resource.audiences},
        holders=_holders(resource) | _rows(resource),
        roles=dict(resource.roles),
        visible_by={_named(resource, name): repr(v) for name, v in resource.visible_by.items()},
        never={name: tuple(audiences) for name, audiences in resource.never.items()},
        never_label={name: tuple(audiences) for name, audiences in resource.never_label.items()},
        found=_found(resource),
        code=dict(sorted(code_of(resource))),
    )


def _holders(resource: Resource) -> dict[str, str]:
    return {_named(resource, name): who for name, who in resource.holders.items()}


def _rows(resource: Resource) -> dict[str, str]:
    """Return who holds which audience by rows of the project's own: as `holders`, in words."""
    held = {}
    for each in listed(resource):
        for level, name in each.rows.audiences.items():
            which = f", {each.rows.level} {level!r}" if each.rows.level else ""
            held[f"{each.rows.user} of {each.rows.model}{which}"] = name
    return held


def _named(resource: Resource, name: str) -> str:
    """Return a field's name, and under which other one the database has its column."""
    columns = {field.name: field for field in resource.model._meta.concrete_fields}
    return _stored(columns[name]) if name in columns else name


def _found(resource: Resource) -> dict[str, str]:
    """Return how tables, tenants, grants and names are found, where that is declared."""
    meta = resource.model._meta
    grants = ", ".join(type(source).__name__ for source in resource.sources)
    found = {
        "table": "" if meta.db_table == f"{meta.app_label}_{meta.model_name}" else meta.db_table,
        "tenant": resource.tenant or "",
        "grants": "" if grants == AsGuardian.__name__ else grants,
        "names": resource.names,
    }
    return {name: text for name, text in found.items() if text}


def _shown(resource: Resource, audience: Audience) -> Shown:
    fields = audience.serializer().fields.items()
    return Shown(
        permission=audience.permission,
        deletes=audience.deletes,
        grants=audience.grants,
        fields={
            name: Field(
                type=_type(resource, bound),
                source=_source(resource, name, bound),
                nullable=_is_nullable(resource, name, bound),
                writable=name in audience.writes,
                sensitivity=label(audience.serializer, name),
            )
            for name, bound in fields
            if not bound.write_only
        },
        where=place(audience.serializer),
    )


def place(code: Any) -> Place | None:
    """Return where a class is declared, if that is in the project's own folder.

    Installed code has no place, even if the virtual environment is in that folder.
    """
    root = Path(getattr(settings, "BASE_DIR", Path.cwd())).resolve()
    try:
        file = Path(str(inspect.getsourcefile(code))).resolve()
        line = inspect.getsourcelines(code)[1]
        found = Place(file.relative_to(root).as_posix(), line)
    except (OSError, TypeError, ValueError):
        return None
    return None if any(file.is_relative_to(installed) for installed in INSTALLED) else found


def _type(resource: Resource, bound: Any) -> Type:
    found = column(resource, bound)
    kind = next((kind for base, kind in KINDS if isinstance(bound, base)), None)
    if isinstance(bound, serializers.DecimalField):
        return Type(f"decimal with {bound.decimal_places} places", bound.max_digits)
    if is_ours(type(bound)) or kind is None:
        return Type(type(bound).__name__)
    if isinstance(bound, MOMENTS):
        return Type(f"{kind}{_format(bound)}")
    if isinstance(bound, serializers.ChoiceField):
        return Type(kind, choices=tuple(map(str, bound.choices)))
    if isinstance(bound, OpaqueIdField):
        return Type(kind)
    return Type(kind, getattr(bound, "max_length", None) or getattr(found, "max_length", None))


def _format(bound: Any) -> str:
    """Return by what a field of a time spells it, the settings included, unless that is all."""
    setting = next(name for base, name in FORMATS.items() if isinstance(bound, base))
    found = getattr(bound, "format", getattr(api_settings, setting))
    return "" if found in (None, ISO_8601) else f" as {found}"


def _source(resource: Resource, name: str, bound: Any) -> Source:
    show = next((s for s in resource.shows if s.field == name), None)
    own = None if isinstance(bound, serializers.RelatedField) else column(resource, bound)
    if show is not None:
        label = show.model._meta.label_lower
        of, by = tuple(f"{label}.{field}" for field in show.fields), show.by
    else:
        of, by = (_spelled(bound) if own is None else _stored(own),), ()
    if code := tuple(name for name, _ in code_of_field(resource, bound)):
        return Source(METHOD, of, by, code)
    return Source(COLUMN if show is None and own is not None else OTHER_ROW, of, by)


def _stored(own: Any) -> str:
    """Return a column's name, and under which other one the database has it."""
    usual = own.get_attname_column()[0] if own.remote_field else own.name
    return own.name if own.column == usual else f"{own.name}, stored as {own.column}"


def _is_nullable(resource: Resource, name: str, bound: Any) -> bool:
    own = column(resource, bound)
    return bool(getattr(bound, "allow_null", False)) if own is None else own.null


def _spelled(bound: Any) -> str:
    """Return the path of what a field shows, as far as its declaration says it."""
    if isinstance(bound, serializers.SerializerMethodField):
        return str(bound.method_name)
    if isinstance(bound, serializers.SlugRelatedField):
        return f"{bound.source}.{bound.slug_field}"
    return str(bound.source)
