"""Writers that wait for each other, roll back and write stale copies.

Whatever they do, live readers get the net result: never an older state, and never what was undone.
Where writes come from, and how fast, is in `tests/test_writers.py`.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from time import monotonic
from typing import Any

import pytest
from django.db import connection, connections, transaction

from resources.models import Document
from tests.announced import announced
from tests.client import SocketClient, in_thread, quiet, subscribed
from tests.realtime.recorded import Recording
from tests.test_races import asleep
from tests.world import World

CANARY = "rolled back"

pytestmark = pytest.mark.usefixtures("by_hand")


def stored(world: World) -> Document:
    """The document as it is in the database, in an instance of its own."""
    document: Document = Document.objects.get(tenant=world.tenants["acme"], pk=world.document.pk)
    return document


def rows(world: World) -> Any:
    return Document.objects.filter(tenant=world.tenants["acme"], pk=world.document.pk)


async def fresh(world: World, username: str) -> Any:
    """What REST answers to this user now."""
    return await in_thread(lambda: world.rest(username).get(world.url).json())()


def held(socket: SocketClient, world: World) -> Any:
    """The live copy."""
    return socket.copies["resources.document", world.id]


def on_its_own(work: Callable[[], None]) -> None:
    """Run on a thread that gives its connection back."""
    try:
        work()
    finally:
        connections.close_all()


# Two at once.


def save_the_budget(mine: Document) -> None:
    mine.budget = Decimal("2.00")
    mine.save()


def update_the_budget(mine: Document) -> None:
    Document.objects.filter(tenant=mine.tenant, pk=mine.pk).update(budget="2.00")


def put_the_title_back(mine: Document) -> None:
    """To what it was before the first writer: compared with that it would be no change."""
    Document.objects.filter(tenant=mine.tenant, pk=mine.pk).update(title=mine.title)


SECOND: list[tuple[Callable[[Document], None], str, str]] = [
    (save_the_budget, "First", "2.00"),
    (update_the_budget, "First", "2.00"),
    (put_the_title_back, "Plan", "10.00"),
]


@pytest.mark.each_case
@pytest.mark.parametrize(("write", "title", "budget"), SECOND)
async def test_a_writer_that_waited_for_another_loses_nothing_of_either(
    world: World, write: Callable[[Document], None], title: str, budget: str
) -> None:
    """The second waits for the row until the first commits; both had loaded the same state."""
    saved, waiting = threading.Event(), threading.Event()

    def first() -> None:
        mine = stored(world)
        with transaction.atomic():
            mine.title = "First"
            mine.save()
            saved.set()
            assert waiting.wait(10)
            until_blocking(connection)

    def second() -> None:
        mine = stored(world)
        assert saved.wait(10)
        waiting.set()
        write(mine)

    recording = await in_thread(Recording)(world.document)
    async with subscribed(world, "owner") as owner:
        with ThreadPoolExecutor(2) as pool:
            works = [pool.submit(on_its_own, work) for work in (first, second)]
            for work in works:
                await asyncio.wrap_future(work)
        frames = await owner.settle()
        assert {frame["type"] for frame in frames} == {"UPDATE_DOCUMENT"}
        copy = held(owner, world)
        assert (copy["title"], copy["budget"]) == (title, budget)
        assert copy == await fresh(world, "owner")
    assert [version for version, _ in await in_thread(lambda: recording.rows)()] == [1, 2]
    assert await in_thread(lambda: recording.risen)() == 2


def until_blocking(holder: Any) -> None:
    """On PostgreSQL, wait until somebody really waits for this transaction's lock."""
    if holder.vendor == "postgresql":
        with holder.cursor() as cursor:
            deadline, blocked = monotonic() + 20, False
            while not blocked:
                assert monotonic() < deadline, "Nobody waits for this transaction."
                cursor.execute(
                    "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted"
                    " AND pg_backend_pid() = ANY (pg_blocking_pids(pid)))"
                )
                [blocked] = cursor.fetchone()


# Transactions and what is left of them.


def undone(work: Callable[[], object]) -> None:
    """Do this in a savepoint, and take it back."""
    with transaction.atomic():
        work()
        transaction.set_rollback(True)


def inner_undone(world: World) -> None:
    with transaction.atomic():
        world.write(title="Kept")
        undone(lambda: world.write(title=CANARY, review_notes=CANARY))


def inner_undone_and_another_kept(world: World) -> None:
    with transaction.atomic():
        undone(lambda: world.write(title=CANARY))
        with transaction.atomic():
            world.write(title="Kept")
        undone(lambda: rows(world).update(title=CANARY))


