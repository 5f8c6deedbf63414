"""Grants over REST, for an object's owners and the tenant's admins."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from django.db import transaction
from django.http import Http404
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from permissions import ceiling, grants, people
from permissions.audiences import Audience, Resource
from permissions.ceiling import Standing
from permissions.grant_paths import Effective, effective
from permissions.grants import DefaultGrant, Grant, LastHolder
from permissions.rest import AudienceViewSet
from permissions.snapshot import snapshot
from permissions.subjects import Subject
from tenants import opaque
from tenants.models import GRANTABLE
from tenants.refusals import Conflict
from tenants.rest import Pagination, StrictSerializer, TenantRequest
from tenants.users import User


class LastHolderConflict(Conflict):
    """The grant cannot be removed: nobody else has its audience."""

    default_code = "last_holder"


class DefaultGrantConflict(Conflict):
    """The subject has this audience, or a higher one, by declaration."""

    default_code = "default_grant"


class GrantSerializer(StrictSerializer):
    """The body of a PUT: the audience to grant, and what for."""

    audience = serializers.CharField()
    purpose = serializers.CharField(required=False, allow_blank=True, max_length=200)


class GivenSerializer(serializers.Serializer[Any]):
    """The response to a PUT."""

    subject = serializers.CharField()
    audience = serializers.CharField()


class EffectiveSerializer(serializers.Serializer[Any]):
    """The audience in which a subject ends up, and the path that gives it."""

    audience = serializers.CharField()
    path = serializers.CharField()


class GrantRowSerializer(GivenSerializer):
    """A row of the list: a grant or a default."""

    name = serializers.CharField(allow_null=True)
    default = serializers.BooleanField()
    granted_by = serializers.CharField(allow_null=True)
    granted_at = serializers.DateTimeField(allow_null=True)
    purpose = serializers.CharField(required=False, help_text="Where the grant says it.")
    effective = EffectiveSerializer(allow_null=True)


AUDIENCE = OpenApiParameter("audience", description="Only grants of this audience.")


class GrantsMixin(AudienceViewSet):
    """Adds `{id}/grants/` and `{id}/grants/{subject}/` to a resource's viewset."""

    @extend_schema(parameters=[AUDIENCE], responses=GrantRowSerializer(many=True))
    @action(detail=True, url_path="grants", pagination_class=Pagination)
    def grants(self, request: TenantRequest, pk: str) -> Response:
        """List the object's grants and defaults in pages, filtered by `?audience=`."""
        wanted = request.query_params.get("audience")
        with snapshot():
            self.check_manages(self.audience_of(pk))
            obj = self.stored(pk)
            found = grants.grants_of(self.resource, obj)
            chosen = [grant for grant in found if not wanted or grant.audience.name == wanted]
            page = self.paginate_queryset(chosen) or []
            users = {grant.subject.user_id for grant in page if grant.subject.user_id is not None}
            reached = by_role(self.resource, found) | {
                Subject(user_id=user_id): ends
                for user_id, ends in effective(self.resource, obj, users).items()
            }
        names = people.names(request.tenant.pk, request.user.pk, users)
        rows = [row(grant, names, reached) for grant in page]
        return self.get_paginated_response(rows)

    @extend_schema(methods=["PUT"], request=GrantSerializer, responses=GivenSerializer)
    @extend_schema(methods=["DELETE"], responses={204: None})
    @action(detail=True, url_path="grants/(?P<subject>[^/]+)", methods=["put", "delete"])
    def grant(self, request: Request, pk: str, subject: str) -> Response:
        """Replace the subject's audience (PUT), or remove its grants (DELETE)."""
        self.check_manages(self.audience_of(pk))
        with transaction.atomic():
            obj = self.locked(pk)
            self.check_manages(self.audience_of(pk))
            whom = self.subject(subject)
            try:
                if request.method == "PUT":
                    return self.put_grant(obj, whom)
                if not grants.take(self.resource, obj, whom, actor=self.actor):
                    raise Http404
            except LastHolder as last:
                raise LastHolderConflict(str(last)) from last
            except DefaultGrant as default:
                raise DefaultGrantConflict(str(default)) from default
        return Response(status=status.HTTP_204_NO_CONTENT)

    def put_grant(self, obj: Any, whom: Subject) -> Response:
        """Grant the subject the audience in the body; 403 for more than the requester may grant."""
        body = GrantSerializer(data=self.request.data)
        body.is_valid(raise_exception=True)
        given = self.resource.audience(body.validated_data["audience"])
        if given is None:
            raise serializers.ValidationError({"audience": ["Unknown audience."]})
        purpose = body.validated_data.get("purpose")
        grants.put(self.resource, obj, whom, given, actor=self.actor, purpose=purpose)
        return Response({"subject": spell(whom), "audience": given.name})

    def check_manages(self, audience: Audience) -> None:
        """Refuse people who see the object but neither own it nor administer the tenant."""
        role = self.request.membership.role
        self.check(ceiling.may_manage(Standing(self.request.user.pk, role, audience)))

    def subject(self, text: str) -> Subject:
        """Return the subject in the URL, a role or a user of this tenant, or raise 404.

        Somebody who is granted an audience must be visible to the requester.
        """
        kind, _, name = text.partition(":")
        if kind == "role" and name in GRANTABLE:
            return Subject(role=name)
        user_id = opaque.decode(User, name) if kind == "user" else None
        if user_id is None:
            raise Http404
        giving = self.request.method == "PUT"
        if giving and not people.is_shown(self.request.tenant.pk, self.request.user.pk, user_id):
            raise Http404
        return Subject(user_id=user_id)


def by_role(resource: Resource, found: Iterable[Grant]) -> dict[Subject, Effective]:
    """Return the audience in which each role of these grants ends up: its first one."""
    held: defaultdict[Subject, list[str]] = defaultdict(list)
    for grant in found:
        if grant.subject.role:
            held[grant.subject].append(grant.audience.permission)
    first = {whom: resource.first(permissions) for whom, permissions in held.items()}
    return {whom: Effective(audience, whom) for whom, audience in first.items() if audience}


def row(
    grant: Grant, names: Mapping[int, str | None], reached: Mapping[Subject, Effective]
) -> dict[str, Any]:
    """Return a grant as a row of the list: subject, grantor, and effective audience."""
    whom, by = grant.subject, grant.granted_by
    ends = reached.get(whom)
    return {
        "subject": spell(whom),
        "name": names.get(whom.user_id or 0),
        "audience": grant.audience.name,
        "default": grant.default,
        "granted_by": None if by is None else opaque.encode(User, by),
        "granted_at": serializers.DateTimeField().to_representation(grant.granted_at)
        if grant.granted_at
        else None,
        **({"purpose": grant.purpose} if grant.purpose else {}),
        "effective": ends and {"audience": ends.audience.name, "path": spell(ends.path)},
    }


def spell(subject: Subject) -> str:
    """Return the subject as text: `user:<id>`, `role:<name>` or, in a path, `group`."""
    if subject.user_id is not None:
        return f"user:{opaque.encode(User, subject.user_id)}"
    return f"role:{subject.role}" if subject.role else "group"
