"""Who could have seen what, over REST, for admins and reviewers: no values of objects."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any, ClassVar, Final, NamedTuple

from django.core import signing
from django.http.response import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from permissions import people
from permissions.audiences import registry
from permissions.fields import ModelField
from realtime.audit import inquiries, seen, seen_rows
from realtime.audit.questions import Place, Question
from realtime.audit.rest_csv import CSVRenderer, streamed
from realtime.audit.rest_ledger import id_of
from realtime.audit.seen import Seen
from realtime.audit.seen_command import COLUMNS, csv_line, told
from tenants import keys, opaque
from tenants.keys import nobody
from tenants.models import Role
from tenants.renderers import JSONRenderer
from tenants.rest import IsReviewer, PrivateResponseMixin, StrictSerializer
from tenants.users import User, called

SALT: Final = "earshot.seen.place"
OF_OBJECT: Final = ("model", "id")
SPAN: Final = [
    OpenApiParameter("since", OpenApiTypes.DATETIME),
    OpenApiParameter("until", OpenApiTypes.DATETIME),
    OpenApiParameter("cursor", str, description="The `next` of the page before."),
]
MORE: Final = [*(OpenApiParameter(name, str) for name in ("field", "etag")), *SPAN]


class SpanSerializer(StrictSerializer):
    """A span of time, and where the page before ended."""

    since = serializers.DateTimeField(required=False)
    until = serializers.DateTimeField(required=False)
    cursor = serializers.CharField(required=False)

    def validate_cursor(self, text: str) -> Place:
        try:
            began_at, over, pk, object_id = signing.loads(text, salt=self.context["salt"])
        except (signing.BadSignature, ValueError):  # as of another question, or an older release
            raise serializers.ValidationError(
                "Must be the `next` of a page of the same question."
            ) from None
        key = None if object_id is None else keys.read(object_id)
        return Place(datetime.fromisoformat(began_at), over, pk, key)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if "since" in attrs and "until" in attrs and attrs["until"] < attrs["since"]:
            raise serializers.ValidationError({"until": ["The span ends before it begins."]})
        return attrs


class WhoSawSerializer(SpanSerializer):
    """Of which object it is asked; an id that stands for nothing finds nothing."""

    model = ModelField()
    id = serializers.CharField()
    field = serializers.CharField(required=False)
    etag = serializers.CharField(required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        resource = registry.get(attrs["model"])
        if "field" in attrs and not seen_rows.showing(resource, attrs["field"]):
            raise serializers.ValidationError({"field": ["No audience is shown this field."]})
        return super().validate(attrs)


class SeenBySerializer(SpanSerializer):
    """Of whom it is asked; an id that stands for nobody finds nothing."""

    user = serializers.CharField()


class About(NamedTuple):
    """What a question is about, as the ledger records it, and how it is read from a request."""

    what: str
    query: type[SpanSerializer]
    question: Callable[[int, dict[str, Any]], Question]


def of_object(tenant_id: int, asked: dict[str, Any]) -> Question:
    """Return the question about an object of the tenant."""
    resource = registry.get(asked["model"])
    return Question(
        tenant_id,
        resource=resource,
        object_id=opaque.decode(resource.model, asked["id"]) or 0,
        **{name: asked.get(name) for name in ("since", "until", "field", "etag")},
    )


def of_user(tenant_id: int, asked: dict[str, Any]) -> Question:
    """Return the question about a user, who may be nobody in the tenant."""
    user_id = opaque.decode(User, asked["user"]) or nobody()
    return Question(tenant_id, user_id=user_id, since=asked.get("since"), until=asked.get("until"))


AN_OBJECT: Final = About("who-saw", WhoSawSerializer, of_object)
A_USER: Final = About("seen-by", SeenBySerializer, of_user)


class SeenRowSerializer(serializers.Serializer[Any]):
    """A user had an object: over what, from when until when, as which audience, and why."""

    one_of: ClassVar = ("username", "name")  # admins are told the first, reviewers the second

    date = serializers.DateTimeField()
    user = serializers.CharField()
    username = serializers.CharField(allow_null=True, required=False)
    name = serializers.CharField(allow_null=True, required=False)
    model = serializers.CharField()
    id = serializers.CharField(allow_null=True)
    audience = serializers.CharField()
    purpose = serializers.CharField()
    until = serializers.DateTimeField(allow_null=True)
    how = serializers.CharField()
    since = serializers.DateTimeField(allow_null=True)
    since_before = serializers.BooleanField(
        allow_null=True, help_text="It was so before `since` already, when the record began."
    )
    granted_by = serializers.CharField(allow_null=True)
    over = serializers.ChoiceField(choices=["socket", "window", "rest"])


class SeenPageSerializer(serializers.Serializer[Any]):
    """A page, the oldest first; `next` is the cursor of the next one, or null."""

    sockets_only = serializers.BooleanField()
    results = SeenRowSerializer(many=True)
    next = serializers.CharField(allow_null=True)


class SeenView(PrivateResponseMixin, GenericAPIView[Any]):
    """What the ledger has of an object or a user, with why; that it was asked is recorded."""

    permission_classes = (IsReviewer,)
    renderer_classes = (JSONRenderer, CSVRenderer)
    serializer_class = SeenPageSerializer
    asking: ClassVar[About]

    def about(self) -> About:
        """Return what the request asks about."""
        return self.asking

    def finalize_response(self, request: Any, response: Any, *args: Any, **kwargs: Any) -> Any:
        if getattr(response, "exception", False):
            request.accepted_renderer = JSONRenderer()
            request.accepted_media_type = JSONRenderer.media_type
        return super().finalize_response(request, response, *args, **kwargs)

    def answer(self, request: Any) -> HttpResponseBase:
        """Return a page of the answer, or all of it as CSV."""
        about = self.about()
        known = about.query().fields
        given = {name: text for name, text in request.query_params.items() if name in known}
        cursor = given.pop("cursor", None)
        salt = self.salt(given)
        asked = given if cursor is None else {**given, "cursor": cursor}
        query = about.query(data=asked, context={"salt": salt})
        query.is_valid(raise_exception=True)
        if cursor is None:
            inquiries.record(request.tenant.pk, request.user.pk, about.what, given)
        question = about.question(request.tenant.pk, query.validated_data)
        after = query.validated_data.get("cursor")
        if request.accepted_renderer.format == CSVRenderer.format:
            return streamed(request, about.what, self.in_csv(seen.batches(question, after)))
        rows, following = seen.page(question, after)
        return Response(
            {
                "sockets_only": seen.sockets_only(request.tenant),
                "results": self.told(rows),
                "next": _cursor(following, salt) if following else None,
            }
        )

    def salt(self, asked: dict[str, str]) -> str:
        """Return what binds cursors to this question of this person: with another one's, they would
        read on in another tenant's ledger, or what nobody recorded that they asked."""
        request: Any = self.request
        about = (request.tenant.pk, request.user.pk, self.about().what, sorted(asked.items()))
        return f"{SALT}.{about}"

    def in_csv(self, batches: Iterator[list[Seen]]) -> Iterator[str]:
        """Yield the answer in the columns of the command, some hundred lines at a time."""
        yield ",".join(COLUMNS) + "\r\n"
        request: Any = self.request
        for rows in batches:
            found = told(rows, request.tenant, lambda users: self.names(users)[1])
            yield "".join(f"{csv_line(row)}\r\n" for row in found)

    def told(self, rows: list[Seen]) -> list[dict[str, Any]]:
        """Return what the reader is told of these rows."""
        request: Any = self.request
        naming, names = self.names({row.access.user_id for row in rows})
        moment = serializers.DateTimeField().to_representation
        return [
            {
                "date": moment(row.access.began_at),
                "user": opaque.encode(User, row.access.user_id),
                naming: names.get(row.access.user_id),
                "model": row.access.model,
                "id": id_of(row.access),
                "audience": row.access.audience,
                "purpose": row.purpose(request.tenant),
                "until": row.access.ended_at and moment(row.access.ended_at),
                "how": row.how,
                "since": row.way and moment(row.way.since),
                "since_before": row.way and row.way.before,
                "granted_by": row.given_by and opaque.encode(User, row.given_by),
                "over": row.access.over,
            }
            for row in rows
        ]

    def names(self, users: set[int]) -> tuple[str, dict[int, str | None]]:
        """Return the field that tells the reader these users' names, and the names."""
        request: Any = self.request
        if request.membership.role == Role.ADMIN:
            return "username", dict(called(users))
        return "name", people.names(request.tenant.pk, request.user.pk, users)


