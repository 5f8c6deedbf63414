"""Whoever writes what is placed in a tenant, and whoever moves it to another one at the same time:
whichever commits first, both logs and the intervals have it where it is in the end."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db import OperationalError, connection, transaction
from guardian.shortcuts import assign_perm

from permissions.models import AccessChange
from realtime.capture import changes
from realtime.capture.live import MOVED
from realtime.models import Change, Held
from tests.crossing import Step, ask, crossed, is_told_to_try_again
from tests.databases import on_postgresql
from tests.keyed.models import Board, Shelf
from tests.keyed.place import Place, installed, keyed, place_of
from tests.permissions.conftest import on_its_own
from tests.realtime.capture.kept import unkept
from tests.test_concurrency import until_blocking
from tests.world import World

__all__ = ["installed", "keyed"]

pytestmark = [on_postgresql, pytest.mark.django_db(transaction=True)]


class Rows:
    """An object of the model in acme, and what places it."""

    def __init__(self, world: World, name: str) -> None:
        self.place: Place = place_of(world, name)
        self.here, self.there = world.tenants["acme"], world.tenants["globex"]
        self.shelf, self.far = (Shelf.objects.create(tenant=t) for t in (self.here, self.there))
        self.board = Board.objects.create(shelf=self.shelf)
        self.obj = self.make(1)

    def make(self, number: int) -> Any:
        name = self.place.model._meta.model_name
        by: dict[str, Any] = {"book": {"shelf": self.shelf}, "leaf": {"board": self.board}}
        return self.place.create(number, **by.get(name, {}))

    def update(self, **values: Any) -> None:
        self.place.model._base_manager.filter(pk=self.obj.pk).update(**values)

    @property
    def codename(self) -> str:
        return f"view_{self.place.model._meta.model_name}"


Act = Callable[[Rows], object]


def made(r: Rows) -> None:
    r.obj = r.make(2)


def deleted(r: Rows) -> None:
    r.place.raw("DELETE FROM {table}")


def raised(r: Rows) -> None:
    with transaction.atomic():
        found = changes.locked(r.place.model, pk=r.obj.pk)
        changes.raise_versions(r.place.model, ["title"], found)


def renamed(r: Rows) -> None:
    r.update(title="New")


def handed_over(r: Rows) -> None:
    r.update(owner=r.place.world.user("viewer"))


def granted(r: Rows) -> None:
    assign_perm(r.codename, r.place.world.user("viewer"), r.obj)


def group_granted(r: Rows) -> None:
    assign_perm(r.codename, Group.objects.create(name="crowd"), r.obj)


def linked(r: Rows) -> None:
    r.obj.members.add(r.place.world.user("viewer"))


def shelf_moves(r: Rows) -> None:
    Shelf.objects.filter(pk=r.shelf.pk).update(tenant=r.there)


def board_moves(r: Rows) -> None:
    Board.objects.filter(pk=r.board.pk).update(shelf=r.far)


def book_moves(r: Rows) -> None:
    r.update(shelf=r.far)


def it_moves(r: Rows) -> None:
    r.update(tenant=r.there)


BY_SHELF: tuple[Act, ...] = (made, deleted, renamed, raised, handed_over, granted, group_granted)
PAIRS: list[tuple[str, Act, Act]] = [
    *(("book", write, shelf_moves) for write in BY_SHELF),
    *(("leaf", write, move) for write in (made, granted) for move in (shelf_moves, board_moves)),
    ("leaf", board_moves, shelf_moves),
    ("book", granted, book_moves),
    ("book", book_moves, shelf_moves),
    *((name, w, it_moves) for name in ("paper", "folder", "sheet") for w in (granted, linked)),
]
of_each = pytest.mark.parametrize(
    ("name", "write", "move"), PAIRS, ids=[f"{n} {w.__name__} {m.__name__}" for n, w, m in PAIRS]
)


def at_once(first: Callable[[], object], second: Callable[[], object]) -> None:
    """The second waits until the first has committed."""
    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            first()
            waiting = pool.submit(on_its_own, second)
            until_blocking(connection)
        waiting.result(20)


def check(r: Rows, write: Act) -> None:
    """Whoever is told of the object where it is in the end is told last."""
    assert unkept() == []
    if write is deleted:
        assert not Held.objects.filter(model=r.place.resource.label, ended_at=None).exists()
        return
    mine = {"model": r.place.resource.label, "object_id": r.obj.pk}
    logs: tuple[Any, ...] = (Change, AccessChange)
    there = [row.at for log in logs for row in log.objects.filter(**mine, tenant=r.there)]
    here = [row.at for log in logs for row in log.objects.filter(**mine, tenant=r.here)
            if getattr(row, "cause", "") != MOVED]  # fmt: skip
    assert not here or max(there) > max(here)
    assert there


@of_each
def test_who_moves_waits_for_who_writes(keyed: World, name: str, write: Act, move: Act) -> None:
    r = Rows(keyed, name)
    at_once(lambda: write(r), lambda: move(r))
    check(r, write)


@of_each
def test_who_writes_waits_for_who_moves(keyed: World, name: str, write: Act, move: Act) -> None:
    r = Rows(keyed, name)
    at_once(lambda: move(r), lambda: write(r))
    check(r, write)


@pytest.mark.parametrize("write", BY_SHELF)
def test_write_that_moves_nothing_holds_up_nobody(keyed: World, write: Act) -> None:
    """As a counter in the row that places objects, which each of them raises."""
    r = Rows(keyed, "book")

    def count() -> None:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET LOCAL lock_timeout = '10s'")
            cursor.execute("UPDATE keyed_shelf SET tenant_id = tenant_id")

    with transaction.atomic(), ThreadPoolExecutor(1) as pool:
        write(r)
        pool.submit(on_its_own, count).result(20)
        count()


def in_an_old_snapshot(r: Rows, write: Act, move: Act) -> None:
    """Somebody who repeats reads writes after another moved what they have already looked at."""
    looked, moved = Event(), Event()

    def late() -> None:
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            assert r.place.model._base_manager.exists()
            looked.set()
            assert moved.wait(60)
            write(r)

    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(on_its_own, late)
        assert looked.wait(60)
        move(r)
        moved.set()
        waiting.result(60)


OLD = [pair for pair in PAIRS if pair[1] in (granted, linked, raised, made) and pair[0] != "leaf"]


@pytest.mark.parametrize(
    ("name", "write", "move"), OLD, ids=[f"{n} {w.__name__} {m.__name__}" for n, w, m in OLD]
)
def test_who_writes_in_a_snapshot_that_is_older_than_a_move_fails(
    keyed: World, name: str, write: Act, move: Act
) -> None:
    """Else the logs would have it in the tenant where it was."""
    r = Rows(keyed, name)
    with pytest.raises(OperationalError, match="could not serialize"):
        in_an_old_snapshot(r, write, move)
    write(r)
    check(r, write)


def test_of_two_who_write_and_move_in_opposite_orders_one_can_try_again(keyed: World) -> None:
    """Each waits for the other: PostgreSQL ends one of them, of whom nothing is left."""
    r = Rows(keyed, "book")

    def steps(number: int, mine: Any, other: Any) -> tuple[Step, Step]:
        move = Shelf.objects.filter(pk=other.pk).update
        return (lambda: r.place.create(number, shelf=mine)), (lambda: move(tenant=mine.tenant))

    both = steps(2, r.shelf, r.far), steps(3, r.far, r.shelf)
    answers, refused = crossed(*both)
    assert is_told_to_try_again(answers[refused])
    keys = [r.place.key(number) for number in (2, 3)]
    made: Any = r.place.model._base_manager.filter(pk__in=keys)
    assert [row.pk for row in made] == [keys[1 - refused]]
    assert unkept() == []
    assert ask(*both[refused]).status_code == 204
    assert made.all().count() == 2
    assert unkept() == []
