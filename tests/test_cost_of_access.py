"""Promise 6, for access: a change re-evaluates whom it touches, whatever else is live."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest

from realtime.hub import reading
from resources.models import Document, DocumentUserGrant
from tenants import opaque
from tenants.models import Membership, User
from tests.client import SocketClient, connect, in_thread, quiet
from tests.gates import rounds_of, this_hub
from tests.permissions.test_models import permission
from tests.test_cost import counting
from tests.world import World

READERS = 10

pytestmark = pytest.mark.usefixtures("by_hand")


def members(world: World) -> None:
    """Ten members who read and own nothing yet."""
    acme = world.tenants["acme"]
    users = User.objects.bulk_create(User(username=f"reader{n}") for n in range(READERS))
    Membership.objects.bulk_create(Membership(tenant=acme, user=user) for user in users)
    world.users.update({user.username: user for user in users})


def documents(world: World, number: int) -> list[str]:
    """The ids of that many new documents, which the ten may view."""
    created = Document.objects.bulk_create(
        Document(tenant=world.tenants["acme"], owner=world.user("owner"), title=str(n))
        for n in range(number)
    )
    view = permission("view_document")
    DocumentUserGrant.objects.bulk_create(
        DocumentUserGrant(user=world.user(f"reader{n}"), permission=view, content_object=document)
        for n in range(READERS)
        for document in created
    )
    return [opaque.encode(Document, document.pk) for document in created]


async def subscribe(sockets: list[SocketClient], ids: list[str]) -> None:
    """Make every socket live on every document."""
    for socket in sockets:
        for id in ids:
            await socket.send(json.dumps({"model": "resources.document", "id": id}))
        for _ in ids:
            await socket.receive_until("SUBSCRIBED")
    await quiet()


class Counted:
    """Counts the pairs that rounds of acme read, and all statements of the hub."""

    def __init__(self, world: World) -> None:
        self.pairs = 0
        self.queries: list[str] = []
        hub = this_hub()
        self._run = hub.run
        hub.run = rounds_of(world)._run = self.run  # type: ignore[method-assign]

    async def run(self, work: Callable[..., Any], *args: Any) -> Any:
        if work in (reading.read_round, reading.read_pairs):
            self.pairs += len(args[2 if work is reading.read_round else 1])

        def count() -> Any:
            with counting(self.queries):
                return work(*args)

        return await self._run(count)

    async def cost(self, write: Callable[..., None], *args: Any) -> tuple[int, int]:
        """The pairs and the statements that this write leads to."""
        self.pairs, self.queries[:] = 0, []
        await in_thread(write)(*args)
        await quiet()
        return self.pairs, len(self.queries)


def revoke_from_all(id: str) -> None:
    """One object, ten readers."""
    key = opaque.decode(Document, id)
    DocumentUserGrant.objects.filter(content_object=key, user__username__startswith="r").delete()


def revoke_all_from_one(ids: list[str]) -> None:
    """One reader, ten objects."""
    keys = [opaque.decode(Document, id) for id in ids]
    DocumentUserGrant.objects.filter(content_object__in=keys, user__username="reader0").delete()


async def test_an_access_change_reads_the_ten_that_it_touches_of_two_thousand(
    world: World,
) -> None:
    await in_thread(members)(world)
    async with AsyncExitStack() as stack:
        sockets = [
            await stack.enter_async_context(await in_thread(connect)(world, f"reader{n}"))
            for n in range(READERS)
        ]
        costs = []
        for more in (20, 180):
            ids = await in_thread(documents)(world, more)
            await subscribe(sockets, ids)
            counted = Counted(world)
            live = len(rounds_of(world).index.all)
            costs.append((
                await counted.cost(revoke_from_all, ids[0]),
                await counted.cost(revoke_all_from_one, ids[-10:]),
            ))  # fmt: skip
        assert live == 2_000 - 20
        assert costs[0] == costs[1]
        assert [pairs for pairs, _ in costs[1]] == [10, 10]
        assert max(queries for _, queries in costs[1]) <= 10
        for socket, ended in zip(sockets, [22, *[2] * (READERS - 1)], strict=True):
            await socket.come()
            assert [f["type"] for f in socket.frames].count("DELETE_DOCUMENT") == ended