def _cursor(place: Place, salt: str) -> str:
    key = None if place.object_id is None else keys.spelled(place.object_id)
    return signing.dumps((place.began_at.isoformat(), place.over, place.pk, key), salt=salt)


class WhoSawView(SeenView):
    """Whose sockets could have received an object, when, as which audience, and why."""

    asking = AN_OBJECT

    @extend_schema(parameters=[*(OpenApiParameter(n, required=True) for n in OF_OBJECT), *MORE])
    def get(self, request: Request) -> HttpResponseBase:
        """Of an object; an id of another tenant's finds nothing, as one of none."""
        return self.answer(request)


class SeenByView(SeenView):
    """What a user's sockets could have received, when, as which audience, and why."""

    asking = A_USER

    @extend_schema(parameters=[OpenApiParameter("user", required=True), *SPAN])
    def get(self, request: Request) -> HttpResponseBase:
        """Of a user; an id of nobody here finds nothing."""
        return self.answer(request)


class ReviewAccessesView(SeenView):
    """What both of these answer: of an object, or of the user who is named."""

    def about(self) -> About:
        named = self.request.query_params.keys()
        if "user" not in named:
            return AN_OBJECT
        if beside := sorted(named & {*OF_OBJECT, "field", "etag"}):
            raise serializers.ValidationError(
                {name: ["Ask about an object or about a user, not both."] for name in beside}
            )
        return A_USER

    @extend_schema(parameters=[*(OpenApiParameter(n, str) for n in (*OF_OBJECT, "user")), *MORE])
    def get(self, request: Request) -> HttpResponseBase:
        """Of an object (`model` and `id`) or of a user (`user`)."""
        return self.answer(request)
