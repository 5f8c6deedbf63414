"""Writes of a project's own rows that give audiences, and of what their objects are placed by."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.contrib.contenttypes.models import ContentType

from tests.keyed.place import installing
from tests.listed.place import Access, Note, Part, Pass, Project, Share, Stamp, Task, Team
from tests.realtime.capture.ways import Write
from tests.whoever_case import DJANGO, GONE, Case
from tests.whoever_keyed_before import ANOTHER, Before, gone, thing_written
from tests.whoever_scene import IN_GROUPS, Scene

Cases = dict[str, Case]
Values = Callable[[Scene], dict[str, Any]]
IN_TEAMS: Any = Team.people.through


@pytest.fixture(scope="module")
def installed(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """Models of other kinds, and those whose audiences rows of the project's own give."""
    with installing(django_db_blocker), installing(django_db_blocker, "listed"):
        yield


def project(s: Scene, name: str = "", tenant: str = "tenant") -> Any:
    code = f"p{s.number}{name}"
    return Project.objects.get_or_create(code=code, tenant=getattr(s, tenant))[0]


def heir(s: Scene) -> dict[str, Any]:
    return {"person": s.users["heir"]}


def other_task(s: Scene) -> Any:
    return Task.objects.create(pk=s.number, project=project(s), owner=s.users["owner"])


def other_note(s: Scene) -> Any:
    return Note.objects.create(tenant=s.tenant, owner=s.users["owner"])


def kind(model: Any) -> ContentType:
    return ContentType.objects.get_for_model(model)


def team(s: Scene, *names: str) -> Any:
    made: Any = Team.objects.create()
    made.people.set([s.users[name] for name in names])
    return made


# What is there before


def task(tenant: str = "tenant") -> Before:
    """The owner's, in a project of this tenant; the reader sees nothing."""

    def make(s: Scene) -> None:
        s.path = (project(s, tenant=tenant),)
        s.row = s.thing = Task.objects.create(
            pk=s.number + ANOTHER, project=s.path[0], owner=s.users["owner"], title="Plan"
        )

    return make


def note(tenant: str = "tenant") -> Before:
    def make(s: Scene) -> None:
        s.row = s.thing = Note.objects.create(
            tenant=getattr(s, tenant), owner=s.users["owner"], title="Plan"
        )

    return make


def with_row(make: Before, model: Any, values: Values, then: Values | None = None) -> Before:
    """The same, and a row that gives the reader an audience; it may be changed afterwards."""

    def give(s: Scene) -> None:
        make(s)
        s.row = model.objects.create(**values(s))
        if then is not None:
            model.objects.filter(pk=s.row.pk).update(**then(s))

    return give


def part(s: Scene) -> dict[str, Any]:
    return {"project": s.path[0], "person": s.reader, "role": "lead"}


def access(s: Scene) -> dict[str, Any]:
    return {"task": s.thing, "person": s.reader, "level": 8}


def stamp(s: Scene) -> dict[str, Any]:
    return {"kind": kind(Task), "number": s.thing.pk, "person": s.reader}


def passed(s: Scene) -> dict[str, Any]:
    return {"kind": kind(Note), "key": str(s.thing.pk), "person": s.reader}


def share(s: Scene) -> dict[str, Any]:
    return {"note": s.thing, "team": team(s, "reader")}


def group_share(s: Scene) -> dict[str, Any]:
    IN_GROUPS.objects.create(user=s.reader, group=s.group)
    return {"note": s.thing, "group": s.group}


def in_team(make: Before) -> Before:
    def give(s: Scene) -> None:
        with_row(make, Share, share)(s)
        s.row = IN_TEAMS.objects.get(team=s.row.team)

    return give


def of_path(before: Before) -> Before:
    def choose(s: Scene) -> None:
        before(s)
        s.row = s.path[0]

    return choose


# What is written

ROWS: dict[str, tuple[Before, Any, Values, str, dict[str, Values]]] = {
    "task: a part": (
        task(), Part, part, "keeper",
        {
            "becomes somebody else's": heir,
            "becomes one in another project": lambda s: {"project": project(s, "other")},
            "becomes one of a stranger": lambda s: {"role": "stranger"},
            "becomes nobody's": lambda s: {"person": None},
        },
    ),
    "task: an access": (
        task(), Access, access, "keeper",
        {
            "becomes somebody else's": heir,
            "becomes one to another task": lambda s: {"task": other_task(s)},
            "gets a level that gives nothing": lambda s: {"level": 3},
        },
    ),
    "task: a stamp": (
        task(), Stamp, stamp, "looker",
        {
            "becomes somebody else's": heir,
            "becomes one on another number": lambda s: {"number": s.number},
            "becomes one on another model's object": lambda s: {"kind": kind(Note)},
        },
    ),
    "note: a pass": (
        note(), Pass, passed, "looker",
        {
            "becomes somebody else's": heir,
            "becomes one to another note": lambda s: {"key": str(other_note(s).pk)},
            "becomes one to another model's object": lambda s: {"kind": kind(Task)},
        },
    ),
    "note: a share": (
        note(), Share, share, "looker",
        {
            "becomes another team's": lambda s: {"team": team(s, "heir")},
            "becomes one of another note": lambda s: {"note": other_note(s)},
        },
    ),
    "note: a group's share": (
        note(), Share, group_share, "looker",
        {
            "becomes a team's": lambda s: {"group": None, "team": team(s, "heir")},
            "becomes one of another note": lambda s: {"note": other_note(s)},
        },
    ),
}  # fmt: skip
"""By what they are called: what is there before, a row's model and values, what it gives, and by
which other values it gives that no more."""