def only_the_inner(world: World) -> None:
    with transaction.atomic():
        undone(lambda: world.write(title=CANARY))


def the_outer(world: World) -> None:
    def outer() -> None:
        with transaction.atomic():
            world.write(title=CANARY)
        world.write(review_notes=CANARY)

    undone(outer)


def a_deletion_and_a_loss(world: World) -> None:
    with transaction.atomic():
        undone(lambda: stored(world).delete())
        undone(lambda: world.revoke("viewer"))
        undone(lambda: world.grant("viewer", "editor"))
        world.write(title="Kept")


def several_saves(world: World) -> None:
    with transaction.atomic():
        for title in ("One", "Two", "Kept"):
            world.write(title=title)
            world.write(body=f"Body of {title}")
        rows(world).update(status="published")
        announced()  # of what is not committed nothing may have been announced


def there_and_back(world: World) -> None:
    """Of a field that moves no stamp: afterwards everything is as it was."""
    with transaction.atomic():
        world.write(review_notes=CANARY, budget="99.00")
        world.write(review_notes="", budget="10.00")


def there_and_back_with_a_stamp(world: World) -> None:
    """`updated_at` says when the title was last changed, and it was."""
    with transaction.atomic():
        world.write(title=CANARY)
        world.write(title="Plan")


def lost_and_changed(world: World) -> None:
    with transaction.atomic():
        world.revoke("viewer")
        world.write(title="Kept")


OWNER, BOTH = {"owner"}, {"owner", "viewer"}
TRANSACTIONS: dict[str, tuple[Callable[[World], None], str, set[str]]] = {
    "an inner one undone": (inner_undone, "Kept", BOTH),
    "an inner one undone and another kept": (inner_undone_and_another_kept, "Kept", BOTH),
    "only an inner one, undone": (only_the_inner, "Plan", set()),
    "the outer one undone": (the_outer, "Plan", set()),
    "a deletion and losses undone": (a_deletion_and_a_loss, "Kept", BOTH),
    "several saves": (several_saves, "Kept", BOTH),
    "there and back": (there_and_back, "Plan", set()),
    "there and back with a stamp": (there_and_back_with_a_stamp, "Plan", BOTH),
    "a loss, and then a change": (lost_and_changed, "Kept", BOTH),
}


@pytest.mark.each_case
@pytest.mark.parametrize(("act", "title", "told"), TRANSACTIONS.values(), ids=TRANSACTIONS)
async def test_a_transaction_is_one_frame_of_its_net_result_or_none(
    world: World, act: Callable[[World], None], title: str, told: set[str]
) -> None:
    async with subscribed(world, "owner") as owner, subscribed(world, "viewer") as viewer:
        await in_thread(act)(world)
        got = {"owner": await owner.settle(), "viewer": await viewer.settle()}
        assert {name: len(frames) for name, frames in got.items() if frames} == dict.fromkeys(
            told, 1
        )
        assert CANARY not in json.dumps(got)
        assert held(owner, world)["title"] == title
        assert held(owner, world) == await fresh(world, "owner")


@pytest.mark.parametrize("slow", [False, True])
async def test_there_and_back_in_two_transactions_ends_where_it_began(
    world: World, slow: bool
) -> None:
    """A slow reader misses both, and holds what is right."""

    def write() -> None:
        for budget in ("20.00", "10.00"):
            world.write(budget=budget)

    async with subscribed(world, "owner") as owner:
        if slow:
            with asleep(world, "owner"):
                await in_thread(write)()
                await quiet()
            assert await owner.settle() == []
        else:
            await in_thread(write)()
            budgets = [frame["payload"]["budget"] for frame in await owner.settle()]
            assert budgets in ([], ["20.00", "10.00"])
        assert held(owner, world) == await fresh(world, "owner")


async def test_stale_copies_saved_with_named_fields_put_nothing_back(world: World) -> None:
    def write() -> None:
        one, two, three = (stored(world) for _ in range(3))
        one.title, one.budget = "One", "1.00"
        one.save(update_fields=["title"])
        two.title, two.review_notes = "Stale", "Two"
        two.save(update_fields=["review_notes"])
        three.body = "Three"
        three.save()

    async with subscribed(world, "owner") as owner:
        await in_thread(write)()
        await owner.settle()
        copy = held(owner, world)
        shown = [copy[name] for name in ("title", "budget", "review_notes", "body")]
        assert shown == ["One", "10.00", "Two", "Three"]
        assert copy == await fresh(world, "owner")
