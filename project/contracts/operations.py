"""What drf-spectacular does not know of a call: its standing, its headers, its audiences."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from permissions.audiences import Resource, registry
from permissions.filters import types_of
from permissions.rest import AudienceViewSet
from project.contracts import errors, payloads
from project.contracts.errors import Call
from project.contracts.fields import NOT_BLANK, TEXT
from project.contracts.frames import JSON_NAMES
from project.contracts.schemas import Schema, reference
from project.contracts.texts import DESCRIPTIONS, SUMMARIES, of_resource
from tenants.limits import limits
from tenants.rest import InTenant

PARAMETER: Final = "#/components/parameters/"

PARAMETERS: Final[Mapping[str, Any]] = {
    "Tenant": {
        "name": "X-Tenant",
        "in": "header",
        "description": "The tenant's slug. Needed only if you belong to several.",
        "schema": {"type": "string"},
        "example": "acme",
    },
    "IfMatch": {
        "name": "If-Match",
        "in": "header",
        "description": "The ETag of the object as you know it: if it has changed, 412. `*` always"
        " matches.",
        "schema": {"type": "string"},
    },
    "IfNoneMatch": {
        "name": "If-None-Match",
        "in": "header",
        "description": "The ETag of the object that you have: if it is right, 304.",
        "schema": {"type": "string"},
    },
}

ETAG: Final = {
    "description": "Names the payload: the socket's `etag`, in quotes.",
    "required": True,
    "schema": {"type": "string", "pattern": '^"[^"]*"$'},
}
PAGE_SIZE: Final = (
    f"Entries on a page: {limits()['page_size']} by default, also for what is no positive number;"
    f" more than {limits()['page_size_max']} counts as that."
)
LOCATION: Final = {
    "description": "The new object's address.",
    "required": True,
    "schema": {"type": "string", "format": "uri"},
}


def finish(operation: dict[str, Any], call: Call) -> dict[str, Any]:
    """Return the operation with all that a client may rely on."""
    about = _about(call)
    own = [_known(each, call) for each in operation.get("parameters", [])]
    parameters = [*own, *_headers(call)]
    found = {name: part for name, part in operation.items() if name != "description"}
    if isinstance(call.view, AudienceViewSet):
        resource = call.view.resource
        if call.of_object or call.view.action == "list":
            found |= _of_object(resource, call)
        if call.view.action == "list":
            parameters = [_filter(resource, each) for each in parameters]
    if parameters:
        found["parameters"] = parameters
    found["security"] = [] if call.is_open else [{"token": []}, {"cookieAuth": []}]
    found["responses"] = _answered(found["responses"]) | errors.responses(call)
    return about | found


def _about(call: Call) -> dict[str, str]:
    """Return the summary and the description of a call."""
    is_of_resource = isinstance(call.view, AudienceViewSet)
    found = of_resource(call.view.resource, call.view.action) if is_of_resource else {}
    name = call.id
    if is_of_resource and call.view.action.startswith("grant"):
        name = f"grants_{name.rpartition('_')[2]}"
    if name in SUMMARIES:
        found["summary"] = SUMMARIES[name]
    if name in DESCRIPTIONS:
        found["description"] = DESCRIPTIONS[name]
    return found


def _headers(call: Call) -> Iterator[dict[str, str]]:
    names = ["Tenant"] if call.admits(InTenant) else []
    if call.of_object and "/{" in call.path and call.writes:
        names.append("IfMatch")
    elif call.of_object and not call.writes:
        names.append("IfNoneMatch")
    yield from ({"$ref": PARAMETER + name} for name in names)


def _known(parameter: dict[str, Any], call: Call) -> dict[str, Any]:
    """Return a parameter with the values that it takes; the ledgers take an empty one for none."""
    schema = parameter["schema"]
    may_be_empty = call.id.startswith("ledger_")
    if parameter["name"] == "model":
        models = [resource.label for resource in registry]
        schema = {"type": "string", "enum": [*models, *([""] if may_be_empty else [])]}
    elif parameter["name"] == "page_size":
        return parameter | {"schema": {}, "description": PAGE_SIZE}
    elif may_be_empty and schema.get("format") == "date-time":
        schema = {"type": "string", "anyOf": [{"format": "date-time"}, {"maxLength": 0}]}
    elif call.id.startswith("review_") and schema == {"type": "string"}:
        schema = schema | {"pattern": NOT_BLANK}
    return parameter | {"schema": schema}


def _filter(resource: Resource, parameter: dict[str, Any]) -> dict[str, Any]:
    """Return a list's parameter, with the values that the filter of its name takes."""
    if parameter.get("name") not in resource.filters:
        return parameter
    kinds = sorted({JSON_NAMES[kind] for kind in types_of(resource, parameter["name"])})
    item: Schema = {"type": kinds[0] if len(kinds) == 1 else kinds}
    if "string" in kinds:
        item["pattern"] = TEXT
    values = {"type": "array", "items": item, "minItems": 1, "maxItems": 100}
    return parameter | {"schema": values, "style": "form", "explode": True}


def _of_object(resource: Resource, call: Call) -> dict[str, Any]:
    name = payloads.resource_name(resource)
    if call.view.action == "list":
        page = {"description": "A part of the list.", "content": _json(f"{name}List")}
        return {"responses": {"200": page}}
    if call.method == "delete":
        return {"responses": {"204": {"description": "It is deleted."}}}
    headers = {"ETag": ETAG, "X-Audience": _audience(resource)}
    shown = {"description": "The object as you see it.", "headers": headers}
    answer = shown | {"content": _json(name)}
    if not call.writes:
        return {"responses": {"200": answer, "304": shown | {"description": "You have it."}}}
    content = _json(f"{name}{call.method.capitalize()}")
    body = {"required": call.method != "patch", "content": content}  # no body changes nothing
    if call.method != "post":
        return {"requestBody": body, "responses": {"200": answer}}
    created = answer | {"headers": headers | {"Location": LOCATION}}
    return {"requestBody": body, "responses": {"201": created}}


def _audience(resource: Resource) -> dict[str, Any]:
    return {
        "description": "As which audience you see it.",
        "required": True,
        "schema": {"type": "string", "enum": [audience.name for audience in resource.audiences]},
    }


def _json(name: str) -> dict[str, Any]:
    return {"application/json": {"schema": reference(name)}}


def _answered(responses: dict[str, Any]) -> dict[str, Any]:
    said = {"200": "The answer.", "201": "It is created.", "202": "It is accepted."}
    said["204"] = "It is done."
    return {
        status: each | {"description": each.get("description") or said[status]}
        for status, each in responses.items()
    }
