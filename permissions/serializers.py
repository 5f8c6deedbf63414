"""The audience serializer: what one audience sees of an object, without knowledge of the user."""

from __future__ import annotations

import copy
import json
from collections.abc import Collection, Mapping
from datetime import UTC
from functools import cached_property
from typing import Any, ClassVar, NoReturn

from django.core.exceptions import ObjectDoesNotExist
from django.db import models
from rest_framework import serializers
from rest_framework.fields import SkipField
from rest_framework.relations import PKOnlyObject
from rest_framework.utils.encoders import JSONEncoder
from rest_framework.validators import UniqueValidator

from permissions.bounds import beyond
from permissions.stored import key_of
from tenants.opaque import OpaqueIdField
from tenants.placed import here, tenancy_of
from tenants.strict import StrictFields


class SerializerKnowsUser(RuntimeError):
    """An audience serializer asked for its reader; it may know only the audience."""

    def __init__(self, serializer: str, key: object) -> None:
        self.serializer = serializer
        self.key = key
        super().__init__(
            f"{serializer} asked its context for {key!r}. Its payload is shared by everybody in "
            "the audience: declare another audience instead of asking for the reader."
        )


class SealedContext(dict[str, Any]):
    """An empty serializer context that raises SerializerKnowsUser on every access."""

    def __init__(self, serializer: str) -> None:
        super().__init__()
        self.serializer = serializer

    def _asked(self, key: object, *_: object) -> NoReturn:
        raise SerializerKnowsUser(self.serializer, key)

    __contains__ = __getitem__ = get = pop = setdefault = _asked


class StoredJSONField(serializers.JSONField):
    """A column of JSON as it is stored, of whatever types the model's decoder makes its values."""

    def to_representation(self, value: Any) -> Any:
        if self.encoder is None and self.decoder is None:
            return value
        return json.loads(json.dumps(value, cls=self.encoder or JSONEncoder))


class StoredDateTimeField(serializers.DateTimeField):
    """A column of times, which are shown in UTC: what is in UTC needs no look at the thread's
    zone, which takes longer than anything else that is done with it."""

    def enforce_timezone(self, value: Any) -> Any:
        if value.tzinfo is UTC and not hasattr(self, "timezone"):
            return value
        return super().enforce_timezone(value)


class AudienceSerializer(StrictFields, serializers.ModelSerializer[Any]):
    """One audience's payload: explicit fields, opaque ids, strict types, a sealed context."""

    _built: ClassVar[dict[str, Any]]
    serializer_field_mapping: ClassVar[Any] = {
        **serializers.ModelSerializer.serializer_field_mapping,
        models.DateTimeField: StoredDateTimeField,
    }

    class Meta:
        model: type[models.Model]
        fields: tuple[str, ...]
        sensitivity: Mapping[str, str]  # by payload field; see `review.sensitivity`

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs["context"] = SealedContext(type(self).__qualname__)
        super().__init__(*args, **kwargs)

    @classmethod
    def many_init(cls, *args: Any, **kwargs: Any) -> Any:
        kwargs["context"] = SealedContext(cls.__qualname__)
        return super().many_init(*args, **kwargs)

    def get_fields(self) -> dict[str, Any]:
        """Return copies of the fields, which are built once for a class and depend on no more."""
        kept = vars(type(self)).get("_built")
        if kept is None:
            kept = super().get_fields()
            type(self)._built = kept
        return copy.deepcopy(kept)

    @cached_property
    def _shown(self) -> list[tuple[str, Any, str]]:
        """Return the fields to show, with the attribute of the object that each shows, or ''."""
        return [
            (name, field, str(field.source) if _is_plain(field) else "")
            for name, field in self.fields.items()
            if not field.write_only
        ]

    @cached_property
    def names(self) -> frozenset[str]:
        """Return the names of the fields to show."""
        return frozenset(name for name, *_ in self._shown)

    def to_representation(self, instance: Any) -> dict[str, Any]:
        """Return what DRF does, in half the time: it looks at every way to an attribute, for each
        field of each object."""
        shown: dict[str, Any] = {}
        for name, field, source in self._shown:
            try:
                value = _attribute(instance, field, source)
            except SkipField:
                continue
            found = value.pk if isinstance(value, PKOnlyObject) else value
            shown[name] = None if found is None else field.to_representation(value)
        return shown

    def build_standard_field(
        self, field_name: str, model_field: models.Field[Any, Any]
    ) -> tuple[Any, dict[str, Any]]:
        if model_field.primary_key:
            return OpaqueIdField, {"model": self.Meta.model}
        field, options = super().build_standard_field(field_name, model_field)
        if isinstance(model_field, models.JSONField):
            field = StoredJSONField
        # The database enforces uniqueness, within a tenant or not, and for concurrent writers too.
        validators = options.pop("validators", ())
        if left := [v for v in validators if not isinstance(v, UniqueValidator)]:
            options["validators"] = left
        return field, options

    def get_validators(self) -> list[Any]:
        """Return only the validators that Meta names, none that would query for equal values."""
        return list(getattr(self.Meta, "validators", ()))

    def to_internal_value(self, data: Any) -> Any:
        """Validate strictly and within the columns' bounds, even if a field states none itself."""
        values = super().to_internal_value(data)
        columns = {column.name: column for column in self.Meta.model._meta.concrete_fields}
        wrong = {
            str(field.field_name): reasons
            for field in self._writable_fields
            if field.field_name in data and field.source in columns and field.source in values
            if (reasons := beyond(columns[field.source], values[field.source]))
        }
        if wrong:
            raise serializers.ValidationError(wrong)
        return values


