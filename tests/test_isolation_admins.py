"""Promise 5 for admins: whatever an admin of one tenant does touches that tenant only.

`both` is a member of acme and globex, `rival` of globex only. Acme's admin does to them whatever an
admin can do; what is globex's, and what is theirs alone, stays as it was.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

import pytest
from django.contrib.auth.models import Group
from django.urls import URLResolver, get_resolver
from django.utils import timezone
from knox.models import AuthToken
from rest_framework.test import APIClient

from project.console import tenant_data
from realtime.audit.models import Connection, Process
from tenants.models import Session, User
from tests.tenants.conftest import bearer, session_of
from tests.tenants.places import MEMBERS, Letters, url
from tests.world import World

Act = Callable[[World, APIClient], Any]


def socket_of(world: World, username: str) -> str:
    """A row of an open socket in acme, by the user's only token."""
    user = world.user(username)
    Connection.objects.create(
        id=f"socket-of-{username}",
        process=Process.objects.create(beat_at=timezone.now()),
        tenant=world.tenants["acme"],
        user_id=user.pk,
        since=timezone.now(),
        kind="token",
        key=AuthToken.objects.get(user=user).pk,
    )
    return f"/api/connections/socket-of-{username}/"


def invite_and_revoke(world: World, admin: APIClient) -> Any:
    admin.post(MEMBERS, {"username": "rival", "role": "admin"})
    return admin.delete(url(world, "rival"))


def of_profile(world: World) -> str:
    [row] = [
        row
        for row in world.rest("admin").get("/api/profiles/").json()["results"]
        if row.get("username") == "both"
    ]
    return f"/api/profiles/{row['id']}/"


SOCKET: Final = "api/^connections/(?P<pk>[^/]+)/$"
PROFILE: Final = "api/^profiles/(?P<pk>[^/]+)/$"
GRANT: Final = "api/^documents/(?P<pk>[^/]+)/grants/(?P<subject>[^/]+)/$"

ACTS: dict[str, tuple[str, Act]] = {
    "invites": (
        "api/members/",
        lambda w, a: a.post(MEMBERS, {"username": "rival", "role": "admin"}),
    ),
    "invites by another e-mail": (
        "api/members/",
        lambda w, a: a.post(MEMBERS, {"username": "rival", "email": "x@example.com"}),
    ),
    "takes an invitation back": ("api/members/<str:pk>/", invite_and_revoke),
    "promotes": ("api/members/<str:pk>/", lambda w, a: a.patch(url(w, "both"), {"role": "admin"})),
    "deactivates": (
        "api/members/<str:pk>/",
        lambda w, a: a.patch(url(w, "both"), {"is_active": False}),
    ),
    "removes": ("api/members/<str:pk>/", lambda w, a: a.delete(url(w, "both"))),
    "removes for an heir": (
        "api/members/<str:pk>/",
        lambda w, a: a.delete(f"{url(w, 'both')}?transfer_to={w.user_id('owner')}"),
    ),
    "closes": (SOCKET, lambda w, a: a.delete(socket_of(w, "both"))),
    "revokes": (SOCKET, lambda w, a: a.delete(f"{socket_of(w, 'both')}?revoke=1")),
    "titles": (PROFILE, lambda w, a: a.patch(of_profile(w), {"title": "Head"})),
    "grants": (
        GRANT,
        lambda w, a: a.put(f"{w.url}grants/user:{w.user_id('both')}/", {"audience": "editor"}),
    ),
    "leaves": ("api/tenants/<str:slug>/", lambda w, a: a.delete("/api/tenants/acme/")),
}


def untouched(world: World) -> dict[str, Any]:
    """What is globex's, and what is its people's alone."""
    people = [world.user(name).pk for name in ("both", "rival")]
    rows = {
        query.model._meta.label: list(query.values())
        for query in tenant_data.rows(world.tenants["globex"])
        # The operator may have let a group of acme see something of globex's: that is looked at.
        if query.model.__name__ not in ("AccessChange", "AccessRevision")
    }
    groups = Group.objects.filter(name__startswith=f"tenant:{world.tenants['globex'].pk}:")
    return {
        **rows,
        "users": list(User.objects.filter(pk__in=people).values()),
        "tokens": list(AuthToken.objects.filter(user__in=people).values()),
        "sessions": list(Session.objects.values()),
        "groups": list(groups.values("name", "user")),
    }


@pytest.fixture
def clients(world: World) -> list[APIClient]:
    """Of `both` by token and by session, and of `rival`."""
    browser = APIClient()
    session_of(world.user("both"), browser)
    return [bearer(world.user("both")), browser, bearer(world.user("rival"))]


@pytest.mark.parametrize("act", ACTS)
def test_admin_touches_nothing_of_another_tenant(
    world: World, clients: list[APIClient], mailoutbox: Letters, act: str
) -> None:
    admin = world.rest("admin")
    if act == "leaves":
        world.user("both").memberships.filter(tenant=world.tenants["acme"]).update(role="admin")
    before = untouched(world)
    answer = ACTS[act][1](world, admin)
    assert answer.status_code in (200, 201, 204) or act == "invites by another e-mail"
    assert untouched(world) == before
    for client in clients:
        there = client.get("/api/me/", headers={"X-Tenant": "globex"})
        assert (there.status_code, there.json()["tenant"]) == (200, "globex")
    # Who is in one tenant only need not name it, whoever invites them.
    assert clients[-1].get("/api/me/").status_code == 200


# What only its writer feels, or what makes something new.
OWN = {
    "api/login/",
    "api/logout/",
    "api/logoutall/",
    "api/session/",
    "api/token/",
    "api/password/",
    "api/password/confirm/",
    "api/password/reset/",
    "api/tickets/",
    "api/tenants/<str:slug>/accept/",
    "api/^documents/$",
    "api/^documents/(?P<pk>[^/]+)/$",
}


def writes(resolver: Any, prefix: str = "") -> Iterator[str]:
    """Every route of the API to which something can be written."""
    for pattern in resolver.url_patterns:
        route = f"{prefix}{pattern.pattern}"
        if isinstance(pattern, URLResolver):
            yield from writes(pattern, route)
            continue
        view = getattr(pattern.callback, "cls", None)
        handlers = getattr(pattern.callback, "actions", None) or dir(view)
        if view is not None and {"post", "put", "patch", "delete"} & set(handlers):
            yield route


def test_every_address_that_an_admin_writes_to_is_tried() -> None:
    """A new one is to be put among the acts, or among what only its writer feels."""
    assert set(writes(get_resolver())) == {route for route, _ in ACTS.values()} | OWN
