"""Members' places in a world's tenants: their addresses, what they are, and writers at once."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

from django.core.mail import EmailMessage
from django.db import connection

from tenants import opaque
from tenants.models import Membership, Role
from tests.world import World

MEMBERS = "/api/members/"
Letters = list[EmailMessage]


def place(world: World, username: str, tenant: str = "acme") -> Membership:
    return Membership.objects.get(tenant=world.tenants[tenant], user=world.user(username))


def url(world: World, username: str, tenant: str = "acme") -> str:
    return f"{MEMBERS}{opaque.encode(Membership, place(world, username, tenant).pk)}/"


def standing(world: World, tenant: str = "acme") -> dict[str, tuple[str, bool]]:
    """Everybody's role and activity."""
    rows = Membership.objects.filter(tenant=world.tenants[tenant])
    return {m.user.username: (m.role, m.is_active) for m in rows.select_related("user")}


def make_admin(world: World, username: str) -> None:
    Membership.objects.filter(pk=place(world, username).pk).update(role=Role.ADMIN)


def accept(world: World, username: str, tenant: str = "acme") -> int:
    """Accept an invitation over REST; the status of the answer."""
    answer = world.rest(username, "").post(f"/api/tenants/{tenant}/accept/")
    return int(answer.status_code)


def decline(world: World, username: str, tenant: str = "acme") -> Any:
    """Decline, or leave, over REST."""
    return world.rest(username, "").delete(f"/api/tenants/{tenant}/")


def at_once(*works: Callable[[], Any]) -> list[Any]:
    """Run these in threads that begin together."""
    barrier = Barrier(len(works))

    def run(work: Callable[[], Any]) -> Any:
        barrier.wait(10)
        try:
            return work()
        finally:
            connection.close()

    with ThreadPoolExecutor(len(works)) as pool:
        return [future.result(30) for future in [pool.submit(run, work) for work in works]]


def mine(world: World, username: str = "rival") -> list[tuple[str, str, str]]:
    results = world.rest(username, "").get("/api/tenants/").json()["results"]
    return [(row["slug"], row["role"], row["state"]) for row in results]
