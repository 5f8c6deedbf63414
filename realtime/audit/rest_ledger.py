"""The ledger over REST, for admins and reviewers: who saw what when, and what was pushed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from django.db.models import BooleanField, Exists, F, OuterRef, Q, QuerySet, Value
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework import serializers
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from permissions import people
from permissions.audiences import registry
from permissions.fields import ModelField
from realtime.audit import seen_in_windows
from realtime.audit.models import Access, Push
from realtime.audit.seen_in_windows import Shown
from realtime.audit.viewings import Viewing
from realtime.capture.interval_models import Held
from realtime.state import ledger_entries
from tenants import opaque
from tenants.keys import Key, nobody
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
    """Return the id of a row's object; None if its model is not declared, if its key is invalid,
    and for a row of every object."""
    if row.model not in registry or row.object_id is None:
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

    def validate_user(self, text: str) -> Key:
        return opaque.decode(User, text) or nobody()

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
    order: ClassVar[tuple[str, ...]]

    @extend_schema(parameters=FILTERS)
    def get(self, request: Request) -> Response:
        """A page of rows; filters narrow."""
        known = FilterSerializer().fields
        query = {name: text for name, text in request.query_params.items() if name in known}
        filters = FilterSerializer(data={name: text for name, text in query.items() if text})
        filters.is_valid(raise_exception=True)
        rows = self.rows(request.tenant.pk, filters.validated_data)  # type: ignore[attr-defined]
        page = self.paginate_queryset(rows.order_by(*self.order)) or []
        serializer: Any = self.get_serializer(self.shown(page), many=True)
        return self.get_paginated_response(serializer.data)


class AccessSerializer(serializers.Serializer[Any]):
    """Live copies of objects that users held: from, until, and why."""

    one_of: ClassVar = ("username", "name")  # admins are told the first, reviewers the second

    user = serializers.CharField()
    username = serializers.CharField(allow_null=True, required=False)
    name = serializers.CharField(allow_null=True, required=False)
    model = serializers.CharField()
    id = serializers.CharField(allow_null=True, help_text="Null for a window's row.")
    audience = serializers.CharField(allow_null=True, help_text="Null for a window's row.")
    where = serializers.JSONField(required=False, help_text="The filter, for a window's row.")
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
    """Who had a live copy of what; `since` and `until` find those that overlap that time.

    A window has one row, of no object. Of an object there are rows for the windows that could show
    it: see `seen_in_windows`.
    """

    serializer_class = AccessSerializer
    order = ("-began_at", "-key", "window")

    held: list[Held]
    wanted: dict[str, Any]

    def names(self, users: set[int]) -> tuple[str, dict[int, str | None]]:
        """Return the field that tells the reader these users' names, and the names."""
        request: Any = self.request
        if request.membership.role == Role.ADMIN:
            return "username", dict(called(users))
        return "name", people.names(request.tenant.pk, request.user.pk, users)

    def rows(self, tenant_id: int, wanted: dict[str, Any]) -> QuerySet[Any]:
        self.held, self.wanted = [], wanted
        found = Access.objects.filter(tenant_id=tenant_id, **_exact(wanted, "user"))
        if "since" in wanted:
            found = found.filter(Q(ended_at=None) | Q(ended_at__gte=wanted["since"]))
        if "until" in wanted:
            found = found.filter(began_at__lte=wanted["until"])
        windows = self._windows(tenant_id)
        columns = ("key", "began_at", "window")
        return (
            _keyed(found, False)
            .values(*columns)
            .union(_keyed(windows, True).values(*columns), all=True)
        )

    def _windows(self, tenant_id: int) -> QuerySet[Any]:
        wanted = self.wanted
        found = seen_in_windows.viewings(tenant_id, wanted.get("since"), wanted.get("until"))
        if "model" in wanted:
            found = found.filter(model=wanted["model"])
        if "user" in wanted:
            found = found.filter(user_id=wanted["user"])
        if "object_id" in wanted:
            resource = registry.get(wanted["model"])
            self.held = seen_in_windows.held_of(resource, tenant_id, wanted["object_id"])
            return found.filter(seen_in_windows.who(tenant_id, self.held))
        return found.none() if "audience" in wanted else found

    def shown(self, page: list[dict[str, Any]]) -> list[dict[str, Any]]:
        keys = {(row["window"], row["key"]) for row in page}
        accesses = Access.objects.in_bulk([key for window, key in keys if not window])
        viewings = Viewing.objects.in_bulk([key for window, key in keys if window])
        of_window = self._of_windows(list(viewings.values()))
        users = {row.user_id for row in accesses.values()}
        naming, names = self.names(users | {row.user_id for row in viewings.values()})
        return [
            {"user": opaque.encode(User, told.pop("user")), naming: names.get(user), **told}
            for row in page
            for told in (
                of_window[row["key"]] if row["window"] else [_of_access(accesses[row["key"]])]
            )
            for user in [told["user"]]
        ]

    def _of_windows(self, viewings: list[Viewing]) -> dict[int, list[dict[str, Any]]]:
        """Return the rows of windows: one of each, or one for each time of the object asked for."""
        if "object_id" not in self.wanted:
            return {viewing.pk: [_of_viewing(viewing)] for viewing in viewings}
        told: dict[int, list[dict[str, Any]]] = {viewing.pk: [] for viewing in viewings}
        resource, pk = registry.get(self.wanted["model"]), self.wanted["object_id"]
        for shown in seen_in_windows.of_object(resource, pk, self.held, viewings):
            if self.wanted.get("audience") in (None, shown.audience):
                told[shown.pk].insert(0, _of_viewing(shown.viewing) | _of_shown(shown))
        return told


def _keyed(rows: QuerySet[Any], window: bool) -> QuerySet[Any]:
    told = {"key": F("pk"), "window": Value(window, BooleanField())}
    keyed: QuerySet[Any] = rows.order_by().annotate(**told)
    return keyed


def _of_access(row: Access) -> dict[str, Any]:
    return {
        "user": row.user_id,
        "model": row.model,
        "id": id_of(row),
        "audience": row.audience,
        "from": row.began_at,
        "until": row.ended_at,
        "cause": row.ended or row.began,
    }


def _of_viewing(row: Viewing) -> dict[str, Any]:
    return {
        "user": row.user_id,
        "model": row.model,
        "id": None,
        "audience": None,
        "where": row.where,
        "from": row.began_at,
        "until": row.ended_at,
        "cause": row.ended or ledger_entries.SUBSCRIBED,
    }


def _of_shown(shown: Shown) -> dict[str, Any]:
    lost = shown.ended_at != shown.viewing.ended_at
    return {
        "id": id_of(shown),
        "audience": shown.audience,
        "from": shown.began_at,
        "until": shown.ended_at,
        **({"cause": ledger_entries.REVOKED} if lost else {}),
    }


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
    order = ("-at", "-pk")

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
