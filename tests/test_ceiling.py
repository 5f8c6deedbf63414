"""Nobody gives themselves more than they may see: every address that writes a grant or a holder's
column, everybody who comes, to whom: against the rule as docs/protocol.md says it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from typing import Any

import pytest
from django.db import transaction
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.response import Response
from rest_framework.test import APIClient, APIRequestFactory, force_authenticate

from permissions import ceiling, decision
from permissions.audiences import registry
from permissions.ceiling import SYSTEM, Actor
from resources.documents.audiences import DOCUMENTS
from resources.documents.views import DocumentViewSet
from resources.models import Document
from tenants.models import Membership, User
from tests.tenants.places import url as member_url
from tests.world import World

ABOVE, BELOW = "viewer", "auditor"
"""The audiences just above an admin's ceiling, and just below it."""
ACTORS = {
    "owner": "member", "editor": "member", "auditing member": "member",
    "admin": "admin", "editing admin": "admin", "owning admin": "admin", "both": "member",
}  # fmt: skip
GIVES_ALL = {"owner", "owning admin"}
GIVES_OTHERS = {"admin", "editing admin"}


@pytest.fixture
def town(db: None) -> World:
    """The world, with everybody who may come; `both` sees nothing of the document."""
    world = World()
    for username in ("auditing member", "editing admin", "owning admin"):
        role, audience = ACTORS[username], {"a": "auditor", "e": "editor", "o": "owner"}
        user = world.users[username] = User.objects.create(username=username)
        Membership.objects.create(tenant=world.tenants["acme"], user=user, role=role)
        world.grant(username, audience[username[0]])
    return world


@pytest.fixture
def clients(town: World) -> dict[str, APIClient]:
    return {name: town.rest(name) for name in ACTORS}


def rule(actor: str, to_self: bool, audience: str) -> int:
    """What the answer must be: as the document says it, not as the code decides it."""
    if actor == "both":
        return 404
    if actor in GIVES_ALL:
        return 200
    if actor in GIVES_OTHERS:
        return 200 if audience == BELOW or not to_self else 403
    return 403


def audience_of(town: World, username: str, document: Document | None = None) -> str | None:
    pair = (town.user(username).pk, (document or town.document).pk)
    found = decision.audiences(DOCUMENTS, town.tenants["acme"].pk, [pair])[pair]
    return found.name if found else None


class undone:  # noqa: N801 - used like a function
    """A block whose writes are taken back, so that each case begins from the same world."""

    def __enter__(self) -> None:
        self.block = transaction.atomic()
        self.block.__enter__()

    def __exit__(self, *exc: Any) -> None:
        transaction.set_rollback(True)
        self.block.__exit__(*exc)


def test_a_grant_over_rest_is_below_the_ceiling(town: World, clients: Any) -> None:
    wrong = []
    for actor, target, audience in product(
        ACTORS, ("self", "role", "other", "admins"), (ABOVE, BELOW)
    ):
        role = ACTORS[actor]
        subject = {
            "self": f"user:{town.user_id(actor)}",
            "role": f"role:{role}",
            "other": f"user:{town.user_id('member')}",
            "admins": "role:admin",
        }[target]
        to_self = target in ("self", "role") or (target == "admins" and role == "admin")
        before = audience_of(town, actor)
        with undone():
            answer = clients[actor].put(f"{town.url}grants/{subject}/", {"audience": audience})
            code, after = answer.status_code, audience_of(town, actor)
        expected = rule(actor, to_self, audience)
        if (actor, target) == ("owner", "self"):
            expected = 409  # less than whose it is gives
        if code != expected or (code != 200 and after != before):
            wrong.append((actor, target, audience, code, after))
    assert wrong == []


def remove(town: World, client: APIClient, username: str, heir: str) -> int:
    path = f"{member_url(town, username)}?transfer_to={town.user_id(heir)}"
    status: int = client.delete(path).status_code
    return status


def test_a_transfer_gives_nobody_more_than_a_grant_could(town: World, clients: Any) -> None:
    other = town.create()
    wrong = []
    for actor, heir in product(sorted(ACTORS.keys() - {"owner"}), ("self", "viewer")):
        to = actor if heir == "self" else heir
        with undone():
            code = remove(town, clients[actor], "owner", to)
            owns = {audience_of(town, to, document) for document in (other, town.document)}
        allowed = ACTORS[actor] == "admin" and heir == "viewer"
        if code != (204 if allowed else 403) or (owns == {"owner"}) is not allowed:
            wrong.append((actor, heir, code, owns))
    assert wrong == []


def test_a_transfer_to_oneself_is_of_what_one_owns_already(town: World, clients: Any) -> None:
    with undone():
        assert remove(town, clients["owning admin"], "owner", "owning admin") == 204
    other = town.create()
    assert remove(town, clients["owning admin"], "owner", "owning admin") == 403
    other.refresh_from_db()
    assert (other.owner, Membership.objects.filter(user=town.user("owner")).exists()) == (
        town.user("owner"),
        True,
    )


