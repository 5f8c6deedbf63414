"""Rows of the project's own that give audiences: every way says what they say."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.core.checks import run_checks
from django.db import models
from guardian.shortcuts import assign_perm

from permissions import decision
from permissions.audiences import registry
from permissions.review.catalogue import catalogue
from permissions.review.hypotheses import Declaring
from permissions.review.predicting import predict
from permissions.row_checks import check_rows
from permissions.sources import AsGuardian, Rows
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
    task,
)
from tests.test_readme import blocks, section
from tests.world import World

__all__ = ["installed", "listed"]

pytestmark = pytest.mark.django_db(transaction=True)
PEOPLE = ("owner", "editor", "viewer", "admin", "member", "both", "rival")
PAGE = Path(__file__).parents[2] / "docs" / "adopting.md"
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


# Declarations


def wrong(*, of_note: bool = False, **values: Any) -> str:
    """What is said of rows of access, or passes, that are declared like this."""
    right: dict[str, Any] = {"model": "listed.Access", "user": "person", "object": "task"}
    if of_note:
        right = {"model": "listed.Pass", "user": "person", "object": ("kind", "key")}
    rows = Rows(**{**right, "gives": "looker", **values})
    resource = replace(of(Note if of_note else Task), sources=(AsGuardian(), rows))
    found = list(check_rows(resource))
    assert all(each.id == "earshot.E077" and each.hint for each in found)
    return "; ".join(str(each.msg).partition("cannot be read: ")[2][:-1] for each in found)


class Odd(models.Model):
    """Its key is none."""

    at = models.DateTimeField(primary_key=True)
    task = models.ForeignKey(Task, models.CASCADE, related_name="+")
    person = models.ForeignKey("earshot_tenants.User", models.CASCADE, related_name="+")

    class Meta:
        app_label = "tests"


@pytest.mark.usefixtures("installed")
def test_right_rows_are_right() -> None:
    assert wrong() == wrong(of_note=True) == ""
    assert wrong(level="level", gives={1: "looker", 2: "keeper"}) == ""
    assert not [*check_rows(of(Task)), *check_rows(of(Note))]


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"model": "listed.Acces"}, "there is no model 'listed.Acces'"),
        ({"model": "Access"}, "there is no model 'Access'"),
        ({"user": "persn"}, "listed.Access has no column 'persn'"),
        ({"object": "tsk"}, "listed.Access has no column 'tsk'"),
        ({"level": "lvel", "gives": {1: "looker"}}, "listed.Access has no column 'lvel'"),
        ({"of": "projct"}, "listed.Task has no column 'projct'"),
        ({"object": "person"}, "'person' is no foreign key to the primary key of listed.Task"),
        ({"object": "level"}, "'level' is no foreign key to the primary key of listed.Task"),
        ({"of": "project"}, "'task' and the object's 'project' lead to no common primary key"),
        ({"of": "title"}, "'task' and the object's 'title' lead to no common primary key"),
        ({"user": "task"}, "'task' is no foreign key to the primary key of users"),
        ({"user": "level"}, "'level' is no foreign key to the primary key of users"),
        ({"members": "people"}, "'person' leads to no team whose 'people' are users"),
        ({"user": "level", "members": "x"}, "'level' leads to no team whose 'x' are users"),
        (
            {"model": "listed.Part", "object": "project", "of": "project", "members": "groups"},
            "`members` cannot go with `of`; 'person' leads to no team whose 'groups' are users",
        ),
        ({"level": "level"}, "`level` and `gives` do not fit"),
        ({"gives": {1: "looker"}}, "`level` and `gives` do not fit"),
        ({"gives": "loker"}, "it gives the unknown audience 'loker'"),
        ({"level": "level", "gives": {"1": "looker"}}, "'level' cannot be '1'"),
        ({"level": "level", "gives": {"x": "looker"}}, "'level' cannot be 'x'"),
        ({"level": "level", "gives": {1.5: "looker"}}, "'level' cannot be 1.5"),
        ({"level": "level", "gives": {None: "looker"}}, "'level' cannot be None"),
        (
            {"model": "listed.Part", "object": "project", "of": "project", "level": "role",
             "gives": {"50%": "looker"}},
            "'role' cannot be '50%'",
        ),
    ],
)  # fmt: skip
def test_rows_that_cannot_be_read_are_told(values: dict[str, Any], said: str) -> None:
    assert wrong(**values) == said


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"object": ("person", "key")}, "'person' is no foreign key to content types"),
        ({"object": ("kind", "id")}, "'id' cannot have keys of listed.note"),
        ({"of": "tenant"}, "`of` cannot go with a content type"),
    ],
)
def test_passes_that_cannot_be_read_are_told(values: dict[str, Any], said: str) -> None:
    assert wrong(of_note=True, **values) == said


@pytest.mark.usefixtures("installed")
def test_rows_with_keys_of_another_kind_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("permissions.rows.apps.get_model", lambda label: Odd)
    assert wrong() == "their own keys are neither integers, UUIDs nor texts"
    assert "'at' cannot have keys" in wrong(object=("task", "at"))


@pytest.mark.usefixtures("installed")
def test_check_of_the_capture_tells_nothing_of_rows_that_cannot_be_read() -> None:
    right = of(Task)
    rows = Rows("listed.Acces", user="person", object="task", gives="looker")
    registry.register(replace(right, sources=(AsGuardian(), rows)))
    try:
        found = {message.id for message in run_checks(databases=["default"])}
    finally:
        registry.register(right)
    assert "earshot.E077" in found
    assert "earshot.W022" not in found


@pytest.mark.usefixtures("installed")
def test_review_names_who_holds_an_audience_by_rows() -> None:
    held = catalogue([of(Task)])["listed.task"].holders
    assert held["person of listed.Access, level 9"] == "keeper"
    assert catalogue([of(Note)])["listed.note"].holders["person of listed.Pass"] == "looker"


def shown(answer: Any) -> set[tuple[str, str]]:
    return {(row["id"], row["audience"]) for row in answer.json()["rows"]}


@pytest.mark.usefixtures("installed")
def test_page_shows_rows_that_can_be_read() -> None:
    """Its names are those of another project."""
    [block] = blocks(section("Permissions in tables of your own", PAGE), "python")
    block = block.replace("earshot.", "").replace("account", "person")
    for theirs, ours in NAMES.items():
        block = block.replace(theirs, ours)
    names: dict[str, Any] = {}
    exec(block, names)
    guardians, access, passes, share, part = names["SOURCES"]
    assert guardians == AsGuardian()
    for model, sources in ((Task, (access, part)), (Note, (passes, share))):
        assert [*check_rows(replace(of(model), sources=sources))] == []


NAMES = {
    '"edit"': "9",
    '"read"': "1",
    "owner": "keeper",
    "watcher": "looker",
    '("content_type", "object_id")': '("kind", "key")',
    "work.Participation": "listed.Part",
    "work.": "listed.",
    '"team", members="people", object="ticket"': '"team", members="people", object="note"',
    '"ticket"': '"task"',
}
