"""Rows that are not live themselves, but are shown: whatever is written to them leaves a note."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db import transaction

from permissions.audiences import Shows, registry
from permissions.representation import ObjectKey
from realtime.capture import dependents, notes, waking
from realtime.capture.installing import install
from realtime.capture.notes import Note, noted
from realtime.hub.tail import read_tail
from realtime.models import Change
from realtime.publishing.publisher import publisher
from resources.documents.audiences import DOCUMENTS
from resources.models import Document
from tenants.models import User
from tests.announced import announced
from tests.realtime.capture.documents import execute
from tests.realtime.capture.test_triggers_past_django import on_sqlite
from tests.realtime.recorded import Recording
from tests.world import World

THROUGH: Any = User.groups.through

ShowIn = Callable[..., None]


def called(groups: list[Group]) -> Any:
    """Documents show the group that has their title: a relation of somebody's own."""
    names = [group.name for group in groups]
    return Document.objects.across_tenants().filter(title__in=names)


def of_members(rows: list[Any]) -> Any:
    """Documents show their owner's groups."""
    owners = [row.user_id for row in rows]
    return Document.objects.across_tenants().filter(owner__in=owners)


def installed() -> None:
    """The triggers are those that the declarations ask for."""
    install()
    waking._tables.cache_clear()
    announced()


@pytest.fixture
def show(world: World) -> Iterator[ShowIn]:
    """`show(model, find)` until the test ends."""

    def declare(model: Any, find: Callable[[list[Any]], Any], *fields: str) -> None:
        shows = Shows("owner_name", model, fields, find=find, by=("owner",))
        registry.register(replace(DOCUMENTS, shows=(shows,)))
        installed()

    yield declare
    registry.register(DOCUMENTS)
    installed()


@pytest.fixture
def titled(world: World, show: ShowIn) -> dict[str, Recording]:
    """What is recorded of the documents A, B and C; a group is called A."""
    show(Group, called, "name")
    documents = {title: world.create(title=title) for title in "ABC"}
    execute("INSERT INTO auth_group (name) VALUES ('A')")
    announced()
    return {title: Recording(document) for title, document in documents.items()}


def raised(recordings: dict[str, Recording]) -> set[str]:
    announced()
    return {title for title, recording in recordings.items() if recording.risen}


def test_row_that_others_showed_and_others_show_now_raises_both(
    titled: dict[str, Recording],
) -> None:
    execute("UPDATE auth_group SET name = 'B' WHERE name = 'A'")
    assert raised(titled) == {"A", "B"}
    assert titled["A"].shows(["owner_name"])


def test_new_row_raises_what_shows_it(titled: dict[str, Recording]) -> None:
    execute("INSERT INTO auth_group (name) VALUES ('C')")
    assert raised(titled) == {"C"}


@pytest.mark.parametrize("way", ["instance", "query set", "DELETE"])
def test_deleted_row_raises_what_showed_it(titled: dict[str, Recording], way: str) -> None:
    if way == "instance":
        Group.objects.get(name="A").delete()
    elif way == "query set":
        Group.objects.filter(name="A").delete()
    else:
        execute("DELETE FROM auth_group WHERE name = 'A'")
    assert raised(titled) == {"A"}


@on_sqlite
@pytest.mark.parametrize(
    "write",
    [
        "INSERT OR REPLACE INTO auth_group (id, name) SELECT id, 'B' FROM auth_group",
        "UPDATE OR REPLACE auth_group SET name = 'A' WHERE name = 'B'",
    ],
)
def test_row_that_another_replaces_raises_what_showed_it(
    titled: dict[str, Recording], write: str
) -> None:
    if write.startswith("UPDATE"):
        execute("INSERT INTO auth_group (name) VALUES ('B')")
        assert raised(titled) == {"B"}
    execute(write)
    assert raised(titled) == {"A", "B"}


def test_row_that_reads_as_before_raises_nothing(titled: dict[str, Recording]) -> None:
    execute("UPDATE auth_group SET name = 'A' WHERE name = 'A'")
    assert raised(titled) == set()


