"""Examples for the documents: the demo's values, and for what it has not, ones of the same kind."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from permissions.audiences import Audience, Resource
from project.console.management.commands.demo import PLAN
from project.contracts.payloads import payload_name
from project.contracts.schemas import REFERENCE, Schema
from tenants import opaque

KEY: Final = 10**9 + 7
"""The key that examples have: no object's, for long."""

OF_DEMO: Final[Mapping[str, Any]] = {
    **PLAN,
    "bio": "I keep the plans.",
    "phone": "+1 555 0100",
    "owner_name": "Ann",
    "username": "ann",
    "display_name": "Ann",
    "email": "ann@example.com",
    "due_on": "2026-12-31",
    "timezone": "UTC",
}
OF_FORMAT: Final = {
    "date": "2026-12-31",
    "date-time": "2026-11-22T14:39:35.983345Z",
    "uuid": "6c1a9d52-6f0e-4d57-9a51-3d5b3c1f2d10",
}
OF_TYPE: Final = {"boolean": True, "integer": 1, "number": 1, "null": None}


def payload(resource: Resource, audience: Audience, schemas: Mapping[str, Schema]) -> Any:
    """Return an example of what an audience sees."""
    shown = example(schemas[payload_name(resource, audience)], schemas)
    return shown | {"id": opaque.encode(resource.model, KEY)}


def example(schema: Schema, schemas: Mapping[str, Schema], name: str = "") -> Any:
    """Return a value that the schema describes; `name` is the property's that has it."""
    target = schema.get("$ref")
    if target is not None:
        return example(schemas[target.removeprefix(REFERENCE)], schemas, name)
    if "const" in schema or "enum" in schema:
        return schema.get("const", next(iter(schema.get("enum", ())), None))
    for several in ("oneOf", "anyOf", "allOf"):
        if several in schema:
            return example(schema[several][0], schemas, name)
    kinds = schema.get("type", "string")
    kind = kinds if isinstance(kinds, str) else kinds[0]
    if kind == "object":
        parts = schema.get("properties", {})
        return {part: example(each, schemas, part) for part, each in parts.items()}
    if kind == "array":
        return [example(schema.get("items", {}), schemas, name)]
    return _plain(kind, schema, name)


def _plain(kind: str, schema: Schema, name: str) -> Any:
    if kind in OF_TYPE:
        return OF_TYPE[kind]
    return OF_DEMO.get(name) or OF_FORMAT.get(schema.get("format", "")) or name
