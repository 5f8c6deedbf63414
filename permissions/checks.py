"""System checks of declared resources: whatever would leak or fail is an error at start-up."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from django.core import checks
from django.core.exceptions import ValidationError
from rest_framework import serializers

from permissions.audiences import Audience, Resource, registry
from permissions.bounds import is_bounded, is_bounded_field
from permissions.filter_columns import why_not
from permissions.form_checks import check_databases, check_form, check_views
from permissions.links import why_not as why_not_linked
from permissions.model_checks import (
    check_generic_grants,
    check_indexes,
    check_model,
    check_tables,
)
from permissions.payload_checks import check_built, check_shows, permissions_of, unbounded
from permissions.review.checks import check_declarations
from permissions.row_checks import check_rows
from permissions.serializers import AudienceSerializer
from tenants.opaque import OpaqueIdField
from tenants.problems import problem
from tenants.strict import json_types

MAX_GROUP_NAME = 99
MAX_AUDIENCE_NAME = 32  # the maximum of the ledger's column

KNOWS_THE_REQUEST = (
    serializers.FileField,
    serializers.HiddenField,
    serializers.HyperlinkedIdentityField,
    serializers.HyperlinkedRelatedField,
    serializers.PrimaryKeyRelatedField,
    serializers.SerializerMethodField,
)


def register_checks() -> None:
    """Register the checks for `manage.py check` and start-up."""
    checks.register(check_resources, "earshot")
    checks.register(check_databases, "earshot")
    checks.register(check_declarations, "earshot")
    checks.register(check_generic_grants, "earshot", checks.Tags.database)
    checks.register(check_indexes, "earshot", checks.Tags.database)
    checks.register(check_views, "earshot", checks.Tags.database)


def check_resources(**_: Any) -> list[checks.CheckMessage]:
    """Return every problem of every declared resource."""
    found: list[checks.CheckMessage] = []
    for resource in registry:
        found.extend(check_form(resource))
        found.extend(check_model(resource.model))
        found.extend(_check_grants(resource))
        found.extend(check_rows(resource))
        found.extend(_check_columns(resource))
        found.extend(_check_names(resource))
        found.extend(_check_people(resource))
        found.extend(_check_filters(resource))
        found.extend(check_shows(resource))
        for audience in resource.audiences:
            found.extend(_check_audience(resource, audience))
    return found


def _check_grants(resource: Resource) -> Iterator[checks.CheckMessage]:
    yield from check_tables(resource)
    for name in {*resource.holders.values(), *resource.roles.values()}:
        if resource.audience(name) is None:
            yield problem(
                2,
                f"{resource.label} names the audience {name!r}, which it does not declare.",
                "Use one of its audiences in `holders` and `roles`.",
                resource.model,
            )


def _check_columns(resource: Resource) -> Iterator[checks.CheckMessage]:
    """Check the columns that the decision reads from the object's row and compares."""
    concrete: Any = resource.model._meta.concrete_model
    own = {column.name: column for column in concrete._meta.local_concrete_fields}
    for name in resource.linked:
        if reason := why_not_linked(resource, name):
            yield problem(
                63,
                f"{resource.label}.{name} cannot name holders: {reason}.",
                "In `holders`, use many-to-many fields of the model itself to the user model.",
                resource.model,
            )
    for name in (*resource.named, *resource.visible_by):
        if name not in own:
            yield problem(
                16,
                f"{resource.label} has no column {name!r} in its table.",
                "In `holders` and `visible_by`, use fields that the model itself declares.",
                resource.model,
            )
        elif name in resource.visible_by and not _is_value(own[name], resource.visible_by[name]):
            yield problem(
                16,
                f"{resource.label}.{name} cannot be {resource.visible_by[name]!r}.",
                "Give in `visible_by` a valid value of the field, or None for null.",
                resource.model,
            )


def _is_value(column: Any, value: Any) -> bool:
    try:
        return bool(column.to_python(value) == value)
    except ValidationError:
        return False


def _check_names(resource: Resource) -> Iterator[checks.CheckMessage]:
    """Check audience names, which keep groups, renderings and etags apart."""
    names = [audience.name for audience in resource.audiences]
    for name in dict.fromkeys(names):
        if names.count(name) > 1 or not re.fullmatch("[a-zA-Z0-9_-]+", name):
            yield problem(
                12,
                f"{resource.label} needs a distinct, valid name for the audience {name!r}.",
                "Give each audience a unique name of letters, digits, hyphens, underscores.",
                resource.model,
            )


def _check_people(resource: Resource) -> Iterator[checks.CheckMessage]:
    """Check `names`: a field some audience is shown names the person who holds the object."""
    shown = any(
        resource.names in getattr(a.serializer.Meta, "fields", ()) for a in resource.audiences
    )
    if resource.names and not (resource.holders and shown):
        yield problem(
            15,
            f"{resource.label} cannot use {resource.names!r} as the name of a person.",
            "Set `names` to a field of a payload, and declare the person's user in `holders`.",
            resource.model,
        )


def _check_filters(resource: Resource) -> Iterator[checks.CheckMessage]:
    """Check `filters`, which the database must understand as the payload says."""
    for name in resource.filters:
        if reason := why_not(resource, name):
            yield problem(
                17,
                f"{resource.label} cannot be filtered by {name!r}: {reason}.",
                "In `filters`, name columns of the model that its serializers show unchanged.",
                resource.model,
            )


