"""Promise 5, walked: every address and every frame, by whoever is not of the tenant.

Each address stands in `TABLE`, with what it may be asked about: pairs of something of acme and of
something that does not exist. Their answers must be equal, byte for byte. A new address that is not
in the table fails; so does a new frame. To add one, write its route, as the failure spells it, and
its pairs.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from django.contrib.auth.tokens import default_token_generator
from django.core.cache import cache
from django.urls import URLResolver, get_resolver
from django.utils import timezone
from rest_framework.test import APIClient

from permissions.audiences import registry
from project.console import tenant_data
from realtime.commands import SERIALIZERS
from realtime.outbox import outbox
from realtime.records import Connection, Process
from resources.models import Document, Profile
from tenants import mail, opaque
from tenants.models import Membership, Tenant, User
from tests.client import SocketClient, connect, in_thread, subscribed
from tests.world import World

METHODS = ("get", "head", "options", "post", "put", "patch", "delete")
CANARY = "for the eyes of acme only"
SOCKET = "the-socket-of-acme"
NONE = 10**6


@dataclass(frozen=True)
class Ask:
    """One request: its path, its body, and the ids in them."""

    path: str
    body: Any = None
    ids: tuple[str, ...] = ()


Pair = tuple[Ask, Ask]


@dataclass
class Scene:
    """Acme and globex, whose rows were made in turns: acme's stand between globex's."""

    world: World
    documents: dict[str, list[Document]] = field(default_factory=dict)
    clients: dict[str, APIClient] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for _ in range(3):
            for slug, owner in (("globex", "rival"), ("acme", "owner")):
                body = CANARY if slug == "acme" else "Text"
                document = self.world.create(slug, owner, title="Plan", body=body)
                self.documents.setdefault(slug, []).append(document)
        User.objects.filter(username="owner").update(first_name=CANARY)
        profile = self.world.profile("owner")
        profile.display_name, profile.bio = CANARY, CANARY
        profile.save()
        assert outbox.flush()  # the documents that show it follow
        now = timezone.now()
        Connection.objects.create(
            id=SOCKET,
            process=Process.objects.create(beat_at=now),
            tenant=self.world.tenants["acme"],
            user_id=self.world.user("owner").pk,
            since=now,
        )

    def id(self, model: type[Any], mine: int | None = None) -> str:
        return opaque.encode(model, NONE if mine is None else mine)

    def member(self, username: str, tenant: str) -> Membership:
        place = {"tenant": self.world.tenants[tenant], "user": self.world.user(username)}
        return Membership.objects.get(**place)

    def pairs(self, model: type[Any], keys: list[int], path: str, body: Any = None) -> list[Pair]:
        """The path with `{id}` for each of the keys, and for one that does not exist."""
        absent = self.id(model)
        return [
            (Ask(path.format(id=id), body, (id,)), Ask(path.format(id=absent), body, (absent,)))
            for id in (self.id(model, key) for key in keys)
        ]

    def of_documents(self, path: str = "", body: Any = None) -> list[Pair]:
        keys = [self.world.document.pk, self.documents["acme"][1].pk]
        return self.pairs(Document, keys, f"/api/documents/{{id}}/{path}", body)

    def grants(self) -> list[Pair]:
        """Grants of acme's documents, and grants of globex's to acme's people."""
        whom = f"grants/user:{self.world.user_id('rival')}/"
        audience = {"audience": "viewer"}
        own = self.id(Document, self.documents["globex"][0].pk)
        people = [self.world.user(name).pk for name in ("owner", "viewer")]
        path = f"/api/documents/{own}/grants/user:{{id}}/"
        mine = self.pairs(User, people, path, audience)
        return [*self.of_documents(whom, audience), *mine]

    def members(self) -> list[Pair]:
        """Acme's memberships, and its people as heirs of globex's."""
        role = {"role": "admin", "is_active": False}
        keys = [self.member(name, "acme").pk for name in ("owner", "admin", "both")]
        own = self.id(Membership, self.member("both", "globex").pk)
        people = [self.world.user(name).pk for name in ("owner", "admin")]
        heirs = self.pairs(User, people, f"/api/members/{own}/?transfer_to={{id}}", {"id": "x"})
        return [*self.pairs(Membership, keys, "/api/members/{id}/", role), *heirs]

    def profiles(self) -> list[Pair]:
        keys = [self.world.profile(name).pk for name in ("owner", "admin", "both")]
        return self.pairs(Profile, keys, "/api/profiles/{id}/", {"title": "X", "bio": "X"})

    def links(self) -> list[Pair]:
        """A link that is good for one of globex is good for nobody of acme."""
        token = default_token_generator.make_token(self.world.user("rival"))
        more = {"token": token, "new": "a long enough phrase"}
        keys = [self.world.user(name).pk for name in ("owner", "viewer")]
        return [
            (Ask(path.path, more | {"user": real}, (real,)), Ask(path.path, more | {"user": none}))
            for path, _ in self.pairs(User, keys, "/api/password/confirm/")
            for real, none in [(path.ids[0], self.id(User))]
        ]

    def connections(self) -> list[Pair]:
        """An open socket of acme's, and none."""
        real, absent = (
            Ask(f"/api/connections/{id}/?revoke=1", ids=(id,)) for id in (SOCKET, "absent")
        )
        return [(real, absent)]

    @staticmethod
    def ledgers(name: str) -> Callable[[Scene], list[Pair]]:
        """A ledger, narrowed to a user and to a document of acme's."""

        def narrowed(scene: Scene) -> list[Pair]:
            url = f"/api/ledger/{name}/"
            of_object = f"{url}?model=resources.document&id={{id}}"
            return [
                *scene.pairs(User, [scene.world.user("owner").pk], f"{url}?user={{id}}"),
                *scene.pairs(Document, [scene.world.document.pk], of_object),
            ]

        return narrowed

    def admin(self, route: str) -> list[Pair]:
        """Every page of the operator, with acme's keys as they are stored in all its places."""
        hole = r"<(?:\w+:)?(\w+)>|\(\?P<(\w+)>[^)]*\)"
        plain = route.replace("^", "").replace("$", "")
        real, absent = (re.sub(hole, str(key), plain) for key in (self.world.document.pk, NONE))
        return [(Ask(f"/{real}"), Ask(f"/{absent}"))]


