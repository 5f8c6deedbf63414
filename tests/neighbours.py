"""Acme and globex, and what each address may be asked about by whoever is not of acme.

`TABLE` has pairs of something of acme and of something that does not exist, whose answers must be
equal. To add an address, write its route, as the failure of `test_isolation_walk.py` spells it, and
its pairs.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from django.contrib.auth.tokens import default_token_generator
from django.utils import timezone
from rest_framework.test import APIClient

from realtime.audit.models import Connection, Process
from resources.models import Document, Profile
from tenants import opaque
from tenants.models import Membership, Role, Tenant, User
from tests import given
from tests.announced import announced
from tests.world import World

CANARY = "for the eyes of acme only"
given.note(CANARY)
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
        announced()  # the documents that show it follow
        for slug in ("initech", "closed", "left"):
            self.elsewhere(slug)
        self.world.appoint("watcher", "globex")
        now = timezone.now()
        Connection.objects.create(
            id=SOCKET,
            process=Process.objects.create(beat_at=now),
            tenant=self.world.tenants["acme"],
            user_id=self.world.user("owner").pk,
            since=now,
        )

    def elsewhere(self, slug: str) -> None:
        """A tenant where the strangers are not, not any more, or not while it is suspended."""
        tenant = Tenant.objects.create(slug=slug, name=CANARY)
        place = {"tenant": tenant, "is_active": slug == "closed"}
        Membership.objects.create(tenant=tenant, user=self.world.user("owner"), role=Role.ADMIN)
        if slug != "initech":
            Membership.objects.create(user=self.world.user("both"), **place)
            Membership.objects.create(user=self.world.user("rival"), role=Role.ADMIN, **place)
        if slug == "closed":
            Membership.objects.filter(user=self.world.user("both"), tenant=tenant).update(
                is_active=False, invited_at=timezone.now()
            )
            Tenant.objects.filter(pk=tenant.pk).update(is_active=False)

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

    @staticmethod
    def places(path: str) -> Callable[[Scene], list[Pair]]:
        """Tenants where no stranger is, or whose door is closed: no member may be asked to go."""

        def pairs(scene: Scene) -> list[Pair]:
            slugs, none = ("initech", "closed", "left"), Ask(path.format("unknown"))
            return [(Ask(path.format(slug), ids=(slug,)), none) for slug in slugs]

        return pairs

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

    def explained(self) -> list[Pair]:
        """Why somebody of globex sees something of acme's, and somebody of acme's of globex's."""
        what = "/api/review/explain/?model=resources.document"
        rival, own = self.world.user("rival").pk, self.documents["globex"][0].pk
        theirs = f"{what}&user={self.id(User, rival)}&id={{id}}"
        mine = f"{what}&id={self.id(Document, own)}&user={{id}}"
        return [
            *self.pairs(Document, [self.world.document.pk], theirs),
            *self.pairs(User, [self.world.user("owner").pk], mine),
        ]

    def supposed(self) -> list[Pair]:
        """What a change of acme's document, or of who is in acme, would do."""
        what = "/api/review/what-if/?change="
        grant = f"{what}grant&role=member&audience=viewer&model=resources.document&id={{id}}"
        return [
            *self.pairs(Document, [self.world.document.pk], grant),
            *self.pairs(User, [self.world.user("owner").pk], f"{what}join&user={{id}}"),
            *self.pairs(User, [self.world.user("owner").pk], f"{what}leave&user={{id}}"),
        ]

    def seen_by(self) -> list[Pair]:
        """What somebody of acme's saw."""
        return self._asking_of_owner("seen-by")

    def who_saw(self) -> list[Pair]:
        """Who saw something of acme's."""
        return self._asking_of_document("who-saw")

    def both(self) -> list[Pair]:
        """The same of the address that answers both."""
        return [*self._asking_of_owner("accesses"), *self._asking_of_document("accesses")]

    def _asking_of_owner(self, name: str) -> list[Pair]:
        path = f"/api/review/{name}/?user={{id}}"
        return self.pairs(User, [self.world.user("owner").pk], path)

    def _asking_of_document(self, name: str) -> list[Pair]:
        path = f"/api/review/{name}/?model=resources.document&id={{id}}"
        return self.pairs(Document, [self.world.document.pk], path)

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
    "api/asyncapi.json": alone("/api/asyncapi.json"),
    "api/docs/": alone("/api/docs/"),
    "api/docs/socket/": alone("/api/docs/socket/"),
    "api/docs/errors/": alone("/api/docs/errors/"),
    "api/docs/errors/<str:code>/": alone("/api/docs/errors/not_found/"),
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
    "api/review/accesses/": Scene.both,
    "api/review/explain/": Scene.explained,
    "api/review/payloads/": alone("/api/review/payloads/"),
    "api/review/what-if/": Scene.supposed,
    "api/review/seen-by/": Scene.seen_by,
    "api/review/who-saw/": Scene.who_saw,
    "api/tenants/": alone("/api/tenants/"),
    "api/tenants/<str:slug>/": Scene.places("/api/tenants/{}/"),
    "api/tenants/<str:slug>/accept/": Scene.places("/api/tenants/{}/accept/"),
    "api/session/": alone("/api/session/", {"username": "rival", "password": "wrong"}),
    "api/token/": alone("/api/token/"),
    "api/tickets/": alone("/api/tickets/"),
    "api/^documents/$": alone("/api/documents/?limit=100", {"title": ""}),
    "api/^documents/(?P<pk>[^/]+)/$": lambda s: s.of_documents(body={"title": "X"}),
    "api/^documents/(?P<pk>[^/]+)/grants/$": lambda s: s.of_documents("grants/"),
    "api/^documents/(?P<pk>[^/]+)/grants/(?P<subject>[^/]+)/$": Scene.grants,
    "api/^profiles/$": alone("/api/profiles/"),
    "api/^profiles/me/$": alone("/api/profiles/me/"),
    "api/^profiles/(?P<pk>[^/]+)/$": Scene.profiles,
}
