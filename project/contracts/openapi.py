"""The OpenAPI document: drf-spectacular's, with a schema for each audience."""

from __future__ import annotations

from typing import Any, Final

from drf_spectacular.generators import SchemaGenerator
from rest_framework.views import APIView

from permissions.audiences import registry
from project.contracts import errors, operations, payloads, streams
from project.contracts.errors import Call
from project.contracts.fields import ContractSchema
from project.contracts.schemas import Schema, closed, reachable
from project.contracts.texts import ABOUT, tags

COUNT: Final = {"type": "integer", "minimum": 0, "description": "The entries of all pages."}


class ContractGenerator(SchemaGenerator):
    """Makes the document; `described` are the views by the path and method that lead to them."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.described: dict[tuple[str, str], Any] = {}

    def _get_paths_and_endpoints(self) -> Any:
        found = super()._get_paths_and_endpoints()
        self.described = {(path, method.lower()): view for path, _, method, view in found}
        return found

    def get_schema(self, request: Any = None, public: bool = False) -> dict[str, Any]:
        """Return the whole document."""
        made = super().get_schema(request, public)
        paths = {
            path: {method: self._operation(path, method, each) for method, each in calls.items()}
            for path, calls in made["paths"].items()
        }
        paths = dict(sorted({**paths, **streams.PATHS}.items()))
        found = made["components"]
        schemas = found.get("schemas", {}) | errors.schemas() | self.payload_schemas()
        components = found | {
            "parameters": dict(operations.PARAMETERS),
            "schemas": {name: _complete(name, each) for name, each in schemas.items()},
            "securitySchemes": {**found.get("securitySchemes", {}), "stream": streams.SECURITY},
        }
        components["schemas"] = reachable(paths, components["schemas"])
        made["info"]["description"] = ABOUT
        return made | {
            "tags": tags(call for calls in paths.values() for call in calls.values()),
            "paths": paths,
            "components": components,
        }

    def _operation(self, path: str, method: str, operation: dict[str, Any]) -> dict[str, Any]:
        call = Call(
            id=operation["operationId"],
            path=path,
            method=method,
            view=self.described[path, method],
            has_body="requestBody" in operation,
            parameters=frozenset(each["name"] for each in operation.get("parameters", ())),
        )
        return operations.finish(operation, call)

    def payload_schemas(self) -> dict[str, Schema]:
        """Return the schemas of each resource's payloads, lists and bodies, by name."""
        schema: Any = ContractSchema()
        schema.view, schema.registry = APIView(), self.registry
        schema.view.request = None
        schema.method, schema.path = "GET", "/"
        found: dict[str, Schema] = {}
        for resource in registry:
            found |= payloads.schemas(resource, schema._map_serializer)
        return found


def _complete(name: str, schema: Schema) -> Schema:
    """Return the schema of a page, which drf-spectacular leaves open, as all others are."""
    if not name.startswith("Paginated"):
        return schema
    page = {"type": ["string", "null"], "format": "uri"}
    return closed({**schema["properties"], "count": COUNT, "next": page, "previous": page})
