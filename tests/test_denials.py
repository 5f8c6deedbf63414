"""Whatever REST denies, a socket denies too: one table of denials, walked through both doors.

Parse CVE-2026-30947: the permissions of a class were asked by REST alone; the live query server was
a second way in that never did, and pushed every change to whoever subscribed. Here both doors must
deny the same, and whoever was denied must hear of no change.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission
from django.utils import timezone
from guardian.shortcuts import assign_perm
from knox.models import AuthToken
from rest_framework.test import APIClient

from resources.models import Document, Profile
from tenants import opaque
from tenants.models import Membership, Tenant, User
from tests.client import SocketClient, in_thread
from tests.world import World


@dataclass(frozen=True)
class Visit:
    """Who comes, with which token, into which tenant, for which document."""

    token: str | None
    tenant: str
    id: str

    @property
    def url(self) -> str:
        return f"/api/documents/{self.id}/"

    def rest(self) -> APIClient:
        headers = {"X-Tenant": self.tenant}
        if self.token is not None:
            headers["Authorization"] = f"Token {self.token}"
        return APIClient(headers=headers)


Denial = Callable[[World], Visit]


def misspelled(world: World) -> str:
    """A part of the document's id that decodes to the same key."""
    parts = (world.id[:length] for length in range(1, len(world.id)))
    decode = opaque._sqids("resources.document").decode
    return next(part for part in parts if decode(part) == [world.document.pk])


def visit(world: World, username: str = "member", tenant: str = "acme", id: str = "") -> Visit:
    """A visit with a good token; to the world's document, if no other id is given."""
    return Visit(world.token(username), tenant, id or world.id)


def member_with(prepare: Callable[[World], object]) -> Denial:
    """The member without a grant, after this was done."""

    def deny(world: World) -> Visit:
        prepare(world)
        return visit(world)

    return deny


def viewer_after(prepare: Callable[[World], object]) -> Denial:
    """The viewer, with a token from before this was done."""

    def deny(world: World) -> Visit:
        coming = visit(world, "viewer")
        prepare(world)
        return coming

    return deny


def with_a_grant_elsewhere(world: World) -> Visit:
    """They see the document in its own tenant, and come through their other one."""
    world.grant("both", "editor")
    return visit(world, "both", "globex")


def in_a_group_they_left(world: World) -> None:
    group = Group.objects.create(name="readers")
    assign_perm("view_document", group, world.document)
    world.user("member").groups.add(group)
    world.user("member").groups.remove(group)


def with_a_global_permission(world: World) -> None:
    for codename in ("own_document", "change_document", "view_document"):
        permission = Permission.objects.get(codename=codename, content_type__app_label="resources")
        world.user("member").user_permissions.add(permission)


def deactivate(world: World) -> None:
    User.objects.filter(username="viewer").update(is_active=False)


def expire(world: World) -> None:
    past = timezone.now() - timedelta(seconds=1)
    AuthToken.objects.filter(user=world.user("viewer")).update(expiry=past)


def memberships(world: World) -> Any:
    return Membership.objects.filter(user=world.user("viewer"), tenant=world.tenants["acme"])


NOT_FOUND: dict[str, Denial] = {
    "forbidden": visit,
    "of another tenant": lambda w: visit(w, "rival", "globex"),
    "of another tenant, where they have a grant": with_a_grant_elsewhere,
    "absent": lambda w: visit(w, "owner", id=opaque.encode(Document, 10**6)),
    "misspelled": lambda w: visit(w, "owner", id=misspelled(w)),
    "named by its key": lambda w: visit(w, "owner", id=str(w.document.pk)),
    "named as another model's": lambda w: visit(
        w, "owner", id=opaque.encode(Profile, w.document.pk)
    ),
    "to a superuser without a grant": member_with(
        lambda w: User.objects.filter(username="member").update(is_superuser=True)
    ),
    "to a holder of global permissions": member_with(with_a_global_permission),
    "to a holder of a permission that shows nothing": member_with(
        lambda w: assign_perm("delete_document", w.user("member"), w.document)
    ),
    "to a reader of another document": member_with(
        lambda w: w.grant("member", "owner", w.create(title="Another"))
    ),
    "to one who left the group that sees it": member_with(in_a_group_they_left),
    "to one whose grant was taken": viewer_after(lambda w: w.revoke("viewer")),
    "deleted": viewer_after(lambda w: Document.objects.filter(tenant=w.tenants["acme"]).delete()),
}

