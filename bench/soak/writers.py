"""Random writers, each a plain thread, on data and on access: half of what does not come over REST
is written through the ORM, and half as `psql` writes."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from django.contrib.auth.models import Permission
from django.db import close_old_connections

from bench.soak import psql
from bench.soak.town import AUDIENCES, Paper, Person
from bench.soak.turns import Ended
from bench.soak.writes import Writes
from permissions import grants
from permissions.ceiling import SYSTEM
from permissions.subjects import Subject
from resources.documents.audiences import DOCUMENTS
from resources.models import DocumentUserGrant
from tenants.models import Membership, Role, User

IN_GROUPS: Any = User.groups.through
Grant = Callable[[Paper, Person, str | None], None]
AWAY_SECONDS = 0.7


class Writer(Writes):
    """What one thread does: also who may see what."""

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
                lambda: w[2].publish(paper(w[2])), w[2].come_and_go,
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
