"""Rows of the project's own that give audiences: every way says what they say."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db import connection
from django.test.utils import CaptureQueriesContext
from guardian.shortcuts import assign_perm

from permissions import decision
from permissions.audiences import registry
from permissions.read import read_across
from permissions.representation import ObjectKey
from permissions.review.hypotheses import Declaring
from permissions.review.predicting import predict
from permissions.sources import AsGuardian
from tests.listed.place import (
    Access,
    Note,
    Part,
    Share,
    Task,
    Team,
    id,
    installed,
    listed,
    note,
    of,
    passed,
    project,
    stamped,
    task,
)
from tests.world import World

__all__ = ["installed", "listed"]

pytestmark = pytest.mark.django_db(transaction=True)
PEOPLE = ("owner", "editor", "viewer", "admin", "member", "both", "rival")
RANKS = {"keeper": 0, "looker": 1}


class Truth:
    """Random facts, and what they give to whom."""

    def __init__(self, world: World, dice: random.Random) -> None:
        self.world, self.dice = world, dice
        self.users = [world.user(name) for name in PEOPLE]
        self.given: dict[tuple[Any, Any], set[str]] = {}
        self.tasks = [self._task(number) for number in range(10)]
        self.notes = [self._note() for _ in range(6)]
        for name in ("lead", "it's a guest", None, "nobody", "lead"):
            for user in dice.sample(self.users, 3):
                self._part(user, name)
        for _ in range(12):
            self._access()
            self._pass()
        for _ in range(4):
            self._share()
            self._stamp()
        self._grants()

    def _task(self, number: int) -> Any:
        code = self.dice.choice(("p", "Ü'2", "far", None))
        place = code and project(self.world, code, "globex" if code == "far" else "acme")
        owner = self.dice.choice([*self.users, None])
        obj = task(self.world, project=place, owner=owner, title=f"T{number}")
        self._give(owner, obj, "keeper")
        return obj

    def _note(self) -> Any:
        tenant = self.world.tenants[self.dice.choice(("acme", "globex"))]
        return note(self.world, tenant=tenant)

    def _give(self, user: Any, obj: Any, name: str | None) -> None:
        if user is not None and name is not None:
            self.given.setdefault((user.pk, obj.pk), set()).add(name)

    def _part(self, user: Any, role: str | None) -> None:
        place = self.dice.choice([t.project for t in self.tasks if t.project])
        Part.objects.create(project=place, person=user, role=role)
        gives = {"lead": "keeper", "it's a guest": "looker", None: "looker"}.get(role)
        for obj in self.tasks:
            if obj.project_id == place.pk:
                self._give(user, obj, gives)
        Part.objects.create(project=place, person=None, role=role)

    def _access(self) -> None:
        obj, user = self.dice.choice(self.tasks), self.dice.choice(self.users)
        level = self.dice.choice((9, 8, -1, 0))
        Access.objects.create(task=obj, person=user, level=level)
        self._give(user, obj, {9: "keeper", 8: "keeper", -1: "looker"}.get(level))

    def _pass(self) -> None:
        obj, user = self.dice.choice([*self.notes, *self.tasks]), self.dice.choice(self.users)
        key = self.dice.choice(("", "", str(obj.pk).upper() + " "))
        passed(obj, user, key)
        self._give(user, obj, "looker" if isinstance(obj, Note) and not key else None)

    def _stamp(self) -> None:
        obj, user = self.dice.choice(self.tasks), self.dice.choice(self.users)
        stamped(obj, user)
        self._give(user, obj, "looker")

    def _share(self) -> None:
        obj, some = self.dice.choice(self.notes), self.dice.sample(self.users, 2)
        writes = self.dice.random() < 0.5
        team: Any = Team.objects.create()
        team.people.set(some)
        group = Group.objects.create(name=f"G{team.pk}")
        mine = self.dice.choice(("team", "group"))
        group.user_set.set(some)
        Share.objects.create(note=obj, writes=writes, **{mine: team if mine == "team" else group})
        for user in some:
            self._give(user, obj, "keeper" if writes else "looker")

    def _grants(self) -> None:
        for obj in self.dice.sample([*self.tasks, *self.notes], 4):
            user = self.dice.choice(self.users)
            assign_perm(f"view_{type(obj)._meta.model_name}", user, obj)
            self._give(user, obj, "looker")

    def of(self, user: Any, obj: Any, tenant: Any) -> str | None:
        """The first audience of a member of the tenant in which the object is."""
        place = obj.project and obj.project.tenant_id if isinstance(obj, Task) else obj.tenant_id
        here = place == tenant.pk and tenant.memberships.filter(user=user).exists()
        names = self.given.get((user.pk, obj.pk), set()) if here else set()
        return min(names, key=RANKS.__getitem__, default=None)


every = pytest.mark.parametrize("model", [Task, Note], ids=lambda model: model.__name__)


@every
@pytest.mark.parametrize("seed", range(2))
def test_every_way_says_the_same(listed: World, model: Any, seed: int) -> None:
    """Decision, lists, filtered lists and predictions, of random facts."""
    truth, resource = Truth(listed, random.Random(seed)), of(model)
    objects = truth.tasks if model is Task else truth.notes
    less, moved = replace(resource, sources=(AsGuardian(),)), 0
    for tenant in listed.tenants.values():
        expected = {(u.pk, o.pk): truth.of(u, o, tenant) for u in truth.users for o in objects}
        everywhere = {each.pk: [*expected] for each in listed.tenants.values()}
        answer = decision.ask_across(resource, everywhere)[tenant.pk]
        for found in (decision.audiences(resource, tenant.pk, [*expected]), None):
            for pair, wanted in expected.items():
                given = found[pair] if found else answer.audience(*pair)
                assert (given.name if given else None) == wanted
        for user in truth.users:
            if tenant.memberships.filter(user=user).exists():
                client = listed.rest(user.username, tenant.slug)
                for title in (None, *{obj.title for obj in objects}):
                    mine = {
                        (id(o), expected[user.pk, o.pk])
                        for o in objects
                        if title in (None, o.title) and expected[user.pk, o.pk]
                    }
                    url = f"/api/{model._meta.model_name}/"
                    assert shown(client.get(url, {"title": title} if title else {})) == mine
        [same] = predict(tenant.pk, Declaring(resource, resource), resources=[resource])
        assert same.pairs == 0
        [lost] = predict(tenant.pk, Declaring(resource, less), resources=[resource])
        without = decision.audiences(less, tenant.pk, [*expected])
        changed = [pair for pair, a in without.items() if (a and a.name) != expected[pair]]
        assert lost.pairs == len(changed)
        moved += lost.pairs
    assert moved


def shown(answer: Any) -> set[tuple[str, str]]:
    return {(row["id"], row["audience"]) for row in answer.json()["rows"]}


@every
def test_reading_takes_as_many_statements_with_rows_as_without(listed: World, model: Any) -> None:
    """The path of delivery costs no further round trip."""
    resource, obj = of(model), task(listed) if model is Task else note(listed)
    tenant, viewer = listed.tenants["acme"].pk, listed.user("viewer").pk
    asked = []
    for sources in (resource.sources, (AsGuardian(),)):
        one = replace(resource, sources=sources)
        registry.register(one)
        try:
            for _ in range(2):
                with CaptureQueriesContext(connection) as queries:
                    read_across({tenant: [(viewer, ObjectKey(one.label, obj.pk))]})
        finally:
            registry.register(resource)
        asked.append(len(queries))
    assert asked[0] == asked[1]
