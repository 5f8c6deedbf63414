"""`what-if` over REST, for a tenant's admins and reviewers: counts, ids and names of fields."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Final

from django.http import Http404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.generics import GenericAPIView
from rest_framework.response import Response

from permissions import people, stored
from permissions.audiences import Resource, registry
from permissions.fields import ModelField
from permissions.review.foretelling import as_json
from permissions.review.predicting import predict
from permissions.review.supposing import Named, Unusable, names_person, suppose
from tenants import opaque
from tenants.keys import Key, nobody
from tenants.models import Membership, Role
from tenants.rest import IsReviewer, PrivateResponseMixin, StrictSerializer
from tenants.users import User, called

NEEDS: Final[Mapping[str, tuple[str, ...]]] = {
    "grant": ("audience", "model", "id"),
    "revoke": ("model", "id"),
    "join": ("user",),
    "leave": ("user",),
    "deactivate": ("user",),
    "role": ("user", "role"),
    "set": ("column", "model", "id"),
    "widen": ("audience", "model"),
}
"""The changes, and what each must name; `grant` and `revoke` also a user or a role. The operator's
groups are of all tenants, so only the command asks about them."""


class ChangeSerializer(StrictSerializer):
    """The change that is asked about."""

    change = serializers.ChoiceField(list(NEEDS))
    user = serializers.CharField(required=False)
    role = serializers.CharField(required=False)
    model = ModelField(required=False)
    id = serializers.CharField(required=False)
    audience = serializers.CharField(required=False)
    column = serializers.CharField(required=False)
    value = serializers.CharField(required=False, allow_blank=True, default="")
    holder = serializers.CharField(required=False)
    permission = serializers.CharField(required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        missing = [name for name in NEEDS[attrs["change"]] if name not in attrs]
        if missing:
            raise serializers.ValidationError(dict.fromkeys(missing, "This field is required."))
        return attrs


class PredictedMoveSerializer(serializers.Serializer[Any]):
    """How many users would see how many objects in another audience, with which fields."""

    before = serializers.CharField(allow_null=True)
    after = serializers.CharField(allow_null=True)
    users = serializers.IntegerField()
    objects = serializers.IntegerField()
    pairs = serializers.IntegerField()
    gained = serializers.ListField(child=serializers.CharField())
    lost = serializers.ListField(child=serializers.CharField())


class PredictedPairSerializer(serializers.Serializer[Any]):
    """A user who would be in another audience of an object."""

    one_of: ClassVar = ("username", "name")  # admins are told the first, reviewers the second

    user = serializers.CharField()
    username = serializers.CharField(required=False)
    name = serializers.CharField(allow_null=True, required=False)
    id = serializers.CharField()
    before = serializers.CharField(allow_null=True)
    after = serializers.CharField(allow_null=True)


class PredictionSerializer(serializers.Serializer[Any]):
    """What the change would do to one model."""

    model = serializers.CharField()
    users = serializers.IntegerField()
    objects = serializers.IntegerField()
    pairs = serializers.IntegerField()
    watching = serializers.IntegerField(
        help_text="How many of the users have a live list of the model open now."
    )
    moves = PredictedMoveSerializer(many=True)
    listed = PredictedPairSerializer(many=True, help_text="The first ones; all are counted.")


class WhatIfView(PrivateResponseMixin, GenericAPIView[Any]):
    """Who would see more or less after a change, which is not made."""

    permission_classes = (IsReviewer,)
    serializer_class = PredictionSerializer
    pagination_class = None

    @extend_schema(parameters=[ChangeSerializer], responses=PredictionSerializer(many=True))
    def get(self, request: Any) -> Response:
        """A row for each model that the change concerns.

        404 for an object or a user of another tenant, as for none.
        """
        known = ChangeSerializer().fields
        asked = ChangeSerializer(data={n: v for n, v in request.query_params.items() if n in known})
        asked.is_valid(raise_exception=True)
        said: dict[str, Any] = asked.validated_data
        try:
            what = suppose(said["change"], _named(request.membership, said))
        except Unusable as error:
            raise serializers.ValidationError({error.name: [error.text]}) from error
        found = predict(request.tenant.pk, what)
        names = self.names({each.user_id for row in found for each in row.listed})
        return Response(as_json(found, lambda pk: names.get(pk, {"name": None})))

    def names(self, users: set[int]) -> dict[int, dict[str, Any]]:
        """Return the users as the person asking is told them."""
        request: Any = self.request
        if request.membership.role == Role.ADMIN:
            return {pk: {"username": name} for pk, name in called(users).items()}
        shown = people.names(request.tenant.pk, request.user.pk, users)
        return {pk: {"name": name} for pk, name in shown.items()}


def _named(asker: Membership, said: dict[str, Any]) -> Named:
    resource = registry.get(said["model"]) if "model" in said else None
    pk = None
    if resource is not None and "id" in NEEDS[said["change"]]:
        pk = _object(resource, asker, said["id"])
    user = said.get("user")
    if resource is not None and said["change"] == "set":
        column = next((c for c in resource.model._meta.fields if c.name == said["column"]), None)
        user = said["value"] if column is not None and names_person(column) else None
    return Named(
        tenant=asker.tenant,
        user=_user(asker, user) if user else None,
        resource=resource,
        pk=pk,
        **{n: said.get(n) for n in ("audience", "role", "column", "value", "holder", "permission")},
    )


def _object(resource: Resource, asker: Membership, id: str) -> Key:
    pk = opaque.decode(resource.model, id)
    rows = stored.within(resource, asker.tenant_id).filter(pk=pk or 0)
    if pk is None or not rows.exists():
        raise Http404
    return pk


def _user(asker: Membership, id: str) -> User:
    """Return a member of the tenant; only its admins know whom it has merely invited."""
    members = Membership.objects.filter(
        tenant=asker.tenant_id, user=opaque.decode(User, id) or nobody()
    )
    if asker.role != Role.ADMIN:
        members = members.joined()
    member = members.select_related("user").first()
    if member is None:
        raise Http404
    return member.user
