"""The audience serializer: what one audience sees of an object, and nothing that knows the user."""

from __future__ import annotations

from typing import Any, ClassVar, NoReturn

from django.db import models
from rest_framework import serializers

from tenants.opaque import OpaqueIdField


class SerializerKnowsUser(RuntimeError):
    """An audience serializer asked for its reader; the audience is all it may know."""

    def __init__(self, serializer: str, key: object) -> None:
        self.serializer = serializer
        self.key = key
        super().__init__(
            f"{serializer} asked its context for {key!r}. Its payload is shared by everybody in "
            "the audience: declare another audience instead of asking who reads."
        )


class SealedContext(dict[str, Any]):
    """An empty serializer context that raises SerializerKnowsUser whatever it is asked for."""

    def __init__(self, serializer: str) -> None:
        super().__init__()
        self.serializer = serializer

    def _asked(self, key: object, *_: object) -> NoReturn:
        raise SerializerKnowsUser(self.serializer, key)

    __contains__ = __getitem__ = get = pop = setdefault = _asked


class Strict:
    """A field that takes only values of these JSON types, instead of converting others."""

    json_types: ClassVar[tuple[type, ...]] = (str,)

    def to_internal_value(self, data: Any) -> Any:
        if type(data) not in self.json_types:
            raise serializers.ValidationError("Wrong type of value.", code="invalid")
        return super().to_internal_value(data)  # type: ignore[misc]


class StrictCharField(Strict, serializers.CharField):
    """Text, from a string."""


class StrictChoiceField(Strict, serializers.ChoiceField):
    """One of several strings."""


class StrictDateField(Strict, serializers.DateField):
    """A date, from a string."""


class StrictDateTimeField(Strict, serializers.DateTimeField):
    """A moment, from a string."""


class StrictDecimalField(Strict, serializers.DecimalField):
    """A decimal, from a string: a JSON number has lost its digits before anybody looks."""

    def validate_empty_values(self, data: Any) -> tuple[bool, Any]:
        # DRF's own takes an empty string for null.
        return serializers.Field.validate_empty_values(self, data)


class StrictIntegerField(Strict, serializers.IntegerField):
    """An integer, from an integer."""

    json_types = (int,)


class StrictBooleanField(Strict, serializers.BooleanField):
    """A boolean, from a boolean."""

    json_types = (bool,)


class AudienceSerializer(serializers.ModelSerializer[Any]):
    """One audience's payload: explicit fields, opaque ids, strict types, a sealed context."""

    serializer_choice_field = StrictChoiceField
    serializer_field_mapping: ClassVar[Any] = {
        **serializers.ModelSerializer.serializer_field_mapping,
        models.CharField: StrictCharField,
        models.TextField: StrictCharField,
        models.EmailField: type("StrictEmailField", (Strict, serializers.EmailField), {}),
        models.DateField: StrictDateField,
        models.DateTimeField: StrictDateTimeField,
        models.DecimalField: StrictDecimalField,
        models.IntegerField: StrictIntegerField,
        models.BooleanField: StrictBooleanField,
    }

    class Meta:
        model: type[models.Model]
        fields: tuple[str, ...]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs["context"] = SealedContext(type(self).__qualname__)
        super().__init__(*args, **kwargs)

    @classmethod
    def many_init(cls, *args: Any, **kwargs: Any) -> Any:
        kwargs["context"] = SealedContext(cls.__qualname__)
        return super().many_init(*args, **kwargs)

    def build_standard_field(
        self, field_name: str, model_field: models.Field[Any, Any]
    ) -> tuple[Any, dict[str, Any]]:
        if model_field.primary_key:
            return OpaqueIdField, {"model": self.Meta.model}
        return super().build_standard_field(field_name, model_field)
