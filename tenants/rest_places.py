"""One's own memberships and invitations over REST."""

from __future__ import annotations

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.generics import ListAPIView
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from tenants import places
from tenants.models import Membership, State
from tenants.rest import Pagination, PrivateResponseMixin, key_of
from tenants.turns import turns
from tenants.views import user_of


class PlaceSerializer(serializers.Serializer[Membership]):
    slug = serializers.CharField(source="tenant.slug")
    name = serializers.CharField(source="tenant.name")
    role = serializers.CharField()
    state = serializers.ChoiceField(State.choices)


class PlacesView(PrivateResponseMixin, ListAPIView[Membership]):
    """Where I am an active member, or invited, by slug."""

    permission_classes = (IsAuthenticated,)
    pagination_class = Pagination
    serializer_class = PlaceSerializer

    def get_queryset(self) -> QuerySet[Membership]:
        mine = places.of_user(user_of(self.request).pk)
        return mine.select_related("tenant").order_by("tenant__slug")


class PlaceView(PrivateResponseMixin, APIView):
    """One membership or invitation, by the tenant's slug."""

    permission_classes = (IsAuthenticated,)

    @extend_schema(responses={204: None})
    def delete(self, request: Request, slug: str) -> Response:
        """Leave the tenant, or decline its invitation."""
        _take_turn(request, slug)
        places.leave(user_of(request).pk, slug, key_of(request))
        return Response(status=status.HTTP_204_NO_CONTENT)


class AcceptView(PrivateResponseMixin, APIView):
    """An invitation, by the tenant's slug."""

    permission_classes = (IsAuthenticated,)

    @extend_schema(request=None, responses={204: None})
    def post(self, request: Request, slug: str) -> Response:
        """Accept it: from now on I am a member."""
        _take_turn(request, slug)
        places.accept(user_of(request).pk, slug, key_of(request))
        return Response(status=status.HTTP_204_NO_CONTENT)


def _take_turn(request: Request, slug: str) -> None:
    """Wait as the tenant's requests do: these act in no tenant, but wait for its row too."""
    place = places.find(user_of(request).pk, slug, key_of(request))
    turns.take(request._request, place.tenant_id)
