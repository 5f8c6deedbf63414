"""Writes by which somebody loses, gains or sees something else, of objects of every kind."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from django.contrib.auth.models import Group
from django.contrib.contenttypes.models import ContentType

from resources.models import Document
from tests.keyed.place import KEYS
from tests.realtime.capture.ways import Write
from tests.whoever_case import GONE, Case
from tests.whoever_keyed_before import (
    ANOTHER,
    another,
    at,
    from_elsewhere,
    given,
    gone,
    grant,
    group_given,
    handed_over,
    in_group,
    linked,
    member_of_everybody,
    mine,
    new_member,
    no_more,
    on_another,
    others,
    role_given,
    thing,
    thing_written,
    verb,
    with_permission,
    with_type,
)
from tests.whoever_keyed_paths import Cases, by_path
from tests.whoever_scene import IN_GROUPS, Scene

LIVE = ("small", "unique", "named")
BESIDE = ("paper", "folder", "sheet")
BY_PATH = ("book", "leaf")
EVERY = (*LIVE, *BESIDE, *BY_PATH, "loose")
AGO = datetime(2020, 1, 1, tzinfo=UTC)
PAST_GUARDIAN = (
    "query set", "base manager", "historical model", "SQL", "another program", "ON CONFLICT",
    "OR REPLACE",
)  # fmt: skip
"""It does not save a row that names nothing."""
PAST_ITS_MANAGER = ("historical model", "SQL", "another program", "ON CONFLICT", "OR REPLACE")


def heir(s: Scene) -> Any:
    return s.users["heir"]


def reader(s: Scene) -> Any:
    return s.reader


def other_group(s: Scene) -> Group:
    return Group.objects.create(name=f"other-{s.number}")


def losses_of(name: str) -> Cases:
    return {
        "a grant is taken": Case("user rows", given(name), Scene.here, GONE),
        "a grant becomes somebody else's": Case(
            "user rows", given(name), lambda s: s.here(user=heir(s)), GONE
        ),
        "a grant becomes one on another object": Case(
            "user rows", given(name), lambda s: s.here(**at(s, another(s, name))), GONE
        ),
        "a grant becomes another permission": Case(
            "user rows", given(name), lambda s: s.here(**verb(s, "delete")), GONE
        ),
        "a group's grant is taken": Case(
            "group rows", group_given(name), Scene.here, GONE, cascade=lambda s: s.here(s.group)
        ),
        "a group's grant becomes another group's": Case(
            "group rows", group_given(name), lambda s: s.here(group=other_group(s)), GONE
        ),
        "a group's grant becomes one on another object": Case(
            "group rows", group_given(name), lambda s: s.here(**at(s, another(s, name))), GONE
        ),
        "a user leaves a group": Case(
            "groups", in_group(name), Scene.here, GONE, cascade=lambda s: s.here(s.group)
        ),
        "a permission is renamed": Case(
            "permission", with_permission(name), lambda s: s.here(codename="x"), GONE
        ),
        "a content type is renamed": Case(
            "content type", with_type(name), lambda s: s.here(model="x"), GONE
        ),
        "it is handed over": Case(
            "object", handed_over(name), thing_written(owner=heir), GONE, "keeper", witness="heir"
        ),
        "it is deleted": Case("object", mine(name), Scene.here, GONE, "keeper", witness=None),
    }  # fmt: skip


def gains_of(name: str) -> Cases:
    return {
        "a grant is given": Case("user rows", thing(name), grant(), "looker", None),
        "a greater grant is given": Case("user rows", given(name), grant("change"), "keeper"),
        "a grant becomes the reader's": Case(
            "user rows", others(name, user=heir), lambda s: s.here(user=s.reader), "looker", None
        ),
        "a grant becomes one on it": Case(
            "user rows", on_another(name), lambda s: s.here(**at(s, s.thing)), "looker", None
        ),
        "a group's greater grant is given": Case(
            "group rows", group_given(name), grant("change", group=True), "keeper"
        ),
        "a user joins a group": Case(
            "groups", gone(in_group(name)),
            lambda s: Write(IN_GROUPS, None, {"user": s.reader, "group": s.group}), "looker", None,
        ),
        "a permission gets its name back": Case(
            "permission", with_permission(name, "x"), lambda s: s.here(codename=f"view_{name}"),
            "looker", None,
        ),
        "a content type gets its name back": Case(
            "content type", with_type(name, "x"), lambda s: s.here(model=name), "looker", None
        ),
        "it is handed to the reader": Case(
            "object", given(name), thing_written(owner=reader), "keeper"
        ),
        "it is made": Case("object", no_more(name), Scene.again, "keeper", None),
    }  # fmt: skip


def losses_beside(name: str) -> Cases:
    """Of objects as they were before: they may move, be hidden, and name members."""
    return {
        "a grant becomes a lesser one": Case(
            "user rows", given(name, "change"), lambda s: s.here(**verb(s, "view")), "looker",
            "keeper", "version",
        ),
        "a member is taken out": Case("members", linked(name), Scene.here, GONE),
        "a member becomes somebody else": Case(
            "members", linked(name), lambda s: s.here(user=heir(s)), GONE
        ),
        "a member becomes one of another object": Case(
            "members", linked(name), lambda s: s.here(**{name: another(s, name)}), GONE
        ),
        "it is marked as deleted": Case(
            "object", given(name), thing_written(deleted_at=AGO), GONE, witness=None
        ),
        "it goes to another tenant": Case(
            "object", given(name), thing_written(tenant=lambda s: s.elsewhere), GONE, witness=None
        ),
        "it gets another key": Case(
            "object", mine(name),
            lambda s: s.here(s.thing, **{s.thing._meta.pk.name: KEYS[name](s.number + ANOTHER)}),
            GONE, "keeper",
            witness=None, only=("query set", "SQL", "another program"),
        ),
    }  # fmt: skip


def gains_beside(name: str) -> Cases:
    return {
        "a member is put in": Case("members", thing(name), new_member, "looker", None),
        "a member becomes the reader": Case(
            "members", linked(name, user=heir), lambda s: s.here(user=s.reader), "looker", None
        ),
        "a member becomes one of it": Case(
            "members", linked(name, **{name: lambda s: another(s, name)}),
            lambda s: s.here(**{name: s.thing}), "looker", None,
        ),
        "it is no longer marked as deleted": Case(
            "object", given(name, deleted_at=AGO), thing_written(deleted_at=None), "looker", None,
            only=PAST_ITS_MANAGER,
        ),
        "it comes from another tenant": Case(
            "object", from_elsewhere(name), thing_written(tenant=lambda s: s.tenant), "looker",
            None,
        ),
    }  # fmt: skip


def changes_of(name: str) -> Cases:
    shown = {"title": "New"}
    found = {"it changes": Case("object", given(name), thing_written(title="New"), shown)}
    if name in BESIDE:
        found["what the database computes of it changes"] = Case(
            "object", mine(name), thing_written(title="loud"), {"loud": "LOUD"}, "keeper"
        )
    return found


GENERIC_LOSSES = {
    "a grant becomes one on another model's object": Case(
        "user rows", given("sheet"),
        lambda s: s.here(content_type=ContentType.objects.get_for_model(Document)), GONE,
        only=PAST_GUARDIAN,
    ),
    "a grant names nothing": Case(
        "user rows", given("sheet"), lambda s: s.here(object_pk="nothing"), GONE,
        only=PAST_GUARDIAN,
    ),
    "a role's group is renamed": Case(
        "group", role_given("sheet"), lambda s: s.here(name=f"no-role-{s.number}"), GONE
    ),
}  # fmt: skip
GENERIC_GAINS = {
    "a grant becomes one on its model": Case(
        "user rows",
        others("sheet", content_type=lambda s: ContentType.objects.get_for_model(Document)),
        lambda s: s.here(content_type=ContentType.objects.get_for_model(s.thing)), "looker", None,
    ),
    "a group becomes a role's": Case(
        "group", role_given("sheet", "no-role"),
        lambda s: s.here(name=f"tenant:{s.tenant.pk}:member"), "looker", None,
    ),
}  # fmt: skip
EVERYBODYS_LOSSES = {
    "a member of everybody is removed": Case(
        "membership", member_of_everybody("loose"), Scene.here, 4403
    ),
    "a member of everybody is suspended": Case(
        "membership", member_of_everybody("loose"), lambda s: s.here(is_active=False), 4403
    ),
}
EVERYBODYS_GAINS = {
    "a member of everybody is active again": Case(
        "membership", member_of_everybody("loose", is_active=False),
        lambda s: s.here(is_active=True), "looker", "out",
    ),
}  # fmt: skip


def _all(of: Callable[[str], Cases], names: tuple[str, ...]) -> Cases:
    return {case: it for name in names for case, it in _named(name, of(name)).items()}


def _named(name: str, cases: Cases) -> Cases:
    """Who is a viewer of our own models is a looker of these."""
    lookers = {c: it._replace(sees="looker") for c, it in cases.items() if it.sees == "viewer"}
    return {f"{name}: {case}": it for case, it in (cases | lookers).items()}


PATHS = {"book": by_path("book", "shelf"), "leaf": by_path("leaf", "board")}
KEYED_LOSSES = {
    **_all(losses_of, EVERY),
    **_all(losses_beside, BESIDE),
    **_all(lambda name: PATHS[name][0], BY_PATH),
    **_named("sheet", GENERIC_LOSSES),
    **_named("loose", EVERYBODYS_LOSSES),
}
KEYED_GAINS = {
    **_all(gains_of, EVERY),
    **_all(gains_beside, BESIDE),
    **_all(lambda name: PATHS[name][1], BY_PATH),
    **_named("sheet", GENERIC_GAINS),
    **_named("loose", EVERYBODYS_GAINS),
}
KEYED_CHANGES = _all(changes_of, EVERY)
KEYED = {**KEYED_LOSSES, **KEYED_GAINS, **KEYED_CHANGES}
