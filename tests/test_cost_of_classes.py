"""Serving builds no class: each is declared, or built once, however often it is asked for."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rest_framework.test import APIClient

from tests.client import in_thread, quiet, subscribed
from tests.world import World


def classes() -> dict[int, type]:
    """Every class that exists, by its identity."""
    found: dict[int, type] = {}
    waiting: list[type] = [object]
    while waiting:
        subclasses: list[type] = type.__subclasses__(waiting.pop())
        for below in subclasses:
            if id(below) not in found:
                found[id(below)] = below
                waiting.append(below)
    return found


@contextmanager
def building_none() -> Iterator[None]:
    """Assert that no class is built meanwhile, not even one that is dropped at once."""
    gc.collect()
    gc.disable()  # only the collector drops a class
    try:
        before = classes()
        yield
        assert {str(c) for i, c in classes().items() if i not in before} == set()
    finally:
        gc.enable()


def as_owner(world: World, client: APIClient) -> None:
    """Create, read, change, share and delete."""
    made = client.post("/api/documents/", {"title": "New"})
    url = made["Location"].removeprefix("http://testserver")
    grant = f"{url}grants/user:{world.user_id('member')}/"
    answers = [
        made,
        client.get("/api/documents/"),
        client.get(url),
        client.put(url, {"title": "Put"}),
        client.patch(url, {"title": "Patched"}),
        client.put(grant, {"audience": "viewer"}),
        client.get(f"{url}grants/"),
        client.delete(grant),
        client.options(url),
        client.delete(url),
        client.get("/api/profiles/me/"),
        client.get("/api/profiles/"),
        client.post("/api/tickets/"),
    ]
    assert [answer.status_code for answer in answers if answer.status_code >= 400] == []


def as_admin(world: World, client: APIClient) -> None:
    """Look at people, connections and ledgers, and be refused."""
    for path in ("members", "connections", "ledger/accesses", "ledger/pushes", "me", "tenants"):
        assert client.get(f"/api/{path}/").status_code == 200, path
    assert client.patch(world.url, {"title": "Not mine"}).status_code == 403
    assert client.get("/api/documents/unknown/").status_code == 404
    assert client.post("/api/members/", {}).status_code == 400


def as_reviewer(world: World, client: APIClient) -> None:
    """Look at what reviewers may see."""
    for path in ("ledger/accesses/", "review/payloads/", "documents/", "profiles/"):
        assert client.get(f"/api/{path}").status_code == 200, path


WHO: dict[str, Callable[[World, APIClient], None]] = {
    "owner": as_owner,
    "admin": as_admin,
    "watcher": as_reviewer,
}


def test_no_request_builds_a_class(world: World) -> None:
    world.appoint("watcher")
    clients = {name: world.rest(name) for name in WHO}
    for name, requests in WHO.items():
        requests(world, clients[name])
    with building_none():
        for name, requests in WHO.items():
            requests(world, clients[name])


async def test_no_change_builds_a_class_on_its_way_to_sockets(world: World) -> None:
    for _ in range(2):
        async with subscribed(world, "viewer"):
            pass
    with building_none():
        async with subscribed(world, "viewer") as socket:
            await in_thread(world.write)(title="Changed")
            await quiet()
            assert (await socket.receive_until("UPDATE_DOCUMENT"))["payload"]["title"] == "Changed"