def test_rolled_back_row_raises_nothing(titled: dict[str, Recording]) -> None:
    with transaction.atomic():
        Group.objects.filter(name="A").update(name="B")
        transaction.set_rollback(True)
    assert raised(titled) == set()


def test_row_between_two_raises_what_shows_them(world: World, show: ShowIn) -> None:
    show(THROUGH, of_members, "group")
    group, owner = Group.objects.create(name="A"), world.user("owner")
    other, member = Group.objects.create(name="B"), world.user("member")
    writes: list[Callable[[], object]] = [
        lambda: owner.groups.add(group),
        lambda: THROUGH.objects.filter(group=group).update(group=other),
        lambda: THROUGH.objects.filter(group=other).update(user=member),
        lambda: THROUGH.objects.filter(group=other).update(user=owner),
        lambda: execute(f"DELETE FROM {THROUGH._meta.db_table} WHERE group_id = %s", other.pk),
    ]
    for write in writes:
        recording = Recording(world.document)
        write()
        announced()
        assert recording.shows(["owner_name"])


def test_tail_finds_what_shows_the_row_in_its_tenants_only(
    world: World, show: ShowIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    show(Group, called, "name")
    monkeypatch.setattr(publisher, "wake", lambda: None)
    mine, foreign = world.create(title="A"), world.create("globex", "both", title="A")
    marks = read_tail(list, None).marks
    execute("INSERT INTO auth_group (name) VALUES ('A')")
    execute("UPDATE auth_group SET name = 'B' WHERE name = 'A'")
    found = read_tail(lambda: [mine.tenant_id], marks).showing
    assert found == {(mine.tenant_id, ObjectKey("resources.document", mine.pk))}
    both = read_tail(lambda: [mine.tenant_id, foreign.tenant_id], marks).showing
    assert len(both) == 2


def test_new_row_that_nobody_can_show_yet_leaves_no_note(world: World) -> None:
    """A profile names its person's key, so the person was there before it."""
    key = User.objects.create(username="new").pk
    assert not Change.objects.filter(model="earshot_tenants.user", object_id=key).exists()


def test_note_keeps_no_more_of_a_row_than_finds_what_shows_it(world: World) -> None:
    execute("UPDATE earshot_tenants_user SET username = 'renamed' WHERE username = 'owner'")
    note = Change.objects.filter(model="earshot_tenants.user", version=0).latest("pk")
    assert note.fields == {"was": {"id": world.user("owner").pk, "username": "owner"}}


@pytest.mark.django_db
@pytest.mark.parametrize("fields", [None, ["name"], {"was": None}, {"was": ["A"]}, {}])
def test_note_without_a_row_of_before_is_about_the_row_as_it_is(fields: Any) -> None:
    group = Group.objects.create(name="A")
    assert notes.rows([noted(ObjectKey("auth.group", group.pk), fields)]) == {Group: [group]}


@pytest.mark.django_db
def test_odd_notes_are_about_nothing() -> None:
    odd = [Note(ObjectKey("auth.gone", 1), None), Note(ObjectKey("nonsense", 1), {"name": "A"})]
    assert notes.rows(odd) == {}
    unknown = [
        Note(ObjectKey("auth.group", 7), {"gone": 1}),
        Note(ObjectKey("auth.group", 8), {"id": "x"}),
    ]
    assert notes.rows(unknown) == {Group: []}
    assert dependents.showing_noted(unknown) == set()


def test_deleted_row_that_nobody_shows_leaves_no_note(world: World) -> None:
    world.document.delete()
    assert not Change.objects.filter(version=0, model="resources.document").exists()


def test_raising_that_fails_does_not_fail_the_committed_write(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> None:
        raise RuntimeError

    monkeypatch.setattr("realtime.capture.dependents.raise_for", fail)
    both = world.user("both")
    both.username = "renamed"
    both.save()
    announced()
