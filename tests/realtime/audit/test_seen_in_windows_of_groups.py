"""Who could have seen what over windows as a member of a group, which bears no access revision."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission

from permissions.audiences import registry
from permissions.models import AccessChange
from realtime.audit import seen
from realtime.audit.questions import Question
from realtime.audit.viewings import Applied
from resources.models import DocumentGroupGrant
from tests.client import in_thread
from tests.windows import Open
from tests.world import World

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("by_hand")]


def team(world: World) -> Any:
    """A group that views the world's document."""
    group = Group.objects.create(name="team")
    view = Permission.objects.get(codename="view_document")
    DocumentGroupGrant.objects.create(group=group, permission=view, content_object=world.document)
    return group


async def test_group_is_told_from_when_its_process_could_read_it_until_it_had_applied_its_end(
    world: World, enter: Open
) -> None:
    """A membership bears times alone. What the process applied meanwhile was of other changes."""
    group, tenant, user = await in_thread(team)(world), world.tenants["acme"], world.user("member")
    w = await enter("member")
    await w.open()
    for move in (user.groups.add, user.groups.remove):
        await in_thread(move)(group)
        await w.socket.settle()
    changes = AccessChange.objects.filter(tenant=tenant, user_id=user.pk, cause="groups")
    joined, left = await in_thread(list)(changes.order_by("revision"))
    applied = {row.read: row async for row in Applied.objects.filter(tenant=tenant)}
    for change in (joined, left):  # of others, which were committed just before
        await Applied.objects.acreate(
            tenant=tenant, process=applied[left.revision].process, revision=change.revision - 1,
            read=change.revision - 1, at=change.at + timedelta(microseconds=1),
        )  # fmt: skip
    question = Question(
        tenant.pk, resource=registry.get("resources.document"), object_id=world.document.pk,
        user_id=user.pk,
    )  # fmt: skip
    [row] = (await in_thread(seen.page)(question)).rows
    began, ended = applied[joined.revision].at, applied[left.revision].at
    assert (row.access.began_at, row.access.ended_at) == (began, ended)
