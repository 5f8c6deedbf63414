"""The base viewset: REST that answers each reader with their audience's payload, through `read`."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, ClassVar

import orjson
from django.db import DatabaseError, transaction
from django.http import Http404
from django.utils.http import parse_etags, quote_etag
from drf_spectacular.utils import extend_schema_view
from rest_framework import exceptions, serializers, status
from rest_framework.metadata import SimpleMetadata
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from permissions import ceiling, decision, loading, stored
from permissions.audiences import Audience, Resource
from permissions.ceiling import Actor
from permissions.disclosures import disclose
from permissions.pages import read_page
from permissions.read import objects_of, read_across
from permissions.rendering import render
from permissions.representation import ObjectKey, Representation
from permissions.rest_lists import answered, asked, list_schema
from permissions.serializers import validate_within
from tenants import opaque
from tenants.connections import is_away
from tenants.keys import Key
from tenants.models import Role
from tenants.refusals import names_of
from tenants.rest import InTenant, PrivateResponseMixin, TenantRequest


class PreconditionFailed(exceptions.APIException):
    """The object no longer matches the client's If-Match."""

    status_code = status.HTTP_412_PRECONDITION_FAILED
    default_detail = "The object has changed since you read it; read it again."
    default_code = "precondition_failed"


class Unavailable(exceptions.APIException):
    """The object is visible to its reader but cannot be shown."""

    status_code = status.HTTP_503_SERVICE_UNAVAILABLE
    default_detail = (
        "The object cannot be shown now. This is a server-side problem: contact the operator."
    )
    default_code = "unavailable"


class Metadata(SimpleMetadata):
    """OPTIONS that does not look up the object, which would reveal whether it exists."""

    def determine_actions(self, request: Request, view: Any) -> dict[str, Any]:
        return {}


