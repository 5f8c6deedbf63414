"""Promise 2: when writes stop, every live copy equals what REST answers to that reader."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db import transaction
from guardian.shortcuts import assign_perm

from resources.models import Document
from tests.client import connect, in_thread
from tests.convergence import Watcher, verify_converges
from tests.world import World

DOCUMENT = "resources.document"
PROFILE = "resources.profile"
READERS = ("owner", "editor", "viewer", "admin")


@asynccontextmanager
async def watching(
    world: World, model: str, id: str, usernames: tuple[str, ...]
) -> AsyncIterator[list[Watcher]]:
    """Subscribed sockets of these users."""
    async with AsyncExitStack() as stack:
        watchers = []
        for username in usernames:
            socket = await stack.enter_async_context(await in_thread(connect)(world, username))
            answer = await socket.subscribe(id, model)
            assert answer["type"] == "SUBSCRIBED", answer
            watchers.append(Watcher(world, username, socket))
        yield watchers


def patch(username: str, **fields: Any) -> Callable[[World], None]:
    def act(world: World) -> None:
        answer = world.rest(username).patch(world.url, fields, format="json")
        assert answer.status_code == 200, answer.content

    return act


def put(username: str, **fields: Any) -> Callable[[World], None]:
    def act(world: World) -> None:
        answer = world.rest(username).put(world.url, {"title": "Put", **fields}, format="json")
        assert answer.status_code == 200, answer.content

    return act


def grant(by: str, subject: str, audience: str | None) -> Callable[[World], None]:
    """PUT or, for no audience, DELETE of a grant over REST; `subject` is a role or a username."""

    def act(world: World) -> None:
        spelled = subject if ":" in subject else f"user:{world.user_id(subject)}"
        url = f"{world.url}grants/{spelled}/"
        client = world.rest(by)
        if audience is None:
            assert client.delete(url).status_code == 204
        else:
            answer = client.put(url, {"audience": audience}, format="json")
            assert answer.status_code == 200, answer.content

    return act


def remove(world: World) -> None:
    assert world.rest("owner").delete(world.url).status_code == 204


def rename_owner(world: World) -> None:
    me = world.rest("owner").get("/api/profiles/me/").json()
    url = f"/api/profiles/{me['id']}/"
    answer = world.rest("owner").patch(url, {"display_name": "Renamed"}, format="json")
    assert answer.status_code == 200


ACTIONS = {
    "owner changes the title": patch("owner", title="New"),
    "owner changes the body": patch("owner", body="New"),
    "owner changes the status": patch("owner", status="published"),
    "owner changes the review notes": patch("owner", review_notes="New"),
    "owner changes the due date": patch("owner", due_on="2030-01-31"),
    "owner changes the budget": patch("owner", budget="99.90"),
    "owner changes everything": patch(
        "owner", title="A", body="B", status="archived", review_notes="C", due_on=None, budget=None
    ),
    "owner changes nothing": patch("owner", title="Plan"),
    "editor changes the title": patch("editor", title="New"),
    "editor changes the review notes": patch("editor", review_notes="New"),
    "owner puts": put("owner", body="Put"),
    "editor puts": put("editor", review_notes="Put"),
    "owner promotes the viewer": grant("owner", "viewer", "editor"),
    "owner demotes the editor": grant("owner", "editor", "viewer"),
    "owner makes the editor an owner": grant("owner", "editor", "owner"),
    "owner makes the editor an auditor": grant("owner", "editor", "auditor"),
    "owner grants what the viewer has": grant("owner", "viewer", "viewer"),
    "owner revokes the editor": grant("owner", "editor", None),
    "admin revokes the viewer": grant("admin", "viewer", None),
    "owner lets admins edit": grant("owner", "role:admin", "editor"),
    "owner lets members edit": grant("owner", "role:member", "editor"),
    "owner deletes": remove,
    "owner is renamed": rename_owner,
}


@pytest.mark.parametrize("action", ACTIONS.values(), ids=ACTIONS)
async def test_every_reader_converges_after_every_action(
    world: World, action: Callable[[World], None]
) -> None:
    id, path = world.id, world.url
    async with (
        watching(world, DOCUMENT, id, READERS) as watchers,
        verify_converges(watchers, DOCUMENT, id, path),
    ):
        await in_thread(action)(world)


def two_saves(world: World) -> None:
    with transaction.atomic():
        world.document.title = "Once"
        world.document.save()
        world.document.title = "Twice"
        world.document.budget = "1.00"
        world.document.save()


def there_and_back(world: World) -> None:
    with transaction.atomic():
        for title in ("Elsewhere", "Plan"):
            Document.objects.filter(tenant=world.tenants["acme"]).update(title=title)
    world.document.refresh_from_db()


def save_and_revoke(world: World) -> None:
    with transaction.atomic():
        world.document.title = "Not for the viewer any more"
        world.document.save()
        world.revoke("viewer")


def change_owner(world: World) -> None:
    world.document.owner = world.user("editor")
    world.document.save()


def bulk_update(world: World) -> None:
    world.document.title = "Bulk"
    Document.objects.bulk_update([world.document], ["title"])


def django_group(world: World) -> None:
    group = Group.objects.create(name="reviewers")
    assign_perm("change_document", group, world.document)
    group.user_set.add(world.user("viewer"))


def guardian_assigns_in_bulk(world: World) -> None:
    assign_perm("change_document", [world.user("viewer"), world.user("admin")], world.document)


def leave_the_tenant(world: World) -> None:
    world.user("viewer").memberships.get().delete()


def become_admin(world: World) -> None:
    with transaction.atomic():  # in two, they would lose the document in between
        world.revoke("viewer")
        membership = world.user("viewer").memberships.get()
        membership.role = "admin"
        membership.save()


WRITES = {
    "two saves in a transaction": two_saves,
    "a change and back in a transaction": there_and_back,
    "a change and a revocation in a transaction": save_and_revoke,
    "the owner is another": change_owner,
    "a bulk update": bulk_update,
    "a Django group gets a permission and a member": django_group,
    "guardian assigns in bulk": guardian_assigns_in_bulk,
    "a viewer becomes an admin": become_admin,
}


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
async def test_every_reader_converges_after_writes_through_the_orm(
    world: World, write: Callable[[World], None]
) -> None:
    id, path = world.id, world.url
    async with (
        watching(world, DOCUMENT, id, READERS) as watchers,
        verify_converges(watchers, DOCUMENT, id, path),
    ):
        await in_thread(write)(world)


PROFILE_ACTIONS = {
    "what all see changes": ("viewer", {"display_name": "New"}),
    "what only oneself sees changes": ("viewer", {"phone": "123"}),
    "what admins see changes": ("viewer", {"email": "new@example.com"}),
    "an admin changes the title": ("admin", {"title": "Chief"}),
}


@pytest.mark.parametrize(("by", "fields"), PROFILE_ACTIONS.values(), ids=PROFILE_ACTIONS)
async def test_every_reader_of_a_profile_converges(
    world: World, by: str, fields: dict[str, Any]
) -> None:
    def act() -> tuple[str, str]:
        id = world.rest("viewer").get("/api/profiles/me/").json()["id"]
        return id, f"/api/profiles/{id}/"

    id, path = await in_thread(act)()
    async with (
        watching(world, PROFILE, id, ("viewer", "admin", "member")) as watchers,
        verify_converges(watchers, PROFILE, id, path),
    ):
        answer = await in_thread(lambda: world.rest(by).patch(path, fields, format="json"))()
        assert answer.status_code == 200, answer.content


async def test_a_renamed_user_reaches_those_who_see_the_username(world: World) -> None:
    def rename() -> None:
        user = world.user("viewer")
        user.username = "renamed"
        user.save()

    id = (await in_thread(lambda: world.rest("viewer").get("/api/profiles/me/"))()).json()["id"]
    async with (
        watching(world, PROFILE, id, ("viewer", "admin", "member")) as watchers,
        verify_converges(watchers, PROFILE, id, f"/api/profiles/{id}/"),
    ):
        await in_thread(rename)()


async def test_a_member_who_left_is_closed_out(world: World) -> None:
    async with watching(world, DOCUMENT, world.id, ("viewer",)) as [viewer]:
        await in_thread(leave_the_tenant)(world)
        frames = await viewer.socket.settle()
        assert frames[-1] == {"close": 4403}
