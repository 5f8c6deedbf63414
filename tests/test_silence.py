"""Promise 4: a change that an audience cannot see sends it nothing: no frame, no etag, no clock."""

from __future__ import annotations

from typing import Any

import pytest

from tests.client import in_thread, quiet, subscribed
from tests.world import World

HIDDEN = {
    "editor": {"budget": "99.00"},
    "viewer": {"budget": "99.00", "review_notes": "New", "due_on": "2030-01-31"},
    "admin": {"budget": "99.00", "review_notes": "New", "due_on": "2030-01-31", "body": "New"},
}


@pytest.mark.parametrize(("username", "fields"), HIDDEN.items(), ids=HIDDEN)
async def test_a_hidden_change_leaves_no_trace(
    world: World, username: str, fields: dict[str, Any]
) -> None:
    rest = await in_thread(world.rest)(username)
    before = await in_thread(rest.get)(world.url)
    async with subscribed(world, username) as socket:
        for name, value in fields.items():
            await in_thread(world.write)(**{name: value})
            await quiet()
        assert await socket.settle() == []
        etag = before["ETag"].strip('"')
        answer = await socket.subscribe(world.id, etag=etag)
        assert answer["etag"] == etag
        assert "payload" not in answer
    after = await in_thread(rest.get)(world.url)
    assert (after.content, after["ETag"]) == (before.content, before["ETag"])
    unchanged = await in_thread(rest.get)(world.url, headers={"If-None-Match": before["ETag"]})
    assert unchanged.status_code == 304


async def test_hidden_changes_between_two_visible_ones_cannot_be_counted(world: World) -> None:
    """Nothing in a frame tells how many versions there were."""
    texts = []
    for hidden in (0, 5):
        async with subscribed(world, "viewer") as viewer:
            await in_thread(world.write)(title="First")
            for number in range(hidden):
                await in_thread(world.write)(budget=f"{number + 1}.00")
            await quiet()
            await viewer.settle()
            await in_thread(world.write)(title="Second")
            [update] = await viewer.settle()
            update["payload"].pop("updated_at")
            update.pop("etag")
            texts.append(update)
    assert texts[0] == texts[1]


async def test_a_grant_to_somebody_else_is_silent(world: World) -> None:
    async with subscribed(world, "viewer") as viewer, subscribed(world, "owner") as owner:
        await in_thread(world.grant)("member", "editor")
        await in_thread(world.revoke)("member")
        assert await viewer.settle() == []
        assert await owner.settle() == []
