"""The viewset base: REST that answers each reader with their audience's payload, read by `read`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, ClassVar

import orjson
from django.db import DatabaseError, transaction
from django.http import Http404
from django.utils.http import parse_etags, quote_etag
from rest_framework import exceptions, serializers, status
from rest_framework.metadata import SimpleMetadata
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from permissions import ceiling, decision, loading
from permissions.audiences import Audience, Resource
from permissions.ceiling import Actor
from permissions.pages import read_page, weighed
from permissions.parsers import JSONParser
from permissions.read import objects_of, read
from permissions.renderers import JSONRenderer
from permissions.rendering import render
from permissions.representation import ObjectKey, Representation
from permissions.serializers import validate_within
from tenants import opaque
from tenants.connections import is_away
from tenants.credentials import TokenAuthentication
from tenants.models import Role
from tenants.refusals import names_of
from tenants.rest import InTenant, Pagination, PrivateResponseMixin, SessionAuthentication


class PreconditionFailed(exceptions.APIException):
    """The object is no longer as the client's If-Match says."""

    status_code = status.HTTP_412_PRECONDITION_FAILED
    default_detail = "The object has changed since you read it; read it again."
    default_code = "precondition_failed"


class Unavailable(exceptions.APIException):
    """The object is there for its reader, and cannot be shown."""

    status_code = status.HTTP_503_SERVICE_UNAVAILABLE
    default_detail = (
        "The object cannot be shown now. This is a server-side problem: contact the operator."
    )
    default_code = "unavailable"


class Metadata(SimpleMetadata):
    """What OPTIONS says without looking for the object: whether there is one would show."""

    def determine_actions(self, request: Request, view: Any) -> dict[str, Any]:
        return {}


