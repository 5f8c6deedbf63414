"""Who lives in the soak: tenants, people, documents, a team, tokens; and how all of it began."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from itertools import count
from random import Random

from django.contrib.auth.models import Group, Permission
from django.db import close_old_connections
from knox.models import AuthToken

from bench.soak.history import History
from permissions import grants
from permissions.ceiling import SYSTEM
from permissions.subjects import Subject
from resources.documents.audiences import DOCUMENTS
from resources.models import Document, DocumentGroupGrant, Profile
from tenants import opaque
from tenants.models import Membership, Role, Tenant, User

CANARIED = ("title", "body", "review_notes", "budget")
ATTACKER_PASSWORD = "known to them"
PEOPLE = 30
PAPERS = 12
OWNERS = 4
WANTED = 6
AUDIENCES = ("owner", "editor", "viewer", "auditor", None)


@dataclass(frozen=True)
class Token:
    """A credential: its name in the history, its row, and what the client sends."""

    name: str
    row: AuthToken
    text: str


@dataclass
class Person:
    """A user of one tenant; owners stay, all others come and go."""

    user: User
    tenant: Tenant
    owner: bool
    standing: threading.Lock = field(default_factory=threading.Lock)
    rest: str = ""
    profile: str = ""
    profile_pk: int = 0

    @property
    def name(self) -> str:
        return self.user.username

    @property
    def id(self) -> str:
        """Their id on the wire."""
        return opaque.encode(User, self.user.pk)


@dataclass
class Paper:
    """A document: its writes are serialized by one lock, its grants by another."""

    document: Document
    owner: Person
    writes: threading.Lock = field(default_factory=threading.Lock)
    grants: threading.Lock = field(default_factory=threading.Lock)

    @property
    def id(self) -> str:
        """Its id on the wire."""
        return opaque.encode(Document, self.document.pk)


class Town:
    """Everything that the writers write to. The history knows how it began."""

    def __init__(self, history: History, random: Random) -> None:
        self.history = history
        self.canaries = count(1)
        self._tokens = count(1)
        self.people: list[Person] = []
        self.papers: list[Paper] = []
        self.passing: list[tuple[Document, Person]] = []
        self.teams: dict[int, Group] = {}
        for slug in ("north", "south"):
            self._found(Tenant.objects.create(slug=slug, name=slug), random)
        self.heavy = self.papers[0]
        self.attacker = self._attacker(self.heavy.owner.tenant)

    def _attacker(self, tenant: Tenant) -> Person:
        """A member like others, who has a password and no live copies."""
        user = User.objects.create_user(f"{tenant.slug}-attacker", password=ATTACKER_PASSWORD)
        Membership.objects.create(tenant=tenant, user=user)
        person = Person(user, tenant, owner=False)
        person.rest = self.token(person).text
        return person

    def _found(self, tenant: Tenant, random: Random) -> None:
        users = User.objects.bulk_create(
            User(username=f"{tenant.slug}-{n}", password="!") for n in range(PEOPLE)
        )
        Membership.objects.bulk_create(Membership(tenant=tenant, user=user) for user in users)
        people = [Person(user, tenant, n < OWNERS) for n, user in enumerate(users)]
        for person in people:
            profile = Profile.objects.get(tenant=tenant, user=person.user)
            person.profile_pk = profile.pk
            person.profile = opaque.encode(Profile, profile.pk)
            person.rest = self.token(person).text
            self.history.facts["member", person.name].add(0, 0, Role.MEMBER)
            self.history.tenants[person.name] = self.history.tenants[person.profile] = tenant.slug
        self.people += people
        team = self.teams[tenant.pk] = Group.objects.create(name=f"team-{tenant.slug}")
        for number in range(PAPERS):
            self._write_up(people, team if number % 4 == 1 else None, number, random)

    def _write_up(
        self, people: list[Person], team: Group | None, number: int, random: Random
    ) -> None:
        owner = people[number % OWNERS]
        document = Document.objects.create(
            tenant=owner.tenant, owner=owner.user, title="First", body="Text"
        )
        paper = Paper(document, owner)
        self.papers.append(paper)
        self.history.tenants[paper.id] = owner.tenant.slug
        facts = self.history.facts
        facts["own", owner.name, paper.id].add(0, 0, "owner")
        facts["role", Role.ADMIN, paper.id].add(0, 0, "auditor")
        for person in random.sample(people[OWNERS:], len(people) // 2):
            audience = random.choice(AUDIENCES)
            self.grant(paper, person, audience)
            facts["own", person.name, paper.id].add(0, 0, audience)
        if team is not None:
            permission = Permission.objects.get(
                codename="change_document", content_type__app_label="resources"
            )
            DocumentGroupGrant.objects.create(
                group=team, permission=permission, content_object=document
            )
            facts["team", paper.id].add(0, 0, "editor")

    def grant(self, paper: Paper, person: Person, audience: str | None) -> None:
        """Give a person an audience of a document through the ORM, or take what they hold."""
        subject = Subject(user_id=person.user.pk)
        given = DOCUMENTS.audience(audience) if audience else None
        if given is None:
            grants.take(DOCUMENTS, paper.document, subject, actor=SYSTEM)
        else:
            grants.put(DOCUMENTS, paper.document, subject, given, actor=SYSTEM)

    def token(self, person: Person) -> Token:
        """A new token of a person's."""
        row, text = AuthToken.objects.create(user=person.user)
        token = Token(f"{next(self._tokens)}", row, text)
        self.history.facts["token", token.name].add(0, 0, "good")
        return token

    def renewed(self, person: Person) -> Token:
        """A new token, for a caller on a thread that may not keep a connection."""
        try:
            return self.token(person)
        finally:
            close_old_connections()

    def of_tenant(self, tenant: Tenant) -> list[Person]:
        """The people of a tenant."""
        return [person for person in self.people if person.tenant.pk == tenant.pk]