NO_CREDENTIAL: dict[str, Denial] = {
    "no token": lambda w: replace(visit(w), token=None),
    "a wrong token": lambda w: replace(visit(w), token="wrong"),
    "a revoked token": viewer_after(lambda w: AuthToken.objects.all().delete()),
    "an expired token": viewer_after(expire),
    "the token of a deactivated user": viewer_after(deactivate),
    "the token of a deleted user": viewer_after(lambda w: w.user("viewer").delete()),
    "a token from before the password changed": viewer_after(
        lambda w: User.objects.filter(username="viewer").update(password="!")
    ),
}

NO_PLACE: dict[str, Denial] = {
    "foreign tenant": lambda w: visit(w, "owner", "globex"),
    "unknown tenant": lambda w: visit(w, "owner", "nowhere"),
    "suspended tenant": viewer_after(
        lambda w: Tenant.objects.filter(slug="acme").update(is_active=False)
    ),
    "inactive membership": viewer_after(lambda w: memberships(w).update(is_active=False)),
    "removed membership": viewer_after(lambda w: memberships(w).delete()),
    "no membership at all": lambda w: visit(w, "nobody"),
}


def answers(coming: Visit) -> set[tuple[int, str]]:
    """What REST says to reading, changing and deleting the document."""
    rest = coming.rest()
    given = (
        rest.get(coming.url),
        rest.patch(coming.url, {"title": "Mine"}, format="json"),
        rest.delete(coming.url),
    )
    return {(answer.status_code, answer.json()["code"]) for answer in given}


def write_everywhere(world: World) -> None:
    """Change every document there is, in all that anybody sees."""
    for document in Document.objects.across_tenants():
        document.title, document.status = "Changed", "published"
        document.save()


@pytest.mark.parametrize("deny", NOT_FOUND.values(), ids=NOT_FOUND)
async def test_a_document_denied_to_rest_is_denied_to_the_socket_and_stays_silent(
    world: World, deny: Denial
) -> None:
    coming = await in_thread(deny)(world)
    assert await in_thread(answers)(coming) == {(404, "not_found")}
    async with SocketClient(coming.token, coming.tenant) as socket:
        answer = await socket.subscribe(coming.id)
        assert (answer["type"], answer["code"]) == ("ERROR", "not_found")
        await in_thread(write_everywhere)(world)
        assert await socket.settle() == []


DOORS = {
    **{name: (deny, 401, "not_authenticated", 4401) for name, deny in NO_CREDENTIAL.items()},
    **{name: (deny, 403, "tenant_forbidden", 4403) for name, deny in NO_PLACE.items()},
    "several tenants and none named": (
        lambda w: visit(w, "both", ""), 400, "tenant_required", 4400,
    ),
}  # fmt: skip


@pytest.mark.parametrize(("deny", "status", "code", "close"), DOORS.values(), ids=DOORS)
async def test_who_is_denied_by_rest_is_closed_by_the_socket_with_the_code_of_that(
    world: World, deny: Denial, status: int, code: str, close: int
) -> None:
    coming = await in_thread(deny)(world)
    assert await in_thread(answers)(coming) == {(status, code)}
    async with SocketClient(coming.token, coming.tenant) as socket:
        await socket.send({"model": "resources.document", "id": coming.id})
        assert await socket.receive() == {"close": close}
        assert socket.frames == []


async def test_a_model_that_rest_does_not_know_cannot_be_subscribed_to(world: World) -> None:
    """Users, tenants and permission tables have no address and no audience."""
    coming = await in_thread(visit)(world, "owner")
    names = (
        "earshot_tenants.user",
        "earshot_tenants.tenant",
        "resources.documentusergrant",
        "auth.group",
    )
    async with SocketClient(coming.token) as socket:
        for name in names:
            path = f"/api/{name.split('.')[1]}s/{coming.id}/"
            nothing = 405 if name == "earshot_tenants.tenant" else 404  # a tenant can only be left
            assert (await in_thread(coming.rest().get)(path)).status_code == nothing
            assert (await socket.subscribe(coming.id, name))["code"] == "invalid"