def alone(path: str, body: Any = None) -> Callable[[Scene], list[Pair]]:
    """An address that names nothing: it only must not tell of acme."""
    return lambda scene: [(Ask(path, body), Ask(path, body))]


def emails(scene: Scene) -> list[Pair]:
    """An e-mail of acme's, and nobody's."""
    path = "/api/password/reset/"
    names = ("owner@example.com", "nobody@example.com")
    real, absent = (Ask(path, {"email": email}, (email,)) for email in names)
    return [(real, absent)]


def logins(scene: Scene) -> list[Pair]:
    """A username of acme's, and nobody's."""
    real, absent = (
        Ask("/api/login/", {"username": name, "password": "wrong"}) for name in ("owner", "nobody")
    )
    return [(real, absent)]


TABLE: dict[str, Callable[[Scene], list[Pair]]] = {
    "": alone("/"),
    "healthz": alone("/healthz"),
    "readyz": alone("/readyz"),
    "metrics": alone("/metrics"),
    "password/": alone("/password/"),
    "api/schema/": alone("/api/schema/"),
    "api/docs/": alone("/api/docs/"),
    "api/login/": logins,
    "api/logout/": alone("/api/logout/"),
    "api/logoutall/": alone("/api/logoutall/"),
    "api/me/": alone("/api/me/"),
    "api/members/": alone("/api/members/", {"username": "rival"}),
    "api/members/<str:pk>/": Scene.members,
    "api/password/": alone("/api/password/", {"old": "wrong", "new": "x"}),
    "api/password/confirm/": Scene.links,
    "api/password/reset/": emails,
    "api/^connections/$": alone("/api/connections/"),
    "api/^connections/(?P<pk>[^/]+)/$": Scene.connections,
    "api/ledger/accesses/": Scene.ledgers("accesses"),
    "api/ledger/pushes/": Scene.ledgers("pushes"),
    "api/tenants/": alone("/api/tenants/"),
    "api/tickets/": alone("/api/tickets/"),
    "api/^documents/$": alone("/api/documents/?page_size=100", {"title": ""}),
    "api/^documents/(?P<pk>[^/]+)/$": lambda s: s.of_documents(body={"title": "X"}),
    "api/^documents/(?P<pk>[^/]+)/grants/$": lambda s: s.of_documents("grants/"),
    "api/^documents/(?P<pk>[^/]+)/grants/(?P<subject>[^/]+)/$": Scene.grants,
    "api/^profiles/$": alone("/api/profiles/"),
    "api/^profiles/me/$": alone("/api/profiles/me/"),
    "api/^profiles/(?P<pk>[^/]+)/$": Scene.profiles,
}

