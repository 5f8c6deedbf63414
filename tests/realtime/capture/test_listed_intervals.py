"""Rows of the project's own that give audiences keep intervals, as grants do."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth.models import Group
from django.contrib.contenttypes.models import ContentType

from permissions.audiences import registry
from permissions.sources import Rows
from realtime.capture import listed as capture
from realtime.capture.installing import differences, drop, install
from realtime.capture.interval_models import Belongs, Held
from tenants.keys import as_logged
from tests.listed.place import (
    Access,
    Note,
    Part,
    Pass,
    Project,
    Share,
    Task,
    Team,
    installed,
    listed,
    note,
    passed,
    project,
    stamped,
    task,
)
from tests.world import World

__all__ = ["installed", "listed"]

pytestmark = pytest.mark.django_db(transaction=True)


def held(source: str) -> list[tuple[str, str, str, str, str]]:
    """The tenant, the permission, the beginning and the end of what rows of a table gave."""
    rows = Held.objects.filter(source__startswith=f"listed_{source}.").order_by("pk")
    names = ("principal", "tenant__slug", "permission", "began", "ended")
    return list(rows.values_list(*names))


def belonging(principal: str) -> list[tuple[str, str]]:
    rows = Belongs.objects.filter(principal=principal).order_by("pk")
    return list(rows.values_list("began", "ended"))


def test_intervals_of_access_are_those_of_the_row_and_of_its_objects_place(listed: World) -> None:
    obj, viewer = task(listed), listed.user("viewer")
    row = Access.objects.create(task=obj, person=viewer, level=9)
    Access.objects.create(task=obj, person=viewer, level=7)
    me = f"user:{viewer.pk}"
    assert held("access") == [(me, "acme", "change_task", "listed", "")]
    Project.objects.update(tenant=listed.tenants["globex"])
    Task.objects.update(project=project(listed, "other"))
    Access.objects.filter(pk=row.pk).update(level=-1)
    Access.objects.all().delete()
    assert held("access") == [
        (me, "acme", "change_task", "listed", "tenant changed"),
        (me, "globex", "change_task", "tenant changed", "object written"),
        (me, "acme", "change_task", "object written", "listed"),
        (me, "acme", "view_task", "listed", "listed"),
    ]


def test_intervals_of_what_users_and_objects_have_in_common(listed: World) -> None:
    obj, viewer = task(listed), listed.user("viewer")
    lead, guest = (f"listed_part.listed.task.0.{name}:tp" for name in ("keeper", "looker"))
    both = {(lead, "acme", "change_task", "listed"), (guest, "acme", "view_task", "listed")}
    assert {row[:4] for row in held("part")} == both
    Part.objects.create(project=obj.project, person=viewer, role="lead")
    Part.objects.create(project=obj.project, person=viewer, role="stranger")
    Part.objects.create(project=obj.project, person=None, role="lead")
    assert (belonging(lead), belonging(guest)) == ([("listed", "")], [])
    Part.objects.filter(role="lead").update(role=None)
    assert (belonging(lead), belonging(guest)) == ([("listed", "listed")], [("listed", "")])
    Project.objects.update(tenant=listed.tenants["globex"])
    assert {row[1:] for row in held("part")[2:]} == {
        ("globex", "change_task", "tenant changed", ""),
        ("globex", "view_task", "tenant changed", ""),
    }
    Task.objects.all().delete()
    assert not Held.objects.filter(model="listed.task", ended_at=None).exists()


def test_intervals_of_passes_end_and_begin_with_the_object_that_they_name(listed: World) -> None:
    obj, viewer = note(listed), listed.user("viewer")
    passed(obj, viewer)
    passed(task(listed), viewer)
    Note.objects.update(tenant=listed.tenants["globex"])
    Note.objects.all().delete()
    note(listed, pk=obj.pk)
    Pass.objects.all().delete()
    me = f"user:{viewer.pk}"
    assert held("pass") == [
        (me, "acme", "view_note", "listed", "object written"),
        (me, "globex", "view_note", "object written", "object written"),
        (me, "acme", "view_note", "object written", "listed"),
    ]


def test_intervals_of_stamps_go_along_with_the_place_of_what_they_name(listed: World) -> None:
    obj, viewer = task(listed), listed.user("viewer")
    stamped(obj, viewer)
    Pass.objects.create(kind=ContentType.objects.get_for_model(Task), key=obj.pk, person=viewer)
    Project.objects.update(tenant=listed.tenants["globex"])
    me = f"user:{viewer.pk}"
    assert held("stamp") == [
        (me, "acme", "view_task", "listed", "tenant changed"),
        (me, "globex", "view_task", "tenant changed", ""),
    ]


def test_rows_about_objects_that_stay_are_followed_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """An object of a live model keeps its tenant: its own writes are none of the rows'."""
    rows = Rows("resources.DocumentUserGrant", user="user", object="content_object", gives="viewer")
    document: Any = apps.get_model("resources.Document")
    resource = replace(registry.of(document), sources=(rows,))
    monkeypatch.setattr(capture, "registry", [resource])
    [only] = capture.accesses()
    assert only.table == apps.get_model(rows.model)._meta.db_table


def test_intervals_of_teams_and_groups(listed: World) -> None:
    obj, viewer = note(listed), listed.user("viewer")
    team, group = Team.objects.create(), Group.objects.create(name="G")
    share = Share.objects.create(note=obj, team=team)
    team.people.add(viewer)
    group.user_set.add(viewer)
    Share.objects.filter(pk=share.pk).update(group=group, team=None)
    team.people.clear()
    theirs, ours = f"listed_team_people:{as_logged(team.pk)}", f"group:{group.pk}"
    assert held("share") == [
        (theirs, "acme", "view_note", "listed", "listed"),
        (ours, "acme", "view_note", "listed", ""),
    ]
    assert belonging(theirs) == [("team", "team")]
    assert belonging(ours) == [("groups", "")]


def test_what_was_written_without_triggers_is_found_at_the_next_migrate(listed: World) -> None:
    obj, viewer = task(listed), listed.user("viewer")
    drop()
    try:
        Access.objects.create(task=obj, person=viewer, level=9)
        Part.objects.create(project=obj.project, person=viewer, role="lead")
    finally:
        install()
    assert not differences()
    assert held("access")[0][2:] == ("change_task", "before the record", "")
    assert belonging("listed_part.listed.task.0.keeper:tp") == [("before the record", "")]
