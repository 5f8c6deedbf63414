"""What the ledger, the log and the counters tell of what cannot be shown."""

from __future__ import annotations

import pytest

from permissions.unavailable import UNAVAILABLE
from realtime.models import Access
from tests.client import connect, in_thread, quiet, subscribed
from tests.gates import rounds_of
from tests.unshowable import BAD, accesses, pushes, sweep, types
from tests.world import World

MODEL = "resources.document"

pytestmark = pytest.mark.usefixtures("by_hand", "unshowable")


async def test_the_ledger_claims_nothing_of_what_was_not_shown(world: World) -> None:
    await in_thread(world.write)(review_notes=BAD)
    async with await in_thread(connect)(world, "editor") as editor:
        assert (await editor.subscribe(world.id))["code"] == "unavailable"
        assert await in_thread(accesses)(world, "editor") == []
        assert await in_thread(pushes)(world, "editor") == []
        await in_thread(world.write)(review_notes="mended")
        assert types(await editor.settle()) == ["SUBSCRIBED"]
        assert await in_thread(accesses)(world, "editor") == [("editor", "")]


async def test_a_payload_by_a_frame_leaves_after_its_access_is_written(world: World) -> None:
    """A process that was held for lost has no accesses: what is live is written anew."""
    async with subscribed(world, "editor") as editor:
        await in_thread(world.write)(review_notes=BAD)
        assert types(await editor.settle()) == ["unavailable"]
        await in_thread(Access.objects.all().delete)()
        for s in rounds_of(world).index.all:
            s.opened = None
        await sweep()
        await in_thread(world.write)(review_notes="mended")
        assert types(await editor.settle()) == ["UPDATE_DOCUMENT"]
        assert await in_thread(accesses)(world, "editor") == [("editor", "")]


async def test_it_is_counted_and_logged_once_without_a_value(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    count = UNAVAILABLE.labels(MODEL, "editor")._value.get()
    async with subscribed(world, "editor") as editor:
        for title in ("one", "two", "three"):
            await in_thread(world.write)(review_notes=BAD, title=title)
            await quiet()
        await sweep()
        assert types(await editor.settle()) == ["unavailable"]
    lines = [r.getMessage() for r in caplog.records if r.name == "permissions.unavailable"]
    assert len([line for line in lines if "audience editor" in line]) == 1
    assert all(world.id in line and "Unshowable at" in line for line in lines)
    assert BAD not in caplog.text
    assert UNAVAILABLE.labels(MODEL, "editor")._value.get() == count + 1
