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
from realtime.audit.viewings import Applied, Viewing
from realtime.models import Belongs, Held
from resources.models import DocumentGroupGrant
from tests.client import in_thread
from tests.realtime.audit.sight import hours
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
    rows = await in_thread(list)(Applied.objects.filter(tenant=tenant))
    began = min(row.at for row in rows if row.read >= joined.revision)
    ended = min(row.at for row in rows if row.revision >= left.revision)
    for change in (joined, left):  # of others, which were committed just before
        await Applied.objects.acreate(
            tenant=tenant, process=rows[0].process, revision=change.revision - 1,
            read=change.revision - 1, at=change.at + timedelta(microseconds=1),
        )  # fmt: skip
    question = Question(
        tenant.pk, resource=registry.get("resources.document"), object_id=world.document.pk,
        user_id=user.pk,
    )  # fmt: skip
    [row] = (await in_thread(seen.page)(question)).rows
    assert (row.access.began_at, row.access.ended_at) == (began, ended)


PROCESS = 3


def long_ago() -> None:
    """Whatever is held, is held for days."""
    for model in (Held, Belongs):
        model.objects.update(began_at=hours(40))


def applied(world: World, at: Any, revision: int, read: int | None = None) -> None:
    tenant, read = world.tenants["acme"], revision if read is None else read
    Applied.objects.create(tenant=tenant, process=PROCESS, revision=revision, read=read, at=at)


def shown(world: World, username: str, began_at: Any) -> list[tuple[Any, Any]]:
    """When a window of theirs, which they have had since then, could show the document."""
    tenant, user_id = world.tenants["acme"], world.user(username).pk
    Viewing.objects.get_or_create(
        tenant=tenant, user_id=user_id, model="resources.document", where={}, process=PROCESS,
        connection="c", began_at=began_at,
    )  # fmt: skip
    question = Question(
        tenant.pk, resource=registry.get("resources.document"), object_id=world.document.pk,
        user_id=user_id,
    )  # fmt: skip
    return [(row.access.began_at, row.access.ended_at) for row in seen.page(question).rows]


@pytest.mark.parametrize("what", ["user", "tenant"])
def test_nothing_was_shown_from_when_a_denial_was_applied_until_its_end_was(
    world: World, what: str
) -> None:
    """As by a process that was slow to close the sockets."""
    one = world.user("viewer") if what == "user" else world.tenants["acme"]
    long_ago()
    applied(world, hours(5), 1000)
    began_at = hours(1)
    for active in (False, True):
        type(one).objects.filter(pk=one.pk).update(is_active=active)
    changes = AccessChange.objects.filter(tenant=world.tenants["acme"], cause=what)
    out, back = changes.order_by("revision")
    assert out.revision is not None
    assert back.revision is not None
    Applied.objects.update(revision=out.revision - 1, read=out.revision - 1)
    assert shown(world, "viewer", began_at) == [(began_at, None)]
    late, later = hours(-1 / 60), hours(-2 / 60)
    applied(world, late, out.revision)
    assert shown(world, "viewer", began_at) == [(began_at, late)]
    applied(world, later, back.revision)
    assert shown(world, "viewer", began_at) == [(began_at, late), (later, None)]


def test_what_ended_long_before_the_window_was_opened_is_not_looked_up(world: World) -> None:
    group, user = team(world), world.user("viewer")
    long_ago()
    user.groups.add(group)
    user.groups.remove(group)
    for active in (False, True):
        type(user).objects.filter(pk=user.pk).update(is_active=active)
    Belongs.objects.filter(user_id=user.pk, tenant=None).update(
        began_at=hours(21), ended_at=hours(20)
    )
    for ago in (30, 19):
        applied(world, hours(ago), 1000)
    began_at = hours(1)
    assert shown(world, "viewer", began_at) == [(began_at, None)]
