"""What is predicted of a change is what it does, for everybody, every object and every field.

`PREDICTIONS` says how many changes are tried, `PREDICTIONS_SEED` which.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db import connection
from django.test.utils import CaptureQueriesContext
from guardian.shortcuts import assign_perm

from permissions import decision, grants
from permissions.audiences import Audience, Resource, registry
from permissions.ceiling import SYSTEM
from permissions.models import AccessChange
from permissions.review.hypotheses import (
    Declaring,
    Granting,
    Grouping,
    Hypothesis,
    Joining,
    Writing,
)
from permissions.review.predicting import Prediction, predict
from permissions.snapshot import rehearsal
from permissions.subjects import Subject
from resources.audiences import DOCUMENTS, PROFILES
from resources.models import Document, Profile
from tenants.models import GRANTABLE, Membership, Role, Tenant, User
from tenants.roles import role_group
from tests.world import World

CHANGES = int(os.environ.get("PREDICTIONS", "60"))
SEED = int(os.environ.get("PREDICTIONS_SEED", "14"))

Held = dict[tuple[int, int], str | None]
HIDDEN = replace(DOCUMENTS, visible_by={"status": "draft"})
"""Documents of which only drafts are shown to anybody."""


class Town:
    """Acme with people of every role, documents and grants of every kind; globex beside it."""

    def __init__(self, world: World, seed: int) -> None:
        self.world = world
        self.random = random.Random(seed)
        self.tenant: Tenant = world.tenants["acme"]
        world.appoint("reviewer")
        for name, active in (("leaver", True), ("away", False), ("gone", True)):
            Membership.objects.create(tenant=self.tenant, user=world.user(name), is_active=active)
        User.objects.filter(username="gone").update(is_active=False)
        self.users = list(User.objects.order_by("pk"))
        self.groups = [Group.objects.create(name=name) for name in ("board", "guests")]
        self.groups.append(Group.objects.create(name=f"tenant:{world.tenants['globex'].pk}:member"))
        self.groups.append(
            role_group(self.tenant.pk, Role.MEMBER)
        )  # whose members count for nothing
        owners = ("owner", "member", "editor", "away")
        for place in range(5):
            world.create(owner=owners[place % 4], status=("draft", "published")[place % 2])
        world.create("globex", "rival")
        self.documents = list(Document.objects.filter(tenant=self.tenant).order_by("pk"))
        self.profiles = list(Profile.objects.filter(tenant=self.tenant).order_by("pk"))
        for _ in range(12):
            self._grant()

    def _grant(self) -> None:
        resource, obj = self.object()
        audience = self.random.choice(resource.audiences)
        way = self.random.randrange(3)
        if way == 2:
            group = self.random.choice(self.groups)
            assign_perm(audience.permission, group, obj)
            group.user_set.add(self.random.choice(self.users))
        else:
            grants.add(resource, [obj], self.subject(), audience, actor=SYSTEM)

    def object(self) -> tuple[Resource, Any]:
        if self.random.random() < 0.25:
            return PROFILES, self.random.choice(self.profiles)
        return registry.get(DOCUMENTS.label), self.random.choice(self.documents)

    def subject(self) -> Subject:
        if self.random.random() < 0.4:
            return Subject(role=str(self.random.choice(GRANTABLE)))
        return Subject(user_id=self.random.choice(self.users).pk)

    def change(self) -> tuple[Hypothesis, Callable[[], Any]]:
        """A random change, and what makes it so."""
        kinds = (self.granting, self.joining, self.leaving, self.grouping, self.writing)
        return self.random.choice((*kinds, self.granting, self.declaring))()

    def granting(self) -> tuple[Hypothesis, Callable[[], Any]]:
        resource, obj = self.object()
        subject = self.subject()
        audience = self.random.choice((*resource.audiences, None))

        def give() -> None:
            grants._delete(grants._of_subject(resource, obj, subject))
            if audience is not None:
                grants.add(resource, [obj], subject, audience, actor=SYSTEM)

        return Granting(resource, obj.pk, subject, audience), give

    def joining(self) -> tuple[Hypothesis, Callable[[], Any]]:
        user = self.random.choice(self.users)
        role = self.random.choice((*Role.values, None))

        def join() -> None:
            place = {"tenant": self.tenant, "user": user}
            given = {"is_active": role is not None, **({"role": role} if role else {})}
            if not Membership.objects.filter(**place).update(**given) and role:
                Membership.objects.bulk_create([Membership(**place, role=role)])

        return Joining(user.pk, role), join

    def leaving(self) -> tuple[Hypothesis, Callable[[], Any]]:
        member = self.random.choice(list(Membership.objects.filter(tenant=self.tenant)))
        return Joining(member.user_id, None, leaving=member.pk), member.delete

    def grouping(self) -> tuple[Hypothesis, Callable[[], Any]]:
        user, group = self.random.choice(self.users), self.random.choice(self.groups)
        if self.random.random() < 0.5:
            return Grouping(user.pk, group.name, True), lambda: group.user_set.add(user)
        return Grouping(user.pk, group.name, False), lambda: group.user_set.remove(user)

    def writing(self) -> tuple[Hypothesis, Callable[[], Any]]:
        resource, document = registry.get(DOCUMENTS.label), self.random.choice(self.documents)
        value: Any = self.random.choice(self.users).pk
        column = "owner"
        if resource.visible_by and self.random.random() < 0.5:
            column, value = "status", self.random.choice(("draft", "published"))
        rows = Document.objects.filter(tenant=self.tenant, pk=document.pk)
        return Writing(resource, document.pk, column, value), lambda: rows.update(**{column: value})

    def declaring(self) -> tuple[Hypothesis, Callable[[], Any]]:
        resource = self.random.choice((registry.get(DOCUMENTS.label), PROFILES))
        name = self.random.choice(resource.audiences).name
        declared = replace(
            resource, roles={**resource.roles, self.random.choice(Role.values): name}
        )
        by_role = self.random.random() < 0.5
        if self.random.random() < 0.3:
            declared = replace(resource, roles={}) if by_role else replace(resource, holders={})
        return Declaring(resource, declared), lambda: registry.register(declared)

    def held(self) -> dict[str, Held]:
        """Everybody's audience of everything, by the decision itself."""
        found: dict[str, Held] = {}
        for label, objects in (("document", self.documents), ("profile", self.profiles)):
            resource = registry.get(f"resources.{label}")
            pairs = [(user.pk, obj.pk) for user in self.users for obj in objects]
            decided = decision.audiences(resource, self.tenant.pk, pairs)
            found[resource.label] = {pair: _name(a) for pair, a in decided.items()}
        return found


