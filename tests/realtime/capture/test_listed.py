"""Rows of the project's own that give audiences are followed and kept, whoever writes them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from django.contrib.auth.models import Group

from tenants.models import Membership
from tests.client import SocketClient, connect, in_thread
from tests.keyed.place import kinds
from tests.listed.place import (
    Access,
    Part,
    Pass,
    Share,
    Task,
    Team,
    id,
    installed,
    listed,
    note,
    passed,
    project,
    raw,
    task,
)
from tests.world import World

__all__ = ["installed", "listed"]

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
async def socket(listed: World) -> AsyncIterator[SocketClient]:
    """The viewer's."""
    async with await in_thread(connect)(listed, "viewer") as found:
        await found.receive_until("WELCOME")
        yield found


async def follows(socket: SocketClient, obj: Any, steps: list[tuple[Any, str]]) -> None:
    """A window and a subscription say after each write what it gave or took."""
    label = type(obj)._meta.label_lower
    await socket.send({"model": label, "window": "w"})
    assert kinds(await socket.settle()) == ["SUBSCRIBED"]
    for write, wanted in steps:
        await in_thread(write)()
        frames = await socket.settle()
        assert [f.get("audience", f["type"].partition("_")[0]) for f in frames] == [wanted]


async def test_list_of_access_is_followed_whoever_writes_it(
    listed: World, socket: SocketClient
) -> None:
    obj = await in_thread(task)(listed)
    viewer, other = listed.user("viewer"), listed.user("member")
    add = 'INSERT INTO listed_access ("a task", person_id, level) VALUES (%s, %s, %s)'
    table = "UPDATE listed_access SET"
    await follows(
        socket,
        obj,
        [
            (lambda: raw(add, obj.pk, viewer.pk, -1), "looker"),
            (lambda: Access.objects.update(level=8), "keeper"),
            (lambda: raw(f"{table} person_id = %s", other.pk), "LEFT"),
            (lambda: Access.objects.update(person=viewer), "keeper"),
            (lambda: raw(f"{table} level = 3"), "LEFT"),
            (lambda: raw(f"{table} level = 9"), "keeper"),
            (Access.objects.all().delete, "LEFT"),
        ],
    )


async def test_members_of_what_objects_refer_to_are_followed(
    listed: World, socket: SocketClient
) -> None:
    obj, other = await in_thread(task)(listed), await in_thread(project)(listed, "other")
    viewer = listed.user("viewer")
    part = {"project": obj.project, "person": viewer, "role": "lead"}
    await follows(
        socket,
        obj,
        [
            (lambda: Part.objects.create(**part), "keeper"),
            (lambda: Part.objects.update(role=None), "looker"),
            (lambda: Task.objects.update(project=other), "LEFT"),
            (lambda: Part.objects.update(project=other), "looker"),
            (lambda: raw('UPDATE "a task" SET project_id = NULL'), "LEFT"),
            (lambda: raw('UPDATE "a task" SET project_id = %s', "other"), "looker"),
            (lambda: Part.objects.update(role="stranger"), "LEFT"),
        ],
    )


async def test_passes_and_shares_are_followed(listed: World, socket: SocketClient) -> None:
    obj, viewer = await in_thread(note)(listed), listed.user("viewer")
    group = await in_thread(Group.objects.create)(name="G")
    team: Any = await in_thread(Team.objects.create)()
    key = str(obj.pk)
    await follows(
        socket,
        obj,
        [
            (lambda: passed(obj, viewer), "looker"),
            (lambda: Pass.objects.update(key="none"), "LEFT"),
            (lambda: Pass.objects.update(key=key), "looker"),
            (Pass.objects.all().delete, "LEFT"),
            (
                lambda: (team.people.add(viewer), Share.objects.create(note=obj, team=team)),
                "looker",
            ),
            (lambda: Share.objects.update(writes=True), "keeper"),
            (team.people.clear, "LEFT"),
            (lambda: team.people.add(viewer), "keeper"),
            (lambda: Share.objects.update(team=None, group=group), "LEFT"),
            (lambda: group.user_set.add(viewer), "keeper"),
            (group.user_set.clear, "LEFT"),
        ],
    )


async def test_who_takes_the_place_of_another_in_a_team_is_followed(
    listed: World, socket: SocketClient
) -> None:
    obj = await in_thread(note)(listed)
    one, other, share = Team.people.through, listed.user("member"), Share.objects.create
    made = await in_thread(team)(other)
    viewer = listed.user("viewer")
    await in_thread(share)(note=obj, team=made)
    await follows(
        socket,
        obj,
        [
            (lambda: one.objects.update(user=viewer), "looker"),
            (lambda: one.objects.update(user=other), "LEFT"),
        ],
    )


# What is told


def told(world: World, obj: Any) -> dict[str, Any]:
    Membership.objects.filter(user=world.user("admin")).update(role="reviewer")
    about = {"model": type(obj)._meta.label_lower, "id": id(obj), "user": world.user_id("viewer")}
    answer: dict[str, Any] = world.rest("admin").get("/api/review/explain/", about).json()
    return answer


def test_reader_is_told_by_which_row_and_since_when(listed: World) -> None:
    obj, paper, viewer = task(listed), note(listed), listed.user("viewer")
    assert "a row of listed.Part: keeper" in told(listed, obj)["changes"]
    ways = [
        (obj, "listed.Access", lambda: Access.objects.create(task=obj, person=viewer, level=-1)),
        (
            obj,
            "listed.Part",
            lambda: Part.objects.create(project=obj.project, person=viewer, role="lead"),
        ),
        (paper, "listed.Pass", lambda: passed(paper, viewer)),
        (
            paper,
            "listed.Share",
            lambda: Share.objects.create(note=paper, team=team(viewer), writes=True),
        ),
    ]
    for about, label, write in ways:
        assert told(listed, about)["how"] != f"a row of {label}"
        write()
        said = told(listed, about)
        assert (said["how"], said["default"]) == (f"a row of {label}", False)
        assert said["since"] is not None
    assert told(listed, obj)["audience"] == told(listed, paper)["audience"] == "keeper"


def team(*people: Any) -> Any:
    made: Any = Team.objects.create()
    made.people.set(people)
    return made


def saw(world: World, obj: Any) -> list[dict[str, Any]]:
    Membership.objects.filter(user=world.user("admin")).update(role="reviewer")
    about = {"model": type(obj)._meta.label_lower, "id": id(obj)}
    answer = world.rest("admin").get("/api/review/who-saw/", about)
    rows: list[dict[str, Any]] = answer.json()["results"]
    return rows


async def test_who_saw_it_in_a_window_is_told(listed: World, socket: SocketClient) -> None:
    obj, viewer = await in_thread(task)(listed), listed.user("viewer")
    await socket.send({"model": "listed.task", "window": "w"})
    await socket.settle()
    row = await in_thread(Part.objects.create)(project=obj.project, person=viewer, role="lead")
    assert kinds(await socket.settle()) == ["ENTERED"]
    await in_thread(row.delete)()
    assert kinds(await socket.settle()) == ["LEFT"]
    [seen] = await in_thread(saw)(listed, obj)
    assert (seen["audience"], seen["over"]) == ("keeper", "window")
    assert seen["until"] is not None
