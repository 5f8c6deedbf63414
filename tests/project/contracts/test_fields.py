"""Fields look in the contract as they do in JSON."""

from __future__ import annotations

import re
from typing import Any

import pytest
from rest_framework import serializers

from project.contracts.fields import answered, sent
from resources.models import Document


class Due(serializers.Serializer[Any]):
    due_on = serializers.DateField(read_only=True)

    class Meta:
        model = Document


def test_field_of_a_column_that_may_be_null_may_be_null() -> None:
    schema = {"type": "string", "format": "date"}
    assert answered(Due().fields["due_on"], schema) == {**schema, "type": ["string", "null"]}


@pytest.mark.parametrize("describe", [answered, sent])
def test_null_is_one_of_the_json_that_a_field_takes(describe: Any) -> None:
    field = serializers.JSONField(allow_null=True)
    assert describe(field, {"oneOf": [{}, {"type": "null"}]}) == {}


@pytest.mark.parametrize("describe", [answered, sent])
def test_time_has_no_zone_as_the_format_of_that_name_has(describe: Any) -> None:
    described = describe(serializers.TimeField(), {"type": "string", "format": "time"})
    assert described == {"type": "string"}


@pytest.mark.parametrize("describe", [answered, sent])
def test_decimal_without_places_has_no_point(describe: Any) -> None:
    field = serializers.DecimalField(max_digits=3, decimal_places=0)
    pattern = describe(field, {"type": "string", "format": "decimal"})["pattern"]
    assert re.search(pattern, "-120")
    assert not re.search(pattern, "1.0")
