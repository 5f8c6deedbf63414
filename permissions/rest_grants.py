"""Grants over REST: who holds which audience of an object, for its owners and the tenant's admins."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.http import Http404
from rest_framework import exceptions, serializers, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from permissions import grants
from permissions.audiences import Audience
from permissions.grants import LastHolder, Subject
from permissions.serializers import StrictCharField
from tenants import opaque
from tenants.models import Membership, Role, User


class LastHolderConflict(exceptions.APIException):
    """The grant cannot be taken: nobody else has what it gives."""

    status_code = status.HTTP_409_CONFLICT
    default_code = "last_holder"


class GrantSerializer(serializers.Serializer[Any]):
    """The body of a PUT: the audience to give."""

    audience = StrictCharField()

    def to_internal_value(self, data: Any) -> Any:
        values = super().to_internal_value(data)
        unknown = {key: ["Unknown field."] for key in data if key not in self.fields}
        if unknown:
            raise serializers.ValidationError(unknown)
        return values


class GrantsMixin:
    """`{id}/grants/` and `{id}/grants/{subject}/` of a resource's viewset."""

    @action(detail=True, url_path="grants")
    def grants(self: Any, request: Request, pk: str) -> Response:
        """The object's grants, page by page; `?audience=` filters."""
        obj, _ = self.locked_for_grants(pk)
        found = grants.grants_of(self.resource, obj)
        if wanted := request.query_params.get("audience"):
            found = [grant for grant in found if grant.audience.name == wanted]
        page = self.paginate_queryset(found)
        usernames = User.objects.in_bulk([g.subject.user_id for g in page if g.subject.user_id])
        return self.get_paginated_response(  # type: ignore[no-any-return]
            [
                {
                    "subject": spell(grant.subject),
                    "username": usernames[grant.subject.user_id].username
                    if grant.subject.user_id
                    else None,
                    "audience": grant.audience.name,
                }
                for grant in page
            ]
        )

    @action(detail=True, url_path="grants/(?P<subject>[^/]+)", methods=["put", "delete"])
    def grant(self: Any, request: Request, pk: str, subject: str) -> Response:
        """PUT replaces the subject's audience, DELETE takes it."""
        with transaction.atomic():
            obj, audience = self.locked_for_grants(pk)
            whom = self.subject(subject)
            try:
                if request.method == "PUT":
                    return self.put_grant(obj, audience, whom)
                if not grants.take(self.resource, obj, whom):
                    raise Http404
            except LastHolder as last:
                raise LastHolderConflict(str(last)) from last
        return Response(status=status.HTTP_204_NO_CONTENT)

    def put_grant(self: Any, obj: Any, own: Audience, whom: Subject) -> Response:
        """Give the subject the audience in the body; 403 for an admin who raises himself."""
        body = GrantSerializer(data=self.request.data)
        body.is_valid(raise_exception=True)
        given = self.resource.audience(body.validated_data["audience"])
        if given is None:
            raise serializers.ValidationError({"audience": ["Unknown audience."]})
        himself = whom in (Subject(user_id=self.request.user.pk), Subject(role=Role.ADMIN))
        if himself and not own.grants and self.resource.rank(given) < self.ceiling():
            raise exceptions.PermissionDenied
        grants.put(self.resource, obj, whom, given)
        return Response({"subject": spell(whom), "audience": given.name})

    def ceiling(self: Any) -> int:
        """The rank of the audience that admins have of every object; they give themselves no more."""
        audience = self.resource.audience(self.resource.roles[Role.ADMIN])
        rank: int = self.resource.rank(audience)
        return rank

    def locked_for_grants(self: Any, pk: str) -> tuple[Any, Audience]:
        """The object and the requester's audience; 404 unseen, 403 for who may not manage grants."""
        with transaction.atomic():
            obj, audience = self.locked(pk)
        if not audience.grants and self.request.membership.role != Role.ADMIN:
            raise exceptions.PermissionDenied
        return obj, audience

    def subject(self: Any, text: str) -> Subject:
        """The subject that the address names: a member or a role of this tenant, or 404."""
        kind, _, name = text.partition(":")
        if kind == "role" and name in Role.values:
            return Subject(role=name)
        user_id = opaque.decode(User, name) if kind == "user" else None
        members = Membership.objects.filter(tenant=self.request.tenant, user_id=user_id)
        if user_id is None or not members.exists():
            raise Http404
        return Subject(user_id=user_id)


def spell(subject: Subject) -> str:
    """The subject in addresses and answers: `user:<id>` or `role:<name>`."""
    if subject.user_id is None:
        return f"role:{subject.role}"
    return f"user:{opaque.encode(User, subject.user_id)}"