def _is_plain(field: Any) -> bool:
    """Return whether the field shows one attribute, found in no way of its own."""
    own = type(field).get_attribute
    return own is serializers.Field.get_attribute and field.source_attrs == [field.source]


def _attribute(instance: Any, field: Any, source: str) -> Any:
    """Return the value that the field shows; raise SkipField. What is no value, DRF looks at."""
    try:
        value = getattr(instance, source) if source else field.get_attribute(instance)
    except (AttributeError, KeyError, ObjectDoesNotExist):
        return field.get_attribute(instance)
    return field.get_attribute(instance) if source and callable(value) else value


def validate_within(serializer: Any, tenant_id: int) -> None:
    """Validate a body whose references must be this tenant's rows; others count as nonexistent."""
    fields, model = list(serializer._writable_fields), serializer.Meta.model
    path = _path(model, tenant_id)
    for field in fields:
        relation = getattr(field, "child_relation", field)
        queryset = getattr(relation, "queryset", None)
        if queryset is not None:
            relation.queryset = _within(queryset, tenant_id, path.get(field.source, {}))
    serializer.is_valid(raise_exception=True)
    links = {link.attname: link for link in _placed_links(model, path)}
    for field in fields:
        key, link = serializer.validated_data.get(field.source), links.get(field.source)
        if key is not None and link is not None:
            rows = _within(
                link.related_model._base_manager.all(), tenant_id, path.get(link.name, {})
            )
            _check_key(field, rows, link, key)


def _within(rows: Any, tenant_id: int, leads_here: dict[str, Any]) -> Any:
    """Return those of the rows to which an object of the tenant may refer."""
    if tenancy_of(rows.model).path:
        rows = here(rows, tenant_id)
    return rows.filter(**leads_here)


def _path(model: Any, tenant_id: int) -> dict[str, dict[str, Any]]:
    """Return the condition that a row is in this tenant, by the name of the link that says where
    objects are, if there is one."""
    own = tenancy_of(model)
    first, _, rest = (f"{own.path}__pk" if own.is_hosted else own.path).partition("__")
    return {model._meta.get_field(first).name: {rest: key_of(own, tenant_id)}} if rest else {}


def _placed_links(model: Any, path: Collection[str]) -> list[Any]:
    """Return the model's foreign keys to rows that are in a tenant."""
    links = [f for f in model._meta.concrete_fields if isinstance(f, models.ForeignKey)]
    return [f for f in links if f.name in path or tenancy_of(f.related_model).path]


def _check_key(field: Any, rows: Any, link: Any, key: Any) -> None:
    if not rows.filter(**{link.target_field.name: key}).exists():
        raise serializers.ValidationError({field.field_name: ["Not an allowed value."]})
