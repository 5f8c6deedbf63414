"""Live sockets of a tenant over all processes, for its admins."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.http import Http404
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import exceptions, serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from realtime.audit import ledger
from realtime.audit.models import Access, Connection
from realtime.audit.rest_ledger import id_of
from realtime.audit.viewings import Viewing
from tenants import opaque, revocations
from tenants.limits import limits
from tenants.rest import IsAdmin, Pagination, PrivateResponseMixin
from tenants.users import User, called

ENTRY = 100
"""About how many bytes a subscription takes on a page."""

REVOKE = OpenApiParameter(
    "revoke", enum=["0", "1"], description="1: also end its credential in this tenant."
)


class PageTooLarge(exceptions.APIException):
    """The entries of a page exceed the maximum size of a page."""

    status_code = status.HTTP_400_BAD_REQUEST
    default_code = "page_too_large"

    def __init__(self, most: int) -> None:
        super().__init__(f"The page has more than {most} bytes; ask for a smaller `page_size`.")


class SubscriptionSerializer(serializers.Serializer[Any]):
    """What a socket has a live copy of, or the filter of a window that it has."""

    model = serializers.CharField()
    id = serializers.CharField(required=False)
    audience = serializers.CharField(required=False)
    where = serializers.JSONField(required=False)


class ConnectionSerializer(serializers.Serializer[Any]):
    """A socket that is open now."""

    id = serializers.CharField()
    user = serializers.CharField()
    username = serializers.CharField(allow_null=True)
    since = serializers.DateTimeField()
    address = serializers.CharField()
    agent = serializers.CharField()
    transport = serializers.ChoiceField(["stream"], required=False)
    subscriptions = SubscriptionSerializer(many=True)


class ConnectionViewSet(PrivateResponseMixin, GenericViewSet[Connection]):
    """Who listens now, and to what."""

    permission_classes = (IsAdmin,)
    pagination_class = Pagination
    serializer_class = ConnectionSerializer
    lookup_value_regex = "[^/]+"

    def get_queryset(self) -> QuerySet[Connection]:
        if getattr(self, "swagger_fake_view", False):
            return Connection.objects.none()
        tenant = self.request.tenant  # type: ignore[attr-defined]
        return Connection.objects.filter(tenant=tenant, process__in=ledger.living())

    def list(self, request: Request) -> Response:
        """The sockets, newest first."""
        page = self.paginate_queryset(self.get_queryset().order_by("-since", "id")) or []
        names = called({c.user_id for c in page})
        subscriptions, windows = _subscriptions(page), _windows(page)
        rows = [
            {
                "id": c.pk,
                "user": opaque.encode(User, c.user_id),
                "username": names.get(c.user_id),
                "since": c.since,
                "address": c.address,
                "agent": c.agent,
                **({"transport": c.transport} if c.transport != "socket" else {}),
                "subscriptions": [*windows[c.pk], *subscriptions[c.pk]],
            }
            for c in page
        ]
        return self.get_paginated_response(ConnectionSerializer(rows, many=True).data)

    @extend_schema(parameters=[REVOKE], responses={204: None})
    def destroy(self, request: Request, pk: str) -> Response:
        """Close a socket with 1000; with `?revoke=1` end its credential here, which is 4401."""
        revoke = request.query_params.get("revoke", "0")
        if revoke not in ("0", "1"):
            raise serializers.ValidationError({"revoke": ["Must be 0 or 1."]})
        with transaction.atomic():
            found = self.get_queryset().filter(pk=pk.replace("\0", " ")).first()
            if found is None:
                raise Http404
            if revoke == "1":
                revocations.revoke(found.tenant_id, (found.kind, found.key))
            Connection.objects.filter(pk=found.pk).update(closing=True)
        return Response(status=status.HTTP_204_NO_CONTENT)


def _windows(connections: list[Connection]) -> dict[str, list[dict[str, Any]]]:
    """Return the windows of each of these sockets, from the ledger's open viewings."""
    found: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    for viewing in Viewing.objects.filter(
        process__in={c.process_id for c in connections},
        connection__in=[c.pk for c in connections],
        ended_at=None,
    ).order_by("pk"):
        found[viewing.connection].append({"model": viewing.model, "where": viewing.where})
    return found


def _subscriptions(connections: list[Connection]) -> dict[str, list[dict[str, Any]]]:
    """Return what each of these sockets has, from the ledger's open accesses."""
    accesses = Access.objects.filter(
        process__in={c.process_id for c in connections},
        connection__in=[c.pk for c in connections],
        ended_at=None,
    )
    columns = ("connection", "model", "object_id", "audience")
    most = limits()["page_bytes"]
    rows: Any = accesses.order_by("pk").values_list(*columns, named=True)
    if len(connections) > 1 and len(rows := rows[: most // ENTRY + 1]) > most // ENTRY:
        raise PageTooLarge(most)
    found: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    for access in rows:
        shown = {"model": access.model, "id": id_of(access), "audience": access.audience}
        found[access.connection].append(shown)
    return found
