"""Members over REST, for the tenant's admins."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers, status
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from tenants import members
from tenants.models import Membership, Role, State
from tenants.opaque import OpaqueIdField
from tenants.rest import (
    IsAdmin,
    Pagination,
    PrivateResponseMixin,
    StrictSerializer,
)
from tenants.throttling import Minute, count
from tenants.users import NAME, User

_NAMES: Any = User._meta.get_field(NAME)


class MemberSerializer(serializers.Serializer[Membership]):
    id = OpaqueIdField(Membership)
    user = OpaqueIdField(User, source="user_id")
    username = serializers.CharField(source="user.get_username")
    role = serializers.CharField()
    is_active = serializers.BooleanField()
    state = serializers.ChoiceField(State.choices)


class NewMemberSerializer(StrictSerializer):
    """With `email` a new user, without one an existing one."""

    username = serializers.CharField(max_length=_NAMES.max_length, validators=_NAMES.validators)
    email = serializers.EmailField(required=False, max_length=254)
    role = serializers.ChoiceField(Role.choices, default=Role.MEMBER)


class ChangedMemberSerializer(StrictSerializer):
    role = serializers.ChoiceField(Role.choices, required=False)
    is_active = serializers.BooleanField(required=False)


class MembersView(PrivateResponseMixin, ListAPIView[Membership]):
    """The tenant's members by username, active, inactive or invited; POST invites one."""

    permission_classes = (IsAdmin,)
    pagination_class = Pagination
    serializer_class = MemberSerializer
    queryset = Membership.objects.select_related("user").order_by(f"user__{NAME}")

    def get_queryset(self) -> QuerySet[Membership]:
        return super().get_queryset().filter(tenant=self.request.tenant)  # type: ignore[attr-defined]

    @extend_schema(request=NewMemberSerializer, responses={201: MemberSerializer})
    def post(self, request: Request) -> Response:
        body = NewMemberSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        actor: Membership = request.membership  # type: ignore[attr-defined]
        new = {**body.validated_data, "username": User.normalize_username(body["username"].value)}
        # Invited and withdrawn again and again, a stranger would get an e-mail each time.
        person = Minute("invitations_per_person", (actor.tenant_id, new["username"]))
        count(Minute("invitations_per_minute", actor.tenant_id), person)
        member = members.invite(actor, **new) if "email" in new else members.add(actor, **new)
        return Response(MemberSerializer(member).data, status=status.HTTP_201_CREATED)


class MemberView(PrivateResponseMixin, APIView):
    """One member, by the membership's id."""

    permission_classes = (IsAdmin,)

    @extend_schema(request=ChangedMemberSerializer, responses=MemberSerializer)
    def patch(self, request: Any, pk: str) -> Response:
        body = ChangedMemberSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        member = members.change(request.membership, pk, **body.validated_data)
        return Response(MemberSerializer(member).data)

    @extend_schema(
        responses={204: None},
        parameters=[
            OpenApiParameter(
                "transfer_to", description="The user to whom the member's objects are transferred."
            )
        ],
    )
    def delete(self, request: Any, pk: str) -> Response:
        members.remove(request.membership, pk, request.query_params.get("transfer_to"))
        return Response(status=status.HTTP_204_NO_CONTENT)
