"""What random writers write of data: over REST, through the ORM, or as `psql` writes."""

from __future__ import annotations

import time
from collections.abc import Callable
from random import Random

from django.db import close_old_connections, transaction

from bench.soak import psql
from bench.soak.clients import Client, money
from bench.soak.history import Failure
from bench.soak.rest import Rest
from bench.soak.town import CANARIED, Paper, Town
from bench.soak.turns import Ended, Turns
from resources.models import Document, Profile
from tenants import opaque
from tenants.models import Role

PAUSE_SECONDS = 0.1
PADDING = "x" * 300
PASSING = 6
"""How many documents beside the lasting ones are there at most."""


class Writes:
    """What all writers share: the town, the doors, and the record of what they do."""

    def __init__(
        self, town: Town, rest: Rest, turns: Turns, clients: list[Client], seed: int
    ) -> None:
        self.town = town
        self.rest = rest
        self.turns = turns
        self.clients = clients
        self.random = Random(seed)
        self.history = town.history

    def done(self, what: str, operation: Callable[[], object]) -> tuple[float, float]:
        """Do it until it succeeds; when it was begun and when it was certainly committed.

        Every operation may be repeated: what had committed although it failed is then done twice.
        """
        began = time.monotonic()
        while True:
            tried = time.monotonic()
            try:
                operation()
            except Exception as error:
                failure = Failure(tried, time.monotonic(), f"{what}: {error!r}"[:300])
                self.history.failures.append(failure)
                close_old_connections()
                if self.turns.ended.wait(PAUSE_SECONDS):
                    raise Ended from error
            else:
                return began, time.monotonic()

    # Data.

    def canary(self, field: str) -> tuple[int, str]:
        """A new one, as a value of this field."""
        number = next(self.town.canaries)
        if field == "budget":
            return number, money(number)
        return number, f"canary-{number}." + (PADDING if field == "body" else "")

    def write(self, paper: Paper, door: Callable[[Paper, dict[str, str]], object]) -> None:
        """Write one field or two of a document, through a door."""
        with paper.writes:
            fields = self.random.sample(CANARIED, self.random.choice((1, 1, 1, 2)))
            new = {field: self.canary(field) for field in fields}
            values = {field: text for field, (_, text) in new.items()}
            began, ended = self.done("write", lambda: door(paper, values))
            for field, (number, _) in new.items():
                self.history.wrote(number, paper.id, field, began, ended)
            self.history.count("changes")

    def over_rest(self, paper: Paper, values: dict[str, str]) -> None:
        """PATCH it as its owner."""
        self.rest.call(paper.owner, "PATCH", f"/api/documents/{paper.id}/", values)

    def by_save(self, paper: Paper, values: dict[str, str]) -> None:
        """Load it and save it; sometimes twice in one transaction: the first is never stored."""
        twice = self.random.random() < 0.3
        with transaction.atomic():
            document = Document.objects.get(tenant=paper.owner.tenant, pk=paper.document.pk)
            if twice:
                self._save(document, {field: self.canary(field)[1] for field in values})
            self._save(document, values)

    def _save(self, document: Document, values: dict[str, str]) -> None:
        for name, value in values.items():
            setattr(document, name, value)
        document.save()

    def by_update(self, paper: Paper, values: dict[str, str]) -> None:
        """A bulk write."""
        Document.objects.filter(tenant=paper.owner.tenant, pk=paper.document.pk).update(**values)

    def by_psql(self, paper: Paper, values: dict[str, str]) -> None:
        """As another program does."""
        psql.run(psql.update(Document, {"id": paper.document.pk}, values))

    def publish(self, paper: Paper) -> None:
        """Another status: windows of drafts gain or lose it."""
        with paper.writes:
            values = {"status": self.random.choice(("draft", "published", "archived"))}
            door = self.random.choice((self.by_update, self.by_psql, self.over_rest))
            self.done("write", lambda: door(paper, values))
            self.history.count("changes of status")

    def come_and_go(self) -> None:
        """Write a document up, which its owner and the admins see, or delete an older one."""
        if len(self.town.passing) > PASSING:
            document, owner = self.town.passing.pop(0)
            rows = Document.objects.filter(tenant=owner.tenant, pk=document.pk)
            operation: Callable[[], object] = self.random.choice([
                rows.delete, lambda: psql.run(psql.delete(Document, {"id": document.pk})),
            ])  # fmt: skip
            self.done("delete", operation)
            self.history.count("documents deleted")
            return
        owner = self.random.choice([p for p in self.town.people if p.owner])
        number, title = self.canary("title")
        row = {"tenant": owner.tenant, "owner": owner.user, "title": title}
        made: list[Document] = []
        began, ended = self.done("create", lambda: made.append(Document.objects.create(**row)))
        self.town.passing.append((made[-1], owner))
        id = opaque.encode(Document, made[-1].pk)
        self.history.tenants[id] = owner.tenant.slug
        self.history.facts["own", owner.name, id].add(began, ended, "owner")
        self.history.facts["role", Role.ADMIN, id].add(began, ended, "auditor")
        self.history.wrote(number, id, "title", began, ended)
        self.history.count("documents created")

    def write_heavy(self, paper: Paper, text: str) -> None:
        """A large body."""
        with paper.writes:
            number = next(self.town.canaries)
            body = text.format(number)
            began, ended = self.done("write", lambda: self.by_update(paper, {"body": body}))
            self.history.wrote(number, paper.id, "body", began, ended)
            self.history.count("changes")

    def rename(self) -> None:
        """An owner's name, which all their documents show."""
        person = self.random.choice([p for p in self.town.people if p.owner])
        with person.standing:
            number, name = self.canary("display_name")
            path = f"/api/profiles/{person.profile}/"
            rows = Profile.objects.filter(tenant=person.tenant, pk=person.profile_pk)
            operation: Callable[[], object] = self.random.choice([
                lambda: rows.update(display_name=name),
                lambda: self.rest.call(person, "PATCH", path, {"display_name": name}),
                lambda: psql.run(
                    psql.update(Profile, {"id": person.profile_pk}, {"display_name": name})
                ),
            ])  # fmt: skip
            began, ended = self.done("rename", operation)
            self.history.wrote(number, person.profile, "display_name", began, ended)
            self.history.count("changes")