FRAMES: dict[str, dict[str, Any]] = {
    "ping": {},
    "subscribe": {"model": "resources.document"},
    "unsubscribe": {"model": "resources.document"},
}


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


@pytest.fixture
def scene(world: World, settings: Any) -> Scene:
    most = {"requests_per_minute": 10**6, "invitations_per_minute": 10**6}
    settings.EARSHOT = settings.EARSHOT | most
    return Scene(world)


# Who walks: each of the other tenant, there and at acme's door, and nobody.
STRANGERS: dict[str, tuple[str | None, str]] = {
    "rival": ("rival", "globex"),
    "both in globex": ("both", "globex"),
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

    When `both` logs out, his standing in acme is looked at too: that much is rightly logged there.
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
    "api/docs/",
    "admin/login/",
    "admin/jsi18n/",
}
WITHOUT_A_TENANT = {
    f"api/{name}/"
    for name in (
        "login", "logout", "logoutall", "password", "password/confirm", "password/reset", "tenants",
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
    assert ([document["id"] for document in body["results"]], body["count"]) == (mine, 3)
    for path, count in [("/api/members/", 2), ("/api/profiles/", 2)]:
        body = ask(scene, "rival", "get", Ask(path)).json()
        assert (body["count"], len(body["results"])) == (count, count)


# The socket.


def test_every_frame_is_in_the_table() -> None:
    assert set(FRAMES) == set(SERIALIZERS)


def test_every_resource_is_walked() -> None:
    assert {resource.label for resource in registry} == {label(Document), label(Profile)}


def label(model: type[Any]) -> str:
    return str(model._meta.label_lower)


@pytest.mark.parametrize("username", ["rival", "both"])
async def test_no_frame_tells_a_stranger_acmes_from_nothing(scene: Scene, username: str) -> None:
    pairs = await in_thread(
        lambda: [
            (model, [scene.id(model, key), scene.id(model)])
            for model, key in [
                (Document, scene.world.document.pk),
                *((Document, document.pk) for document in scene.documents["acme"]),
                (Profile, scene.world.profile("owner").pk),
                (Profile, scene.world.profile("both").pk),
            ]
        ]
    )()
    async with await in_thread(connect)(scene.world, username, "globex") as socket:
        assert (await socket.receive())["type"] == "WELCOME"
        for action in SERIALIZERS:
            for model, ids in pairs:
                target = {"model": label(model)} if FRAMES[action] else {}
                real, absent = [await answer(socket, action, target, id) for id in ids]
                assert real == absent
                assert CANARY not in real


async def answer(socket: SocketClient, action: str, target: dict[str, Any], id: str) -> str:
    """What comes of one frame, without the id that it names."""
    more = {**target, "id": id} if target else {}
    await socket.send({"action": action, "ref": 1, **more})
    return json.dumps(await socket.receive()).replace(id, "*")


@pytest.mark.parametrize(
    ("username", "tenant", "code"),
    [("rival", "acme", 4403), ("rival", "nowhere", 4403), (None, "acme", 4401)],
)
async def test_stranger_at_the_sockets_door_gets_a_code_and_no_frame(
    scene: Scene, username: str | None, tenant: str, code: int
) -> None:
    token = None if username is None else await in_thread(scene.world.token)(username)
    async with SocketClient(token, tenant) as socket:
        assert await socket.receive() == {"close": code}


async def test_whatever_happens_in_acme_sends_the_other_tenant_nothing(scene: Scene) -> None:
    world = scene.world

    def everything() -> None:
        world.write(title=CANARY)
        world.grant("member", "viewer")
        world.grant("viewer", "editor")
        world.revoke("editor")
        profile = world.profile("both")
        profile.display_name = CANARY
        profile.save()
        Membership.objects.filter(pk=scene.member("viewer", "acme").pk).update(is_active=False)
        world.document.delete()
        Tenant.objects.filter(slug="acme").update(is_active=False)

    mine = opaque.encode(Document, scene.documents["globex"][0].pk)
    async with (
        subscribed(world, "viewer") as viewer,
        await in_thread(connect)(world, "rival", "globex") as rival,
        await in_thread(connect)(world, "both", "globex") as both,
    ):
        assert (await rival.subscribe(mine))["type"] == "SUBSCRIBED"
        await both.settle()
        await in_thread(everything)()
        assert (await viewer.settle())[-1] == {"close": 4403}
        assert await rival.settle() == []
        assert await both.settle() == []