class AudienceViewSet(PrivateResponseMixin, GenericViewSet[Any]):
    """List, read, create, write and delete objects of one resource, as far as their reader may."""

    resource: ClassVar[Resource]
    written: Mapping[str, str] = MappingProxyType({})  # for `tenants.refusals`
    request: TenantRequest
    lookup_value_regex = "[^/]+"
    metadata_class = Metadata
    permission_classes = (IsAuthenticated, InTenant)
    pagination_class: Any = None

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "resource" in vars(cls):
            extend_schema_view(list=list_schema(cls.resource))(cls)

    def dispatch(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        """Check writes to holders' columns during the request as grants by its user."""
        with ceiling.acting(Actor(None)):
            return super().dispatch(request, *args, **kwargs)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        ceiling.act_as(self.actor)

    @property
    def actor(self) -> Actor:
        """Return the actor on whose behalf this request writes."""
        return Actor(self.request.user.pk)

    def get_serializer_class(self) -> type[serializers.BaseSerializer[Any]]:
        """Return the widest audience's serializer, which the schema documents."""
        return self.resource.audiences[0].serializer

    def get_queryset(self) -> Any:
        if getattr(self, "swagger_fake_view", False):
            return self.resource.model._base_manager.none()
        return stored.within(self.resource, self.request.tenant.pk)

    def list(self, request: Request) -> Response:
        """Return a part of what the reader sees, newest first."""
        tenant_id = self.request.tenant.pk
        ask = asked(self.resource, tenant_id, self.request.user.pk, request.query_params)
        page = read_page(self.resource, tenant_id, ask)
        disclose(self.request.tenant, self.request.user.pk, page.shown)
        return Response(answered(self.resource, page))

    def retrieve(self, request: Request, pk: str) -> Response:
        """Return one object, or 304 if the reader already has it."""
        return self.answer_read(self.find(pk))

    def answer_read(self, pk: Key) -> Response:
        """Return the reader's representation of an object; 404 without one, 503 if it cannot be
        shown."""
        pair = (self.request.user.pk, ObjectKey(self.resource.label, pk))
        tenant_id = self.request.tenant.pk
        seen = read_across({tenant_id: [pair]})[tenant_id, pair]  # no revision is asked for
        if seen is None:
            raise Http404
        known = parse_etags(self.request.headers.get("If-None-Match", ""))
        if "*" in known or quote_etag(seen.etag) in (tag.removeprefix("W/") for tag in known):
            return self.answer(seen, status.HTTP_304_NOT_MODIFIED)
        return self.answer(seen)

    def answer(self, seen: Representation, code: int = status.HTTP_200_OK) -> Response:
        """Return a response with the payload, its audience and its etag; raise Unavailable without
        one.

        Raising rolls back an open transaction, so every committed write can be answered.
        """
        if seen.body is None:
            raise Unavailable
        disclose(self.request.tenant, self.request.user.pk, [seen])
        body = None if code == status.HTTP_304_NOT_MODIFIED else orjson.Fragment(seen.body)
        return Response(
            body, code, headers={"ETag": quote_etag(seen.etag), "X-Audience": seen.audience}
        )

    def update(self, request: Request, pk: str) -> Response:
        """Replace the fields that the reader may write; ignore those they may only read."""
        return self._write(request, pk, partial=False)

    def partial_update(self, request: Request, pk: str) -> Response:
        """Change some of the fields that the reader may write."""
        return self._write(request, pk, partial=True)

    def _write(self, request: Request, pk: str, *, partial: bool) -> Response:
        self.check(self.audience_of(pk).writes)
        with transaction.atomic():
            obj = self.locked(pk)
            audience = self.audience_of(pk)
            self.check(audience.writes)
            self.check_precondition(audience, obj)
            data = writable(audience, request.data, ignore_read_only=not partial)
            self.valid(audience.write_serializer(obj, data=data, partial=partial)).save()
            return self.answer(self.representation(audience, obj.pk))

    def destroy(self, request: Request, pk: str) -> Response:
        """Delete the object, if the reader's audience may."""
        self.check(self.audience_of(pk).deletes)
        with transaction.atomic():
            obj = self.locked(pk)
            audience = self.audience_of(pk)
            self.check(audience.deletes)
            self.check_precondition(audience, obj)
            obj.delete()
        return Response(status=status.HTTP_204_NO_CONTENT)

    def valid(self, serializer: Any) -> Any:
        """Return a serializer with the body validated; database errors are reported by its field
        names."""
        validate_within(serializer, self.request.tenant.pk)
        self.written = names_of(serializer)
        return serializer

    def find(self, pk: str) -> Key:
        """Return the key for an id in the URL, or raise 404."""
        key = opaque.decode(self.resource.model, pk)
        if key is None:
            raise Http404
        return key

    def audience_of(self, pk: str) -> Audience:
        """Return the requester's audience of the object, or raise 404.

        A writer is checked twice: before locking, since people who may not see the object must not
        notice its writers, and under the lock, since the response would show what was written after
        they lost access.
        """
        pair = (self.request.user.pk, self.find(pk))
        audience = decision.audiences(self.resource, self.request.tenant.pk, [pair])[pair]
        if audience is None:
            raise Http404
        return audience

    def check(self, right: object) -> None:
        """Raise PermissionDenied unless the audience has this right."""
        if not right:
            raise exceptions.PermissionDenied

    def locked(self, pk: str) -> Any:
        """Return the object, locked until the transaction ends."""
        return self.stored(pk, lock=True)

    def stored(self, pk: str, *, lock: bool = False) -> Any:
        """Return the object, or raise 404 if it is another tenant's or gone."""
        obj = loading.one(self.resource, self.request.tenant.pk, self.find(pk), lock=lock)
        if obj is None:
            raise Http404
        return obj

    def representation(self, audience: Audience, key: Key) -> Representation:
        """Return what the writer sees now; its revision is not used, since nothing is pushed from
        it."""
        try:
            obj = objects_of(self.resource, self.request.tenant.pk, [key])[key]
            return render(self.resource, audience, obj, revision=0)
        except DatabaseError as error:
            if is_away(error):
                raise
            raise Unavailable from error  # and the transaction can no longer be used

    def check_precondition(self, audience: Audience, obj: Any) -> None:
        """Raise PreconditionFailed unless If-Match, if present, names the current representation.

        An object that cannot be shown has none, so only `*` matches it.
        """
        condition = self.request.headers.get("If-Match")
        if condition is None:
            return
        wanted = parse_etags(condition)  # an unquoted one becomes empty, and fails
        if "*" in wanted:
            return
        seen = self.representation(audience, obj.pk)
        if seen.body is None or quote_etag(seen.etag) not in wanted:
            raise PreconditionFailed


class CreateMixin(AudienceViewSet):
    """Create objects: the requester becomes the holder, and is answered as such."""

    def create(self, request: TenantRequest) -> Response:
        """Create an object in the reader's tenant; reviewers may not create."""
        self.check(request.membership.role != Role.REVIEWER)
        resource = self.resource
        holder, name = next(iter(resource.named.items()))
        audience = resource.declared(name)
        data = writable(audience, request.data, ignore_read_only=False)
        serializer = self.valid(audience.write_serializer(data=data))
        with transaction.atomic():
            place = stored.placing(resource.model, self.request.tenant.pk)
            obj = serializer.save(**place, **{holder: request.user})
            answer = self.answer(self.representation(audience, obj.pk), status.HTTP_201_CREATED)
        answer["Location"] = request.build_absolute_uri(opaque.encode(resource.model, obj.pk) + "/")
        return answer


def writable(audience: Audience, data: Any, *, ignore_read_only: bool) -> Any:
    """Return the part of a body that the audience may write; raise ValidationError for other
    fields."""
    if not isinstance(data, Mapping):
        return data
    errors: dict[str, list[str]] = {}
    for name in data:
        if name not in audience.fields:
            errors[name] = ["Unknown field."]
        elif name not in audience.writes and not ignore_read_only:
            errors[name] = ["You may not write this field."]
    if errors:
        raise serializers.ValidationError(errors)
    return {name: value for name, value in data.items() if name in audience.writes}