@pytest.mark.usefixtures("declared_again")
def test_who_sees_nothing_of_an_object_hands_it_to_nobody(town: World, clients: Any) -> None:
    """Where admins see nothing by their role: what they could not grant they cannot transfer."""
    registry.register(replace(DOCUMENTS, roles={}))
    assert remove(town, clients["admin"], "owner", "viewer") == 403
    assert audience_of(town, "viewer") == "viewer"


OPEN = replace(
    DOCUMENTS,
    audiences=tuple(
        replace(
            audience,
            serializer=type(
                f"Open{audience.serializer.__name__}",
                (audience.serializer,),
                {
                    "owner": serializers.SlugRelatedField(
                        "username", queryset=User.objects.all(), required=False
                    ),
                    "Meta": type(
                        "Meta",
                        (audience.serializer.Meta,),
                        {"fields": (*audience.serializer.Meta.fields, "owner")},
                    ),
                },
            ),
            writes=("title", "owner"),
        )
        for audience in DOCUMENTS.audiences
    ),
)
"""Documents as somebody else could declare them: whoever sees one may write whose it is."""


class OpenViewSet(DocumentViewSet):
    """Besides, with actions that write the column each in its own way."""

    resource = OPEN

    @action(detail=True, methods=["post"])
    def saved(self, request: Any, pk: str) -> Response:
        document = self.locked(pk)
        document.owner = User.objects.get(username=request.data["owner"])
        document.save()
        return Response()

    @action(detail=True, methods=["post"])
    def updated(self, request: Any, pk: str) -> Response:
        owner = User.objects.get(username=request.data["owner"])
        self.get_queryset().filter(pk=self.find(pk)).update(owner=owner)
        return Response()

    @action(detail=True, methods=["post"])
    def bulk(self, request: Any, pk: str) -> Response:
        document = self.locked(pk)
        document.owner = User.objects.get(username=request.data["owner"])
        self.get_queryset().bulk_update([document], ["owner"])
        return Response()


WRITES = {
    "patch": ("patch", "partial_update"),
    "put": ("put", "update"),
    "saved": ("post", "saved"),
    "updated": ("post", "updated"),
    "bulk": ("post", "bulk"),
}


@pytest.fixture
def declared_again() -> Iterator[None]:
    """The documents are declared as they were, after the test."""
    yield
    registry.register(DOCUMENTS)


@pytest.fixture
def opened(declared_again: None) -> None:
    registry.register(OPEN)


@pytest.mark.usefixtures("opened")
@pytest.mark.parametrize("write", WRITES)
def test_a_holders_column_is_written_below_the_ceiling(town: World, write: str) -> None:
    method, name = WRITES[write]
    view = OpenViewSet.as_view({method: name})
    wrong = []
    for actor, target in product(ACTORS, ("self", "member")):
        to = actor if target == "self" else target
        request = getattr(APIRequestFactory(), method)(
            "/", {"title": "T", "owner": to}, format="json", headers={"X-Tenant": "acme"}
        )
        force_authenticate(request, town.user(actor))
        with undone():
            code = view(request, pk=town.id).status_code
            owns = code == 200 and audience_of(town, to)
        expected = rule(actor, target == "self", "owner")
        if actor == "both" and name not in ("partial_update", "update"):
            expected = 403  # an action that does not look who sees the object
        if code != expected or owns not in (False, "owner"):
            wrong.append((actor, target, code, owns))
    assert wrong == []
    assert ceiling.current() == SYSTEM


@pytest.mark.usefixtures("opened")
def test_who_creates_an_object_says_whose_it_is(town: World) -> None:
    view = OpenViewSet.as_view({"post": "create"})
    request = APIRequestFactory().post(
        "/", {"title": "T"}, format="json", headers={"X-Tenant": "acme"}
    )
    force_authenticate(request, town.user("admin"))
    answer = view(request)
    assert (answer.status_code, answer["X-Audience"]) == (201, "owner")


def test_nobody_acts_before_the_requester_is_known(town: World) -> None:
    class Curious(OpenViewSet):
        def initialize_request(self, request: Any, *args: Any, **kwargs: Any) -> Any:
            seen.append(ceiling.current())
            return super().initialize_request(request, *args, **kwargs)

        def retrieve(self, request: Any, pk: str) -> Response:
            seen.append(ceiling.current())
            return Response()

    seen: list[Actor] = []
    request = APIRequestFactory().get("/", headers={"X-Tenant": "acme"})
    force_authenticate(request, town.user("admin"))
    Curious.as_view({"get": "retrieve"})(request, pk=town.id)
    assert seen == [Actor(None), Actor(town.user("admin").pk)]
