"""The OpenAPI document says what the protocol says, of each audience, error and header."""

from __future__ import annotations

import re
from typing import Any

import pytest
from openapi_spec_validator import validate

from permissions.audiences import registry
from project.contracts.errors import MEANINGS
from project.contracts.payloads import payload_name, resource_name
from project.contracts.texts import TAGS
from tests.contracts import contracts
from tests.documented import DOCUMENT


def schemas() -> dict[str, Any]:
    found: dict[str, Any] = contracts().openapi["components"]["schemas"]
    return found


def operations() -> dict[str, Any]:
    """Each call by its id."""
    paths = contracts().openapi["paths"].values()
    return {call["operationId"]: call for calls in paths for call in calls.values()}


def test_it_is_an_openapi_document() -> None:
    validate(contracts().openapi)


def test_each_audience_has_its_fields_and_no_others() -> None:
    for resource in registry:
        union = schemas()[resource_name(resource)]["oneOf"]
        names = [payload_name(resource, audience) for audience in resource.audiences]
        assert [each["$ref"].rpartition("/")[2] for each in union] == names
        for name, audience in zip(names, resource.audiences, strict=True):
            shown = schemas()[name]
            assert tuple(shown["properties"]) == audience.fields
            assert tuple(shown["required"]) == audience.fields
            assert shown["additionalProperties"] is False


def test_each_audience_may_send_what_it_may_write_and_nothing_else() -> None:
    for resource in registry:
        for audience in resource.audiences:
            name = f"{payload_name(resource, audience)}Patch"
            assert (name in schemas()) is bool(audience.writes)
            if audience.writes:
                assert set(schemas()[name]["properties"]) == set(audience.writes)
                assert schemas()[name]["additionalProperties"] is False


def test_codes_are_those_of_the_protocol() -> None:
    section = DOCUMENT.split("### Errors\n")[1].split("## The socket")[0]
    rows = re.findall(r"^\| (\d[\d, ]*) \| (`[^|]*) \|", section, re.MULTILINE)
    documented = {code for _, codes in rows for code in re.findall(r"`(\w+)`", codes)}
    assert set(MEANINGS) == documented


def test_objects_are_closed_everywhere() -> None:
    open_ones = [
        name
        for name, schema in schemas().items()
        if schema.get("type") == "object" and "additionalProperties" not in schema
    ]
    assert open_ones == []


def test_each_call_says_what_it_does() -> None:
    assert [name for name, call in operations().items() if not call.get("summary")] == []


@pytest.mark.parametrize(
    ("call", "named"),
    [
        ("documents_list", {"X-Tenant"}),
        ("documents_retrieve", {"X-Tenant", "If-None-Match"}),
        ("documents_update", {"X-Tenant", "If-Match"}),
        ("documents_partial_update", {"X-Tenant", "If-Match"}),
        ("documents_destroy", {"X-Tenant", "If-Match"}),
        ("profiles_me_retrieve", {"X-Tenant", "If-None-Match"}),
        ("me_retrieve", {"X-Tenant"}),
        ("tenants_list", set[str]()),
        ("login_create", set[str]()),
    ],
)
def test_call_names_its_headers(call: str, named: set[str]) -> None:
    known = contracts().openapi["components"]["parameters"]
    own = operations()[call].get("parameters", [])
    found = [known[p["$ref"].rpartition("/")[2]] for p in own if "$ref" in p]
    assert {each["name"] for each in found if each["in"] == "header"} == named


def test_answers_name_their_headers() -> None:
    calls = operations()
    assert set(calls["documents_retrieve"]["responses"]["200"]["headers"]) == {"ETag", "X-Audience"}
    created = calls["documents_create"]["responses"]["201"]["headers"]
    assert set(created) == {"ETag", "X-Audience", "Location"}
    del calls["stream_create"]  # what is too much ends the stream
    for call in calls.values():
        assert "Retry-After" in call["responses"]["429"]["headers"]
        assert "Retry-After" in call["responses"]["503"]["headers"]


def test_every_tag_is_described() -> None:
    document = contracts().openapi
    described = {tag["name"]: tag["description"] for tag in document["tags"]}
    assert set(described) == {tag for call in operations().values() for tag in call["tags"]}
    resources = {str(resource.model._meta.verbose_name_plural) for resource in registry}
    assert set(described) == {*TAGS, *resources}


def test_every_call_is_described() -> None:
    assert [id for id, call in operations().items() if not call.get("description")] == []
