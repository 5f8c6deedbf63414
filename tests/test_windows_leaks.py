"""Windows: what processes say, failures and bad input."""

from __future__ import annotations

from typing import Any

import pytest
from pytest_django import Settings

from permissions import cursors
from realtime.audit.models import Watch
from resources.documents.audiences import DOCUMENTS
from resources.profiles.audiences import PROFILES
from tests.client import in_thread, quiet
from tests.gates import HeldMessages, rounds_of, this_hub
from tests.windows import DOCUMENT, Open, id_of
from tests.world import World

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("by_hand")]


async def test_process_says_that_it_has_windows_as_long_as_it_has(
    world: World, enter: Open
) -> None:
    w = await enter("viewer")
    assert not await in_thread(Watch.objects.exists)()
    await w.open()
    assert await in_thread(Watch.objects.count)() == 1
    await in_thread(Watch.objects.all().delete)()
    rounds_of(world).windows.begin_anew()
    rounds_of(world).ask_all()
    await w.socket.settle()
    assert await in_thread(Watch.objects.count)() == 1
    await w.check()
    await w.close()
    await quiet()
    assert not await in_thread(Watch.objects.exists)()


async def test_window_survives_rounds_that_fail(
    world: World, enter: Open, monkeypatch: Any
) -> None:
    monkeypatch.setattr("realtime.hub.rounds.RETRY_SECONDS", 0)
    w = await enter("viewer")
    failures = iter([OSError("down"), OSError("down")])
    rounds = rounds_of(world)
    run = rounds._run

    async def failing_run(work: Any, *args: Any) -> Any:
        for failure in failures:
            raise failure
        return await run(work, *args)

    rounds._run = failing_run
    await w.open()
    await w.check()


async def test_frame_of_another_release_is_read(world: World, enter: Open) -> None:
    w = await enter("viewer")
    await w.open(where={"status": "published"})
    held = HeldMessages(this_hub())
    await in_thread(world.write)(status="published")
    await quiet()
    for message in held.held:
        if message["type"] == "hub.move":
            for one in message["frames"]:
                one["schema"] = "another"
    await held.release(*held.held)
    await w.socket.settle()
    await w.check(status=["published"])


async def test_move_that_cannot_be_brought_is_logged(
    world: World, enter: Open, caplog: pytest.LogCaptureFixture
) -> None:
    w = await enter("viewer")
    await w.open()

    def fail(*_: Any) -> None:
        raise OSError

    rounds_of(world).arrivals._consider = fail  # type: ignore[assignment, method-assign]
    await in_thread(world.write)(title="New")
    await w.socket.settle()
    assert "could not be brought to windows" in caplog.text


# Bad input, through the socket.


async def test_cursors_of_others_are_refused(world: World, enter: Open) -> None:
    w = await enter("viewer")
    acme, globex = (world.tenants[slug].pk for slug in ("acme", "globex"))
    mine = cursors.encode(DOCUMENTS, acme, world.user("viewer").pk, 5)
    for cursor in (
        cursors.encode(DOCUMENTS, acme, world.user("owner").pk, 5),
        cursors.encode(DOCUMENTS, globex, world.user("viewer").pk, 5),
        cursors.encode(PROFILES, acme, world.user("viewer").pk, 5),
        mine[:-1],
        mine.upper(),
        f"{id_of(world.document)}.{mine.split('.')[1]}",
        "",
    ):
        await w.socket.send({"model": DOCUMENT, "window": "w", "after": cursor, "ref": 1})
        frame = await w.socket.receive()
        assert (frame["code"], frame["window"], frame["ref"]) == ("invalid", "w", 1)
        assert frame["detail"].startswith("after: ")
        await w.socket.come()


async def test_windows_and_their_rows_are_limited(
    world: World, enter: Open, settings: Settings
) -> None:
    settings.EARSHOT = {**settings.EARSHOT, "windows_per_socket": 2, "rows_per_socket": 10}
    w = await enter("viewer")
    await w.open("a", limit=5)
    other = await in_thread(world.create)()
    assert (await w.socket.subscribe(id_of(other)))["code"] == "not_found"
    for more in ({"window": "b", "limit": 6}, {"window": "b", "limit": 11}):
        await w.socket.send({"model": DOCUMENT, **more, "ref": 1})
        frame = await w.socket.receive()
        assert (frame["code"], frame["window"]) == ("too_many_subscriptions", "b")
    await w.open("b", limit=5)
    await w.open("a", limit=4)
    await w.socket.send({"model": DOCUMENT, "window": "c", "limit": 1, "ref": 1})
    assert (await w.socket.receive())["code"] == "too_many_subscriptions"
