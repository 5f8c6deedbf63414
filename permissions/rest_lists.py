"""The list over REST: what its query asks for, its answer, and both in the schema."""

from __future__ import annotations

import re
from typing import Any, Final

import orjson
from drf_spectacular.helpers import forced_singular_serializer
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import exceptions, serializers, status

from permissions import cursors
from permissions.audiences import Resource
from permissions.cursors import InvalidCursor
from permissions.filters import InvalidWhere, parse_query
from permissions.listing import Ask
from permissions.pages import Page
from tenants import opaque
from tenants.limits import limits

NUMBER: Final = re.compile(r"[1-9][0-9]{0,5}", re.ASCII)


class InvalidQuery(exceptions.APIException):
    """A parameter of a list has a value that it cannot have."""

    status_code = status.HTTP_400_BAD_REQUEST
    default_code = "invalid"


def asked(resource: Resource, tenant_id: int, user_id: int, query: Any) -> Ask:
    """Return what these query parameters ask for, ignoring unknown ones; raise InvalidQuery."""
    most = limits()["page_size_max"]
    limit = query.get("limit", str(most))
    if not NUMBER.fullmatch(limit) or int(limit) > most:
        raise InvalidQuery(f"`limit`: Must be an integer from 1 to {most}.")
    try:
        after = None
        if "after" in query:
            after = cursors.decode(resource, tenant_id, user_id, query["after"])
        return Ask(user_id, int(limit), after, parse_query(resource, query))
    except InvalidCursor as error:
        raise InvalidQuery(f"`after`: {error}") from error
    except InvalidWhere as error:
        raise InvalidQuery(str(error)) from error


def answered(resource: Resource, page: Page) -> dict[str, Any]:
    """Return the answer's body: payloads, and in the same order what else is known of each."""
    return {
        "results": [orjson.Fragment(each.body) for each in page.shown if each.body is not None],
        "rows": [
            {
                "id": opaque.encode(resource.model, each.key.pk),
                "audience": each.audience,
                "etag": each.etag,
            }
            for each in page.shown
        ],
        "more": page.more,
        "cursor": page.cursor,
        "unavailable": page.unavailable,
    }


class RowSerializer(serializers.Serializer[Any]):
    """What a list says of an object besides its payload."""

    id = serializers.CharField()
    audience = serializers.CharField()
    etag = serializers.CharField()


class PageSerializer(serializers.Serializer[Any]):
    """A list's answer but for its payloads."""

    rows = RowSerializer(many=True)
    more = serializers.BooleanField()
    cursor = serializers.CharField(allow_null=True)
    unavailable = serializers.IntegerField()


def list_schema(resource: Resource) -> Any:
    """Return the decorator that describes the resource's list; its payload is the widest one."""
    named = resource.model._meta.object_name
    most = limits()["page_size_max"]
    number = {"type": "integer", "minimum": 1, "maximum": most, "default": most}
    filters = [
        OpenApiParameter(name, many=True, description="Only objects with one of these values.")
        for name in resource.filters
    ]
    results = {"results": resource.audiences[0].serializer(many=True)}
    body: Any = type(f"{named}ListSerializer", (PageSerializer,), results)
    return extend_schema(
        parameters=[
            OpenApiParameter("limit", number, description="The number of objects."),
            OpenApiParameter("after", description="The `cursor` after which the list goes on."),
            *filters,
        ],
        responses=forced_singular_serializer(body),  # type: ignore[no-untyped-call]
        filters=False,
    )
