"""The ledger over REST, for admins and reviewers: who saw what when, and what was pushed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from django.db.models import Exists, OuterRef, Q, QuerySet
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework import serializers
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from permissions import people
from permissions.audiences import registry
from permissions.fields import ModelField
from realtime.audit.models import Access, Push
from tenants import opaque
from tenants.models import Role
from tenants.rest import IsReviewer, Pagination, PrivateResponseMixin, StrictSerializer
from tenants.users import User, called

FILTERS = [
    OpenApiParameter("user", str, description="A user's id."),
    OpenApiParameter("model", str),
    OpenApiParameter("id", str, description="An object's id; needs `model`."),
    OpenApiParameter("audience", str),
    OpenApiParameter("since", OpenApiTypes.DATETIME),
    OpenApiParameter("until", OpenApiTypes.DATETIME),
]


def id_of(row: Any) -> str | None:
    """Return the id of a row's object; None if its model is not declared, or its key is invalid."""
    if row.model not in registry:
        return None
    try:
        return opaque.encode(registry.get(row.model).model, row.object_id)
    except ValueError:  # a negative number
        return None


class FilterSerializer(StrictSerializer):
    """What narrows a ledger; an id that stands for nobody finds nothing."""

    user = serializers.CharField(required=False)
    model = ModelField(required=False)
    id = serializers.CharField(required=False)
    audience = serializers.CharField(required=False)
    since = serializers.DateTimeField(required=False)
    until = serializers.DateTimeField(required=False)

    def validate_user(self, text: str) -> int:
        return opaque.decode(User, text) or 0

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if "id" in attrs:
            if "model" not in attrs:
                raise serializers.ValidationError({"id": ["Specify the model: `?model=`."]})
            model = registry.get(attrs["model"]).model
            attrs["object_id"] = opaque.decode(model, attrs.pop("id")) or 0
        return attrs


class LedgerView(PrivateResponseMixin, GenericAPIView[Any]):
    """Rows of a tenant's ledger, newest first."""

    rows: ClassVar[Callable[[Any, int, dict[str, Any]], QuerySet[Any]]]
    """Return the tenant's rows that match the validated filters."""

    shown: ClassVar[Callable[[Any, list[Any]], list[dict[str, Any]]]]
    """Return what is shown of a page of rows."""

    permission_classes = (IsReviewer,)
    pagination_class = Pagination
    time: ClassVar[str]

    @extend_schema(parameters=FILTERS)
    def get(self, request: Request) -> Response:
        """A page of rows; filters narrow."""
        known = FilterSerializer().fields
        query = {name: text for name, text in request.query_params.items() if name in known}
        filters = FilterSerializer(data={name: text for name, text in query.items() if text})
        filters.is_valid(raise_exception=True)
        rows = self.rows(request.tenant.pk, filters.validated_data)  # type: ignore[attr-defined]
        page = self.paginate_queryset(rows.order_by(f"-{self.time}", "-pk")) or []
        serializer: Any = self.get_serializer(self.shown(page), many=True)
        return self.get_paginated_response(serializer.data)


class AccessSerializer(serializers.Serializer[Any]):
    """Live copies of objects that users held: from, until, and why."""

    one_of: ClassVar = ("username", "name")  # admins are told the first, reviewers the second

    user = serializers.CharField()
    username = serializers.CharField(allow_null=True, required=False)
    name = serializers.CharField(allow_null=True, required=False)
    model = serializers.CharField()
    id = serializers.CharField(allow_null=True)
    audience = serializers.CharField()
    began = serializers.DateTimeField()
    until = serializers.DateTimeField(allow_null=True)
    cause = serializers.CharField()

    def get_fields(self) -> dict[str, Any]:
        """Return the fields by their names on the wire; one of these is a Python keyword."""
        fields = super().get_fields().items()
        return {"from" if name == "began" else name: field for name, field in fields}

    def to_representation(self, instance: Any) -> dict[str, Any]:
        """Leave out the field that the reader is not told; DRF would call it null."""
        told = super().to_representation(instance)
        return {name: value for name, value in told.items() if name in instance}


@extend_schema_view(get=extend_schema(responses=AccessSerializer(many=True)))
class AccessesView(LedgerView):
    """Who had a live copy of what; `since` and `until` find those that overlap that time."""

    serializer_class = AccessSerializer
    time = "began_at"

    def names(self, users: set[int]) -> tuple[str, dict[int, str | None]]:
        """Return the field that tells the reader these users' names, and the names."""
        request: Any = self.request
        if request.membership.role == Role.ADMIN:
            return "username", dict(called(users))
        return "name", people.names(request.tenant.pk, request.user.pk, users)

    def rows(self, tenant_id: int, wanted: dict[str, Any]) -> QuerySet[Any]:
        found = Access.objects.filter(tenant_id=tenant_id, **_exact(wanted, "user"))
        if "since" in wanted:
            found = found.filter(Q(ended_at=None) | Q(ended_at__gte=wanted["since"]))
        if "until" in wanted:
            found = found.filter(began_at__lte=wanted["until"])
        return found

    def shown(self, page: list[Access]) -> list[dict[str, Any]]:
        naming, names = self.names({row.user_id for row in page})
        return [
            {
                "user": opaque.encode(User, row.user_id),
                naming: names.get(row.user_id),
                "model": row.model,
                "id": id_of(row),
                "audience": row.audience,
                "from": row.began_at,
                "until": row.ended_at,
                "cause": row.ended or row.began,
            }
            for row in page
        ]


class PushSerializer(serializers.Serializer[Any]):
    """A version as an audience was sent it."""

    at = serializers.DateTimeField()
    model = serializers.CharField()
    id = serializers.CharField(allow_null=True)
    audience = serializers.CharField()
    fields = serializers.ListField(child=serializers.CharField())  # type: ignore[assignment]
    etag = serializers.CharField()
    size = serializers.IntegerField()


@extend_schema_view(get=extend_schema(responses=PushSerializer(many=True)))
class PushesView(LedgerView):
    """What was pushed; of a user, what was pushed to their audience while they had it."""

    serializer_class = PushSerializer
    time = "at"

    def rows(self, tenant_id: int, wanted: dict[str, Any]) -> QuerySet[Any]:
        found = Push.objects.filter(tenant_id=tenant_id, **_exact(wanted))
        if "since" in wanted:
            found = found.filter(at__gte=wanted["since"])
        if "until" in wanted:
            found = found.filter(at__lte=wanted["until"])
        if "user" in wanted:
            same = ("tenant_id", "model", "object_id", "audience")
            open_then = Q(ended_at=None) | Q(ended_at__gte=OuterRef("at"))
            accesses = Access.objects.filter(
                open_then,
                user_id=wanted["user"],
                began_at__lte=OuterRef("at"),
                **{name: OuterRef(name) for name in same},
            )
            found = found.filter(Exists(accesses))
        return found

    def shown(self, page: list[Push]) -> list[dict[str, Any]]:
        names = ("at", "model", "audience", "fields", "etag", "size")
        return [{"id": id_of(row)} | {name: getattr(row, name) for name in names} for row in page]


def _exact(wanted: dict[str, Any], user: str | None = None) -> dict[str, Any]:
    """Return the filters that compare a column with a value as it is."""
    exact = {name: wanted[name] for name in ("model", "object_id", "audience") if name in wanted}
    return exact | ({"user_id": wanted["user"]} if user in wanted else {})
