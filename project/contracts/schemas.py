"""The pieces of JSON Schema that both documents are made of."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any, Final

Schema = dict[str, Any]

REFERENCE: Final = "#/components/schemas/"


def reference(name: str) -> Schema:
    """Return the schema that refers to a named one."""
    return {"$ref": REFERENCE + name}


def const(value: Any) -> Schema:
    """Return the schema of this text alone. Its type is named too: generators of types want it."""
    return {"type": "string", "const": value}


def closed(properties: Mapping[str, Schema], optional: Collection[str] = ()) -> Schema:
    """Return the schema of an object with these properties and no others."""
    required = [name for name in properties if name not in optional]
    return {
        "type": "object",
        "properties": dict(properties),
        **({"required": required} if required else {}),
        "additionalProperties": False,
    }


def one_of(schemas: Iterable[Schema]) -> Schema:
    """Return the schema of what matches exactly one of these."""
    each = list(schemas)
    return each[0] if len(each) == 1 else {"oneOf": each}


def references(schema: Any) -> Iterator[str]:
    """Yield the name of each schema to which this one refers."""
    if isinstance(schema, dict):
        target = schema.get("$ref")
        if isinstance(target, str) and target.startswith(REFERENCE):
            yield target.removeprefix(REFERENCE)
        for part in schema.values():
            yield from references(part)
    elif isinstance(schema, list):
        for part in schema:
            yield from references(part)


def reachable(roots: Any, schemas: Mapping[str, Schema]) -> dict[str, Schema]:
    """Return those of the named schemas to which the roots refer, directly or not, by name."""
    found: set[str] = set()
    waiting = [*references(roots)]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting.extend(references(schemas[name]))
    return {name: schemas[name] for name in sorted(found)}
