"""Each resource as each of its audiences sees and writes it: a schema for each of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from permissions.audiences import Audience, Resource, registry
from project.contracts.schemas import Schema, closed, one_of, reference

Describe = Callable[[Any, str], Schema]
"""Returns the schema of a serializer, in one direction."""


def _camel(text: str) -> str:
    return "".join(part[:1].upper() + part[1:] for part in text.replace("-", "_").split("_"))


def resource_name(resource: Resource) -> str:
    """Return the name of a resource in both documents: its model's, with its app's if needed."""
    name = _camel(resource.model.__name__)
    same = [r for r in registry if _camel(r.model.__name__) == name]
    return name if len(same) == 1 else _camel(resource.model._meta.app_label) + name


def payload_name(resource: Resource, audience: Audience) -> str:
    """Return the name of the schema of what an audience sees."""
    return resource_name(resource) + _camel(audience.name)


def creator(resource: Resource) -> Audience | None:
    """Return the audience as which whoever creates an object is answered; None without one."""
    name = next(iter(resource.holders.values()), None)
    return None if name is None else resource.declared(name)


def schemas(resource: Resource, describe: Describe) -> dict[str, Schema]:
    """Return the schemas of a resource's payloads, lists and bodies, by name."""
    return dict([*_payloads(resource, describe), *_bodies(resource, describe), _list(resource)])


def _payloads(resource: Resource, describe: Describe) -> Iterator[tuple[str, Schema]]:
    names = []
    for audience in resource.audiences:
        names.append(name := payload_name(resource, audience))
        described = describe(audience.serializer(), "response")
        yield name, described | {"description": _shown(resource, audience)}
    each = [reference(name) for name in names]
    # Two audiences may see the same fields: then a payload matches both.
    fields = {frozenset(audience.fields) for audience in resource.audiences}
    union = one_of(each) if len(fields) == len(each) else {"anyOf": each}
    about = f"A {resource.model._meta.verbose_name} as your audience sees it."
    yield resource_name(resource), union | {"description": about}


def _shown(resource: Resource, audience: Audience) -> str:
    said = f"A {resource.model._meta.verbose_name} as its audience `{audience.name}` sees it."
    may = [
        *([f"write {', '.join(audience.writes)}"] if audience.writes else []),
        *(["delete it"] if audience.deletes else []),
        *(["manage its grants"] if audience.grants else []),
    ]
    return f"{said} They may {', and '.join(may)}." if may else f"{said} They may write nothing."


def _bodies(resource: Resource, describe: Describe) -> Iterator[tuple[str, Schema]]:
    """What each audience may send: POST creates, PUT replaces, PATCH changes."""
    replacing, changing = [], []
    for audience in resource.audiences:
        if not audience.writes:
            continue
        name = payload_name(resource, audience)
        body = describe(audience.write_serializer(), "request")
        properties = body["properties"]
        read_only: dict[str, Schema] = {n: {} for n in audience.fields if n not in properties}
        every = properties | read_only
        put = closed(every, every.keys() - {*body.get("required", ())})
        yield f"{name}Put", put | {"description": "Fields that you may only read are ignored."}
        yield f"{name}Patch", closed(properties, properties)
        replacing.append(reference(f"{name}Put"))
        changing.append(reference(f"{name}Patch"))
        if audience == creator(resource):
            yield f"{resource_name(resource)}Post", body
    if changing:
        yield f"{resource_name(resource)}Put", any_of(replacing)
        yield f"{resource_name(resource)}Patch", any_of(changing)


def any_of(schemas: list[Schema]) -> Schema:
    """Return the schema of what matches one of these: your audience's is the one that counts."""
    return schemas[0] if len(schemas) == 1 else {"anyOf": schemas}


def _list(resource: Resource) -> tuple[str, Schema]:
    name = resource_name(resource)
    row = closed(
        {
            "id": {"type": "string"},
            "audience": {"type": "string", "enum": [a.name for a in resource.audiences]},
            "etag": {"type": "string"},
        }
    )
    page = closed(
        {
            "results": {"type": "array", "items": reference(name)},
            "rows": {
                "type": "array",
                "items": row,
                "description": "Of each of the results, in the same order.",
            },
            "more": {"type": "boolean", "description": "Whether anything follows."},
            "cursor": {
                "type": ["string", "null"],
                "description": "The place after the last of the results, for `after`.",
            },
            "unavailable": {
                "type": "integer",
                "minimum": 0,
                "description": "The number of objects left out here because they cannot be shown.",
            },
        }
    )
    return f"{name}List", page