def told(predictions: list[Prediction]) -> dict[str, Any]:
    """What was predicted: every pair with its audiences, and the counts."""
    return {
        each.resource.label: (
            {(m.user_id, m.pk): _names(m.move.before, m.move.later) for m in each.listed},
            {
                _names(c.move.before, c.move.later): (c.pairs, c.users, c.objects)
                for c in each.counts
            },
            (each.pairs, each.users, each.objects),
        )
        for each in predictions
        if each.pairs
    }


def _names(before: Audience | None, later: Audience | None) -> tuple[str | None, str | None]:
    return _name(before), _name(later)


def _name(audience: Audience | None) -> str | None:
    return audience.name if audience else None


def happened(before: dict[str, Held], after: dict[str, Held]) -> dict[str, Any]:
    found = {}
    for label, held in before.items():
        moved = {p: (was, after[label][p]) for p, was in held.items() if was != after[label][p]}
        counts = {
            kind: _count([pair for pair, each in moved.items() if each == kind])
            for kind in set(moved.values())
        }
        if moved:
            found[label] = (moved, counts, _count(list(moved)))
    return found


def _count(pairs: list[tuple[int, int]]) -> tuple[int, int, int]:
    return len(pairs), len({user for user, _ in pairs}), len({pk for _, pk in pairs})