def becoming(other: Values) -> Callable[[Scene], Write]:
    return lambda s: s.here(**other(s))


def again(model: Any) -> Callable[[Scene], Write]:
    """A row like that which was there."""
    return lambda s: Write(model, None, _but_key(s.row))


def _losses() -> Cases:
    found: Cases = {}
    for name, (make, model, values, sees, ways) in ROWS.items():
        before, table = with_row(make, model, values), name.partition(": ")[2]
        found[f"{name} ends"] = Case(table, before, Scene.here, GONE, sees)
        for way, other in ways.items():
            found[f"{name} {way}"] = Case(table, before, becoming(other), GONE, sees)
    return found


def _gains() -> Cases:
    found: Cases = {}
    for name, (make, model, values, sees, ways) in ROWS.items():
        table = name.partition(": ")[2]
        found[f"{name} begins"] = Case(
            table,
            gone(with_row(make, model, values)),
            again(model),
            sees,
            None,
        )
        for way, other in ways.items():
            found[f"{name} that {way}, and back"] = Case(
                table, with_row(make, model, values, other), _back, sees, None
            )
    return found


def _but_key(row: Any) -> dict[str, Any]:
    fields = [field for field in row._meta.concrete_fields if not field.primary_key]
    return {field.name: getattr(row, field.name) for field in fields}


def _back(s: Scene) -> Write:
    """The row was changed past the instance, which has what it was."""
    return s.here(**_but_key(s.row))


LED = with_row(task(), Part, part)
PASSED = with_row(note(), Pass, passed)
LISTED_LOSSES: Cases = {
    **_losses(),
    "note: somebody leaves a team": Case(
        "team", in_team(note()), Scene.here, GONE, "looker", cascade=lambda s: s.here(s.row.team)
    ),
    "note: a place in a team becomes somebody else's": Case(
        "team", in_team(note()), lambda s: s.here(user=s.users["heir"]), GONE, "looker"
    ),
    "note: it goes to another tenant": Case(
        "object", PASSED, thing_written(tenant=lambda s: s.elsewhere), GONE, "looker", witness=None
    ),
    "note: it is deleted": Case(  # with its shares: passes, which name it by text, stay
        "object", with_row(note(), Share, share), lambda s: s.here(s.thing), GONE, "looker",
        witness=None, only=DJANGO,
    ),
    "task: it goes to another project": Case(
        "object", LED, thing_written(project=lambda s: project(s, "other")), GONE, "keeper"
    ),
    "task: it goes to no project": Case(
        "object", LED, thing_written(project=None), GONE, "keeper", witness=None
    ),
    "task: its project goes to another tenant": Case(
        "project", of_path(LED), lambda s: s.here(tenant=s.elsewhere), GONE, "keeper", witness=None
    ),
    "task: its project is deleted": Case(
        "project", of_path(LED), Scene.here, GONE, "keeper", witness=None,
        only=(*DJANGO, "TRUNCATE"),
    ),
}  # fmt: skip
LISTED_GAINS: Cases = {
    **_gains(),
    "note: somebody joins a team": Case(
        "team", gone(in_team(note())), again(IN_TEAMS), "looker", None
    ),
    "note: it comes from another tenant": Case(
        "object", with_row(note("elsewhere"), Pass, passed),
        thing_written(tenant=lambda s: s.tenant), "looker", None,
    ),
    "task: its project comes from another tenant": Case(
        "project", of_path(with_row(task("elsewhere"), Access, access)),
        lambda s: s.here(tenant=s.tenant), "keeper", None,
    ),
}  # fmt: skip
LISTED_CHANGES: Cases = {
    "task: it changes": Case("object", LED, thing_written(title="New"), {"title": "New"}, "keeper"),
    "note: it changes": Case(
        "object", PASSED, thing_written(title="New"), {"title": "New"}, "looker"
    ),
}
LISTED = {**LISTED_LOSSES, **LISTED_GAINS, **LISTED_CHANGES}
