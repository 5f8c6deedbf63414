"""Promise 5, walked: every address, by whoever is not of the tenant.

Each address stands in the table of `tests/neighbours.py`; what it says of something of acme and of
something that does not exist must be equal, byte for byte. A new address that is not there fails.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.core.cache import cache
from django.urls import URLResolver, get_resolver
from rest_framework.test import APIClient

from project.console import tenant_data
from resources.models import Document, Profile
from tenants import mail, opaque
from tenants.models import Membership, Tenant
from tests.neighbours import CANARY, SOCKET, TABLE, Ask, Pair, Scene

METHODS = ("get", "head", "options", "post", "put", "patch", "delete")


def routes(resolver: Any, prefix: str = "") -> Iterator[str]:
    """Every route of the project, as its patterns spell it."""
    for pattern in resolver.url_patterns:
        route = f"{prefix}{pattern.pattern}"
        if isinstance(pattern, URLResolver):
            yield from routes(pattern, route)
        else:
            yield route


ROUTES = sorted(set(routes(get_resolver())))


def asks(scene: Scene, route: str) -> list[Pair]:
    return scene.admin(route) if route.startswith("admin/") else TABLE[route](scene)


# Who walks: each of the other tenant, there and at acme's door, and nobody.
STRANGERS: dict[str, tuple[str | None, str]] = {
    "rival": ("rival", "globex"),
    "both in globex": ("both", "globex"),
    "reviewer in globex": ("watcher", "globex"),
    "rival at acme's door": ("rival", "acme"),
    "anonymous": (None, "acme"),
}


def ask(scene: Scene, stranger: str, method: str, what: Ask) -> Any:
    """One request; some end the token that they come with, so the next one has its own."""
    cache.clear()
    username, tenant = STRANGERS[stranger]
    if stranger not in scene.clients:
        client = APIClient() if username is None else scene.world.rest(username, tenant)
        scene.clients[stranger] = client
    client = scene.clients[stranger]
    if "logout" in what.path:
        del scene.clients[stranger]
    answer = getattr(client, method)(what.path, what.body)
    mail.flush()
    return answer


def shown(answer: Any, what: Ask) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body, without the ids that were asked about and the moment."""
    body: bytes = answer.content
    headers = {name: text for name, text in answer.items() if name not in ("Date", "Expires")}
    headers["Set-Cookie"] = " ".join(sorted(answer.cookies))
    for id in (*what.ids, what.path):
        body = body.replace(id.encode(), b"*")
        headers = {name: text.replace(id, "*") for name, text in headers.items()}
    return answer.status_code, headers, body


def acme(stranger: str) -> dict[str, Any]:
    """Everything that is acme's, as it is stored.

    When `both` logs out, their standing in acme is looked at too: that much is rightly logged.
    """
    tenant = Tenant.objects.get(slug="acme")
    logs = ("AccessChange", "AccessRevision") if stranger.startswith("both") else ()
    found = {
        rows.model._meta.label: list(rows.values())
        for rows in tenant_data.rows(tenant)
        if rows.model.__name__ not in logs
    }
    people = [user for user in tenant_data.members(tenant).values() if user["username"] != "both"]
    return {**found, "users": [{**user, "last_login": None} for user in people]}


def secrets(scene: Scene) -> list[bytes]:
    """What no answer to a stranger may hold: texts, and ids of what is acme's alone."""
    keys = [*(d.pk for d in scene.documents["acme"]), scene.world.document.pk]
    ids = [opaque.encode(Document, key) for key in keys]
    ids += [scene.world.user_id(name) for name in ("owner", "editor", "viewer", "admin", "member")]
    ids += [opaque.encode(Profile, scene.world.profile("owner").pk)]
    ids += [opaque.encode(Membership, scene.member("owner", "acme").pk)]
    return [text.encode() for text in (*ids, CANARY, SOCKET, "owner@example.com")]


def test_every_address_is_in_the_table() -> None:
    known = {route for route in ROUTES if route.startswith("admin/")} | set(TABLE)
    assert set(ROUTES) == known


# What looks at no tenant. All else refuses whoever comes to the wrong one.
OPEN = {
    "",
    "healthz",
    "readyz",
    "metrics",
    "password/",
    "api/schema/",
    "api/asyncapi.json",
    "api/docs/",
    "api/docs/socket/",
    "api/docs/errors/",
    "api/docs/errors/<str:code>/",
    "admin/login/",
    "admin/jsi18n/",
}
WITHOUT_A_TENANT = {
    f"api/{name}/"
    for name in (
        "login", "logout", "logoutall", "password", "password/confirm", "password/reset", "session",
        "tenants", "tenants/<str:slug>", "tenants/<str:slug>/accept", "token",
    )
}  # fmt: skip


def check_door(route: str, method: str, stranger: str, answer: Any) -> None:
    """Assert that who does not belong here is refused, before anything is looked at."""
    if route in OPEN | WITHOUT_A_TENANT:
        return
    if route.startswith("admin/"):
        assert answer.status_code == 302, (route, method)
        assert answer["Location"].startswith("/admin/"), (route, method)
    elif stranger == "anonymous":
        assert answer.status_code == 401, (route, method)
        assert method == "head" or answer.json()["code"] == "not_authenticated"
    elif stranger == "rival at acme's door":
        assert answer.status_code == 403, (route, method)
        assert method == "head" or answer.json()["code"] == "tenant_forbidden"


@pytest.mark.parametrize("stranger", STRANGERS)
def test_no_address_tells_a_stranger_acmes_from_nothing(scene: Scene, stranger: str) -> None:
    before, hidden = acme(stranger), secrets(scene)
    for route in ROUTES:
        for real, absent in asks(scene, route):
            for method in METHODS:
                answer = ask(scene, stranger, method, real)
                assert [text for text in hidden if text in answer.content] == [], (route, method)
                check_door(route, method, stranger, answer)
                if real != absent:
                    none = ask(scene, stranger, method, absent)
                    assert shown(answer, real) == shown(none, absent), (route, method, real.path)
    assert acme(stranger) == before


def test_lists_hold_what_is_ones_own_and_nothing_between(scene: Scene) -> None:
    """Titles are the same and keys alternate: only the tenant tells them apart."""
    mine = [opaque.encode(Document, d.pk) for d in reversed(scene.documents["globex"])]
    body = ask(scene, "rival", "get", Ask("/api/documents/")).json()
    assert [document["id"] for document in body["results"]] == mine
    assert ([row["id"] for row in body["rows"]], body["more"]) == (mine, False)
    assert len(ask(scene, "rival", "get", Ask("/api/profiles/")).json()["results"]) == 3
    body = ask(scene, "rival", "get", Ask("/api/members/")).json()
    assert (body["count"], len(body["results"])) == (3, 3)
