"""Guardian's pages of the admin: what is granted there reaches live sockets too."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.db.models.signals import post_delete
from django.test import Client

from resources.audiences import DOCUMENTS
from resources.models import Document
from tenants.roles import role_group
from tests.client import in_thread, subscribed
from tests.project.console.test_admin import operator, page
from tests.world import World


def rights(client: Client, url: str, *permissions: str) -> None:
    """Set somebody's permissions on guardian's page."""
    # Without a token, as browsers always send one, guardian takes an empty form for none.
    answer = client.post(url, {"permissions": permissions, "csrfmiddlewaretoken": "x"})
    assert answer.status_code == 302


async def test_grant_and_its_end_on_guardians_page_move_live_sockets(world: World) -> None:
    async with subscribed(world, "viewer") as viewer:
        url = (
            f"{page(Document, world.document, 'permissions')}user-manage/{world.user('viewer').pk}/"
        )
        await in_thread(lambda: rights(operator(), url, "change_document", "view_document"))()
        moved = await viewer.receive()
        assert (moved["type"], moved["audience"]) == ("AUDIENCE_CHANGED", "editor")
        await in_thread(lambda: rights(operator(), url))()
        assert (await viewer.receive())["type"] == "DELETE_DOCUMENT"


def test_rights_of_one_form_on_guardians_page_are_committed_at_once(world: World) -> None:
    """Else a reader who lost all of them would pass through what the others still gave."""
    committed: list[int] = []
    before: list[int] = []  # what was committed before each was written

    def written(**_: Any) -> None:
        before.append(len(committed))
        transaction.on_commit(lambda: committed.append(1))

    url = f"{page(Document, world.document, 'permissions')}user-manage/{world.user('viewer').pk}/"
    rights(operator(), url, "change_document", "view_document")
    post_delete.connect(written, sender=DOCUMENTS.user_grants)
    try:
        rights(operator(), url)
    finally:
        post_delete.disconnect(written, sender=DOCUMENTS.user_grants)
    assert (before, committed) == ([0, 0], [1, 1])


async def test_grant_to_a_role_on_guardians_page_moves_live_sockets(world: World) -> None:
    group = await in_thread(role_group)(world.tenants["acme"].pk, "member")
    url = f"{page(Document, world.document, 'permissions')}group-manage/{group.pk}/"
    async with subscribed(world, "viewer") as viewer:
        await in_thread(lambda: rights(operator(), url, "own_document"))()
        moved = await viewer.receive()
        assert (moved["type"], moved["payload"]["budget"]) == ("AUDIENCE_CHANGED", "10.00")