@pytest.mark.served
@pytest.mark.parametrize("resource", [DOCUMENTS, HIDDEN], ids=["all", "drafts"])
def test_prediction_is_the_effect_for_random_changes(
    place: World, declare: Any, resource: Resource
) -> None:
    declare(resource)
    town = Town(place, SEED)
    moves = 0
    for number in range(CHANGES // 2):
        what, happen = town.change()
        declared = tuple(registry)
        with rehearsal():
            before = town.held()
            predicted = told(predict(town.tenant.pk, what, listed=10_000))
            happen()
            effect = happened(before, town.held())
        for each in declared:
            declare(each)
        assert predicted == effect, (number, what)
        moves += bool(effect)
    assert moves > CHANGES // 5


def asked(world: World, what: Hypothesis, **how: Any) -> tuple[list[Prediction], list[str]]:
    with CaptureQueriesContext(connection) as queries:
        found = predict(world.tenants["acme"].pk, what, **how)
    # Beside what opens and ends the transaction, and what follows any commit.
    statements = (query["sql"] for query in queries if "SELECT" in query["sql"])
    return found, [sql for sql in statements if "earshot_tenants_membershiptask" not in sql]


def test_prediction_reads_one_statement_for_each_resource_and_writes_nothing(world: World) -> None:
    for number in range(30):
        world.create(title=str(number))
    predict(world.tenants["acme"].pk, Joining(world.user("member").pk, "admin"))
    changes = AccessChange.objects.count()
    found, queries = asked(world, Joining(world.user("member").pk, "admin"))
    assert len(queries) == 2
    assert not [word for word in ("INSERT", "UPDATE", "DELETE") for sql in queries if word in sql]
    assert AccessChange.objects.count() == changes
    assert Membership.objects.get(user=world.user("member")).role == Role.MEMBER
    [documents, _] = found
    assert (documents.pairs, documents.users, documents.objects) == (31, 1, 31)
    assert len(documents.listed) == 20


def test_only_the_resource_that_is_concerned_is_asked(world: World) -> None:
    viewer = DOCUMENTS.declared("viewer")
    given = Granting(DOCUMENTS, world.document.pk, Subject(role="member"), viewer)
    [found], queries = asked(world, given)
    assert len(queries) == 1
    [count] = found.counts
    assert (count.users, count.objects) == (2, 1)
    assert count.move.gained == viewer.fields
    assert count.move.lost == ()


def test_fields_are_gained_and_lost_between_audiences(world: World) -> None:
    [found] = predict(
        world.tenants["acme"].pk,
        Writing(DOCUMENTS, world.document.pk, "owner", world.user("editor").pk),
    )
    moves = {c.move.before and c.move.before.name: c.move for c in found.counts}
    assert (moves["editor"].gained, moves["editor"].lost) == (("budget",), ())
    assert moves["owner"].lost == DOCUMENTS.declared("owner").fields


def test_leaving_takes_the_profile_from_everybody(world: World) -> None:
    member = Membership.objects.get(user=world.user("viewer"))
    [documents, profiles] = predict(
        world.tenants["acme"].pk, Joining(member.user_id, None, leaving=member.pk)
    )
    assert documents.pairs == 1
    theirs = world.profile("viewer").pk
    assert {m.user_id for m in profiles.listed if m.pk == theirs} == {
        world.user(name).pk for name in ("owner", "editor", "viewer", "admin", "member", "both")
    }


def test_entering_a_roles_own_group_gives_nothing(world: World) -> None:
    viewer = DOCUMENTS.declared("viewer")
    grants.add(DOCUMENTS, [world.document], Subject(role="admin"), viewer, actor=SYSTEM)
    group = role_group(world.tenants["acme"].pk, Role.ADMIN)
    found = predict(world.tenants["acme"].pk, Grouping(world.user("member").pk, group.name, True))
    assert [each.pairs for each in found] == [0, 0]