def _check_audience(resource: Resource, audience: Audience) -> Iterator[checks.CheckMessage]:
    serializer = audience.serializer
    if audience.permission not in permissions_of(resource.model):
        yield problem(
            3,
            f"The audience {audience.name} needs the permission {audience.permission!r}.",
            "Add it to the model's Meta.permissions.",
            resource.model,
        )
    if not isinstance(getattr(serializer.Meta, "fields", None), list | tuple):
        yield problem(
            4,
            f"{serializer.__name__} does not list its fields.",
            "List each field in Meta.fields: a new column must not leak automatically.",
            serializer,
        )
        return
    if wrong := [*check_built(audience)]:
        yield from wrong
        return
    group_name = f"earshot.{2**63}.{resource.label}.{2**63}.{audience.name}"
    if len(group_name) > MAX_GROUP_NAME or len(audience.name) > MAX_AUDIENCE_NAME:
        yield problem(
            5,
            f"The group names of {resource.label} for {audience.name} are too long.",
            f"Shorten the audience's name; a group name has at most {MAX_GROUP_NAME} characters,"
            f" an audience's {MAX_AUDIENCE_NAME}.",
            resource.model,
        )
    yield from _check_overrides(serializer)
    yield from _check_fields(resource, audience)


def _check_overrides(serializer: type[AudienceSerializer]) -> Iterator[checks.CheckMessage]:
    for method in ("to_representation", "get_fields"):
        if getattr(serializer, method) is not getattr(AudienceSerializer, method):
            yield problem(
                6,
                f"{serializer.__name__} overrides {method}, which hides what it shows.",
                "Declare fields, or annotate the queryset in the resource's `prepare`.",
                serializer,
            )


def _check_fields(resource: Resource, audience: Audience) -> Iterator[checks.CheckMessage]:
    serializer = audience.serializer
    shown = {s.field for s in resource.shows}
    columns = {f.name for f in resource.model._meta.concrete_fields} | {"pk"}
    for name, field in serializer().fields.items():
        if isinstance(field, KNOWS_THE_REQUEST) or _defaults_to_user(field) or _shows_key(field):
            yield problem(
                7,
                f"{serializer.__name__}.{name} is a {type(field).__name__}, "
                "which depends on the requester or shows an integer key.",
                "Use a plain field, an OpaqueIdField, or an annotation made by `prepare`; show a"
                " file's name by a CharField, and let a view give its URL.",
                serializer,
            )
        if isinstance(field, serializers.BaseSerializer):
            yield problem(
                8,
                f"{serializer.__name__}.{name} nests a serializer: what it shows is not declared.",
                "Annotate the value in `prepare` and declare it in `shows`.",
                serializer,
            )
        other = str(field.source) not in columns or isinstance(field, serializers.RelatedField)
        if other and name not in shown:
            yield problem(
                9,
                f"{serializer.__name__}.{name} does not show a column of {resource.label}.",
                "Declare in the resource's `shows` which rows it comes from.",
                serializer,
            )
    yield from _check_writes(audience)
    yield from _check_bounds(resource, audience)


def _defaults_to_user(field: Any) -> bool:
    return isinstance(getattr(field, "default", None), serializers.CurrentUserDefault)


def _shows_key(field: Any) -> bool:
    return field.source in {"pk", "id"} and not isinstance(field, OpaqueIdField)


def _check_writes(audience: Audience) -> Iterator[checks.CheckMessage]:
    fields = audience.serializer().fields
    unknown: Iterable[str] = [name for name in audience.writes if name not in audience.fields]
    for name in unknown:
        yield problem(
            10,
            f"The audience {audience.name} may write {name!r}, which its payload does not have.",
            "Leave it out of `writes`, or add it to the serializer's fields.",
            audience.serializer,
        )
    for name, field in audience.serializer._declared_fields.items():
        if name in fields and name not in audience.writes and not field.read_only:
            yield problem(
                11,
                f"{audience.serializer.__name__}.{name} is writable, but {audience.name} "
                "may not write it.",
                "Declare the field with read_only=True.",
                audience.serializer,
            )


def _check_bounds(resource: Resource, audience: Audience) -> Iterator[checks.CheckMessage]:
    """Check that everything a reader can be shown or a writer can store has a bound."""
    serializer = audience.serializer
    columns = {column.name: column for column in resource.model._meta.concrete_fields}
    shown = {show.field: show for show in resource.shows}
    for name, field in serializer().fields.items():
        written = name in audience.writes
        if written and json_types(field) is None:
            yield problem(
                13,
                f"The JSON types of {serializer.__name__}.{name} are unknown.",
                f"Derive {type(field).__name__} from a DRF field, or set its `json_types`, "
                "such as (str,).",
                serializer,
            )
        column = columns.get(str(field.source))
        if column is not None:
            wrong: list[Any] = [] if is_bounded(column) else [column]
        elif name in shown:
            wrong = unbounded(shown[name])
        else:
            wrong = [name] if written and not is_bounded_field(field) else []
        for source in wrong:
            yield problem(
                14,
                f"{serializer.__name__}.{name} shows {source}, which has no bound.",
                "Set a `max_length` (for JSON in bytes), a decimal's `max_digits`, or an "
                "array's `size` and its items' bound.",
                serializer,
            )