class AudienceViewSet(PrivateResponseMixin, GenericViewSet[Any]):
    """List, read, create, write and delete objects of one resource, as their reader may."""

    resource: ClassVar[Resource]
    written: Mapping[str, str] = MappingProxyType({})  # for `tenants.refusals`
    request: Any  # with `tenant` and `membership`, which its permission class sets
    lookup_value_regex = "[^/]+"
    metadata_class = Metadata
    # Named here, not only in the project's defaults: without them it would not work elsewhere.
    authentication_classes = (TokenAuthentication, SessionAuthentication)
    permission_classes = (IsAuthenticated, InTenant)
    parser_classes = (JSONParser,)
    renderer_classes = (JSONRenderer,)
    pagination_class = Pagination

    def dispatch(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        """Whatever a request writes to holders' columns is weighed as its user's gift."""
        with ceiling.acting(Actor(None)):
            return super().dispatch(request, *args, **kwargs)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        ceiling.act_as(self.actor)

    @property
    def actor(self) -> Actor:
        """Whose gifts the writes of this request are."""
        return Actor(self.request.user.pk)

    def get_serializer_class(self) -> type[serializers.BaseSerializer[Any]]:
        """The widest audience's serializer: what the schema documents."""
        return self.resource.audiences[0].serializer

    def get_queryset(self) -> Any:
        if getattr(self, "swagger_fake_view", False):
            return self.resource.model._base_manager.none()
        return self.resource.model.objects.filter(tenant_id=self.request.tenant.pk)

    def list(self, request: Request) -> Response:
        """The page of objects that the reader sees, newest first, and how many cannot be shown."""
        reader = self.request.user.pk
        mine = decision.visible(self.resource, self.get_queryset(), self.request.membership)
        rows = self.paginate_queryset(weighed(self.resource, mine.order_by("-pk"))) or []
        seen = read_page(self.resource, self.request.tenant.pk, reader, rows)
        shown = [orjson.Fragment(r.body) for r in seen if r.body is not None]
        answer = self.get_paginated_response(shown)
        answer.data["unavailable"] = len(seen) - len(shown)
        return answer

    def retrieve(self, request: Request, pk: str) -> Response:
        """One object; 304 if the reader has it already."""
        return self.answer_read(self.find(pk))

    def answer_read(self, pk: int) -> Response:
        """The reader's representation of an object, or 404; 503 if it cannot be shown."""
        pair = (self.request.user.pk, ObjectKey(self.resource.label, pk))
        seen = read(self.request.tenant.pk, [pair]).seen[pair]
        if seen is None:
            raise Http404
        known = parse_etags(self.request.headers.get("If-None-Match", ""))
        if "*" in known or quote_etag(seen.etag) in (tag.removeprefix("W/") for tag in known):
            return self.answer(seen, status.HTTP_304_NOT_MODIFIED)
        return self.answer(seen)

    def answer(self, seen: Representation, code: int = status.HTTP_200_OK) -> Response:
        """A response with a payload, its audience and its etag; raises Unavailable without one.

        Then a transaction that is open rolls back: what is written is always answered.
        """
        if seen.body is None:
            raise Unavailable
        body = None if code == status.HTTP_304_NOT_MODIFIED else orjson.Fragment(seen.body)
        return Response(
            body, code, headers={"ETag": quote_etag(seen.etag), "X-Audience": seen.audience}
        )

    def update(self, request: Request, pk: str) -> Response:
        """Replace the fields that the reader may write; those they may only read are ignored."""
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
            self.valid(write_serializer(audience)(obj, data=data, partial=partial)).save()
            return self.answer(self.representation(audience, obj.pk))

    def destroy(self, request: Request, pk: str) -> Response:
        """Delete the object, for those whose audience may."""
        self.check(self.audience_of(pk).deletes)
        with transaction.atomic():
            obj = self.locked(pk)
            audience = self.audience_of(pk)
            self.check(audience.deletes)
            self.check_precondition(audience, obj)
            obj.delete()
        return Response(status=status.HTTP_204_NO_CONTENT)

    def valid(self, serializer: Any) -> Any:
        """The serializer, which takes the body; what the database refuses is told in its names."""
        validate_within(serializer, self.request.tenant.pk)
        self.written = names_of(serializer)
        return serializer

    def find(self, pk: str) -> int:
        """The key that an id in the URL stands for, or 404."""
        key = opaque.decode(self.resource.model, pk)
        if key is None:
            raise Http404
        return key

    def audience_of(self, pk: str) -> Audience:
        """The requester's audience of the object; 404 without one.

        A writer asks twice: before anything is locked, since who may not see the object must not
        feel its writers; and under the lock, since the answer would show whatever was written after
        they lost it.
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
        """The object, locked until the transaction ends."""
        return self.stored(pk, self.get_queryset().select_for_update(no_key=True, of=("self",)))

    def stored(self, pk: str, queryset: Any) -> Any:
        """The object among these; 404 if it is of another tenant, or gone."""
        obj = loading.one(queryset, self.find(pk))
        if obj is None:
            raise Http404
        return obj

    def representation(self, audience: Audience, key: int) -> Representation:
        """What the writer sees now; its revision is never used, for it is not pushed."""
        try:
            obj = objects_of(self.resource, self.request.tenant.pk, [key])[key]
            return render(self.resource, audience, obj, revision=0)
        except DatabaseError as error:
            if is_away(error):
                raise
            raise Unavailable from error  # and the transaction is spoiled

    def check_precondition(self, audience: Audience, obj: Any) -> None:
        """Raise PreconditionFailed unless If-Match, if given, names the current representation.

        What cannot be shown has none, so that only `*` names it.
        """
        condition = self.request.headers.get("If-Match")
        if condition is None:
            return
        wanted = parse_etags(condition)  # of one without quotes nothing is left: it fails
        if "*" in wanted:
            return
        seen = self.representation(audience, obj.pk)
        if seen.body is None or quote_etag(seen.etag) not in wanted:
            raise PreconditionFailed


class CreateMixin:
    """Creating: the requester becomes the new object's holder and is answered as such."""

    def create(self: Any, request: Request) -> Response:
        """Create an object of the reader's tenant; reviewers create nothing."""
        self.check(request.membership.role != Role.REVIEWER)  # type: ignore[attr-defined]
        resource = self.resource
        holder, name = next(iter(resource.holders.items()))
        audience = resource.audience(name)
        data = writable(audience, request.data, ignore_read_only=False)
        serializer = self.valid(write_serializer(audience)(data=data))
        with transaction.atomic():
            obj = serializer.save(tenant_id=self.request.tenant.pk, **{holder: request.user})
            answer = self.answer(self.representation(audience, obj.pk), status.HTTP_201_CREATED)
        answer["Location"] = request.build_absolute_uri(opaque.encode(resource.model, obj.pk) + "/")
        return answer


def writable(audience: Audience, data: Any, *, ignore_read_only: bool) -> Any:
    """The part of a body that the audience may write; ValidationError names other fields."""
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


def write_serializer(audience: Audience) -> type[serializers.BaseSerializer[Any]]:
    """The audience's serializer with everything read-only that it may not write."""
    base = audience.serializer
    closed: Iterable[str] = (f for f in audience.fields if f not in audience.writes)
    meta = type("Meta", (base.Meta,), {"read_only_fields": tuple(closed)})
    return type(base.__name__, (base,), {"Meta": meta, "__module__": base.__module__})
