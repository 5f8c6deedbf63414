"""Random writers, each a plain thread, on data and on access: half of what does not come over REST
is written through the ORM, and half as `psql` writes."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from random import Random
from typing import Any

from django.contrib.auth.models import Permission
from django.db import close_old_connections, transaction

from bench.soak import psql
from bench.soak.clients import Client, money
from bench.soak.history import Failure
from bench.soak.rest import Rest
from bench.soak.town import AUDIENCES, CANARIED, Paper, Person, Town
from bench.soak.turns import Ended, Turns
from permissions import grants
from permissions.ceiling import SYSTEM
from permissions.subjects import Subject
from resources.documents.audiences import DOCUMENTS
from resources.models import Document, DocumentUserGrant, Profile
from tenants.models import Membership, Role, User

IN_GROUPS: Any = User.groups.through
Grant = Callable[[Paper, Person, str | None], None]
AWAY_SECONDS = 0.7
PAUSE_SECONDS = 0.1
PADDING = "x" * 300


class Writer:
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

    # Access.

    def regrant(self, *doors: Grant) -> None:
        """Give somebody another audience of a document, or none; a change may follow at once."""
        paper = self.random.choice(self.town.papers)
        people = [p for p in self.town.of_tenant(paper.owner.tenant) if not p.owner]
        person = self.random.choice(people)
        fact = self.history.facts["own", person.name, paper.id]
        with paper.grants:
            audience = self.random.choice([a for a in AUDIENCES if a != fact.last])
            operation = self.random.choice(doors)
            fact.add(*self.done("grant", lambda: operation(paper, person, audience)), audience)
            self.history.count("access changes")
        if self.random.random() < 0.5:
            self.write(paper, self.random.choice((self.by_update, self.by_psql)))

    def grant_by_psql(self, paper: Paper, person: Person, audience: str | None) -> None:
        """Write the rows that say so."""
        here = {"user_id": person.user.pk, "content_object_id": paper.document.pk}
        given = DOCUMENTS.audience(audience) if audience else None
        rows = [psql.delete(DocumentUserGrant, here)]
        if given is not None:
            permission = Permission.objects.get(
                codename=given.permission, content_type__app_label="resources"
            )
            rows.append(psql.insert(DocumentUserGrant, {**here, "permission_id": permission.pk}))
        psql.run(*rows)

    def grant_over_rest(self, paper: Paper, person: Person, audience: str | None) -> None:
        path = f"/api/documents/{paper.id}/grants/user:{person.id}/"
        if audience is None:
            self.rest.call(paper.owner, "DELETE", path, expect=(204, 404))
        else:
            self.rest.call(paper.owner, "PUT", path, {"audience": audience})

    def regrant_role(self) -> None:
        """Give all members of a tenant an audience of a document, or take it."""
        paper = self.random.choice(self.town.papers)
        fact = self.history.facts["role", Role.MEMBER, paper.id]
        with paper.grants:
            audience = None if fact.last else self.random.choice(("viewer", "auditor"))
            given = DOCUMENTS.audience(audience) if audience else None
            subject = Subject(role=Role.MEMBER)

            def operation() -> None:
                if given is None:
                    grants.take(DOCUMENTS, paper.document, subject, actor=SYSTEM)
                else:
                    grants.put(DOCUMENTS, paper.document, subject, given, actor=SYSTEM)

            fact.add(*self.done("role grant", operation), audience)
            self.history.count("access changes")

    # Standing.

    def someone(self) -> Person:
        """Anybody who may come and go."""
        return self.random.choice([p for p in self.town.people if not p.owner])

    def move_team(self) -> None:
        """Somebody joins or leaves a Django group that holds grants."""
        person = self.someone()
        team = self.town.teams[person.tenant.pk]
        fact = self.history.facts["team", person.name]
        with person.standing:
            leaving = fact.last is not None
            edit = team.user_set.remove if leaving else team.user_set.add
            row = {"user_id": person.user.pk, "group_id": team.pk}
            write = psql.delete(IN_GROUPS, row) if leaving else psql.insert(IN_GROUPS, row)
            operation: Callable[[], object] = self.random.choice(
                [lambda: edit(person.user), lambda: psql.run(write)]
            )
            times = self.done("team", operation)
            fact.add(*times, None if leaving else "in")
            self.history.count("access changes")

    def change_role(self) -> None:
        """Somebody becomes an admin, or a member again."""
        person = self.someone()
        fact = self.history.facts["member", person.name]
        with person.standing:
            role = Role.MEMBER if fact.last == Role.ADMIN else Role.ADMIN
            self._membership(person, role=role)

    def send_away(self) -> None:
        """Somebody is no member for a moment: their sockets close."""
        person = self.someone()
        fact = self.history.facts["member", person.name]
        with person.standing:
            role = fact.last
            self._membership(person, is_active=False)
            self.turns.ended.wait(AWAY_SECONDS)
            self._membership(person, is_active=True, role=role)

    def _membership(self, person: Person, **values: object) -> None:
        rows = Membership.objects.filter(tenant=person.tenant, user=person.user)
        here = {"tenant_id": person.tenant.pk, "user_id": person.user.pk}
        operation: Callable[[], object] = self.random.choice([
            lambda: rows.update(**values),
            lambda: psql.run(psql.update(Membership, here, values)),
        ])  # fmt: skip
        times = self.done("membership", operation)
        fact = self.history.facts["member", person.name]
        gone = values.get("is_active") is False
        fact.add(*times, None if gone else str(values["role"]))
        self.history.count("access changes")

    def revoke_token(self) -> None:
        """A socket's token ends."""
        client = self.random.choice(self.clients)
        token = client.token
        fact = self.history.facts["token", token.name]
        with client.person.standing:
            if fact.last is not None:
                rows = type(token.row).objects.filter(pk=token.row.pk)
                operation: Callable[[], object] = self.random.choice([
                    rows.delete,
                    lambda: psql.run(psql.delete(type(token.row), {"digest": token.row.pk})),
                ])  # fmt: skip
                fact.add(*self.done("token", operation), None)
                self.history.count("access changes")


def threads(writers: list[Writer]) -> list[threading.Thread]:
    """The threads of six writers: what each does, and how long it rests in between."""
    w = writers

    def paper(writer: Writer) -> Paper:
        return writer.random.choice(writer.town.papers)

    work: list[tuple[Writer, list[Callable[[], None]], float]] = [
        (w[0], [lambda: w[0].write(paper(w[0]), w[0].over_rest)], 0.1),
        (w[1], [lambda: w[1].write(paper(w[1]), w[1].by_save),
                lambda: w[1].write(paper(w[1]), w[1].by_psql)], 0.1),
        (w[2], [lambda: w[2].write(paper(w[2]), w[2].by_update), w[2].rename,
                lambda: w[2].write(paper(w[2]), w[2].by_psql)], 0.1),
        (w[3], [lambda: w[3].regrant(w[3].grant_over_rest)], 0.1),
        (w[4], [lambda: w[4].regrant(w[4].town.grant, w[4].grant_by_psql)], 0.1),
        (w[5], [w[5].regrant_role, w[5].move_team, w[5].change_role, w[5].send_away,
                w[5].revoke_token], 0.5),
    ]  # fmt: skip
    return [
        threading.Thread(target=_work, args=task, name=f"writer-{n}", daemon=True)
        for n, task in enumerate(work)
    ]


def _work(writer: Writer, actions: list[Callable[[], None]], rest: float) -> None:
    try:
        while not writer.turns.ended.wait(writer.random.uniform(0, 2 * rest)):
            with writer.turns.turn():
                writer.random.choice(actions)()
            close_old_connections()
    except Ended:
        pass
    finally:
        close_old_connections()
