"""Which access change of a tenant an interval of no tenant was written with."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.utils import timezone

from permissions.models import AccessChange
from realtime.audit import numbering
from realtime.audit.viewings import Applied
from realtime.models import Belongs
from tests.realtime.audit.sight import hours
from tests.world import World

pytestmark = pytest.mark.django_db(transaction=True)

LONG_AGO = timezone.now() - timedelta(days=1000)


def revisions(world: World, cause: str) -> list[int]:
    """The revisions of acme's changes of this cause, for the user who is also in globex."""
    mine = AccessChange.objects.filter(tenant=world.tenants["acme"], cause=cause)
    found = mine.filter(user_id=world.user("both").pk).order_by("revision")
    return [change.revision for change in found if change.revision is not None]


def numbered(world: World, principal: str, since: Any = LONG_AGO) -> list[tuple[Any, Any]]:
    """The rows of the principal, as acme numbers them."""
    rows = list(Belongs.objects.filter(principal=principal).order_by("pk"))
    numbering.number(world.tenants["acme"].pk, rows, {7, 8}, since)
    return [(row.since, row.until) for row in rows]


def test_who_joins_and_leaves_a_group_does_so_with_a_revision_of_each_tenant(world: World) -> None:
    group, user = Group.objects.create(name="team"), world.user("both")
    world.user("rival").groups.add(group)  # a member of another tenant alone
    user.groups.add(group)
    world.grant("viewer", "editor")
    user.groups.remove(group)
    joined, left = revisions(world, "groups")
    assert left > joined + 1
    assert numbered(world, f"group:{group.pk}") == [(None, None), (joined, left)]


def test_who_is_deactivated_and_let_in_again_likewise(world: World) -> None:
    user = world.user("both")
    for active in (False, True):
        type(user).objects.filter(pk=user.pk).update(is_active=active)
    [out, back] = revisions(world, "user")
    assert numbered(world, "deactivated") == [(out, back)]


def test_who_is_deactivated_and_let_in_again_at_one_time_was_out_between(world: World) -> None:
    """As within the millisecond that SQLite tells."""
    user = world.user("both")
    for active in (False, True):
        type(user).objects.filter(pk=user.pk).update(is_active=active)
    [out, back] = revisions(world, "user")
    AccessChange.objects.filter(cause="user").update(at=LONG_AGO)
    Belongs.objects.filter(principal="deactivated").update(began_at=LONG_AGO, ended_at=LONG_AGO)
    assert numbered(world, "deactivated") == [(out, back)]


def test_what_is_older_than_what_is_asked_for_is_left_out(world: World) -> None:
    group = Group.objects.create(name="team")
    world.user("both").groups.add(group)
    assert numbered(world, f"group:{group.pk}", hours(-1)) == [(None, None)]


def test_only_changes_are_looked_at_that_a_process_applied_around_that_time(world: World) -> None:
    group, tenant = Group.objects.create(name="team"), world.tenants["acme"]
    world.user("both").groups.add(group)
    [joined] = revisions(world, "groups")
    for revision, at in ((joined - 1, hours(1)), (joined, hours(-1))):
        Applied.objects.create(tenant=tenant, process=7, revision=revision, read=revision, at=at)
    assert numbered(world, f"group:{group.pk}") == [(joined, None)]
    Applied.objects.filter(revision=joined).update(revision=joined - 1)
    # As if it had been committed later than any transaction lasts.
    assert numbered(world, f"group:{group.pk}") == [(None, None)]


def test_change_of_all_stands_for_one_of_many(world: World) -> None:
    """As when one transaction touches more than are named one by one."""
    group, tenant = Group.objects.create(name="team"), world.tenants["acme"]
    world.user("both").groups.add(group)
    [joined] = revisions(world, "groups")
    AccessChange.objects.filter(tenant=tenant, revision=joined).update(user_id=None, cause="many")
    assert numbered(world, f"group:{group.pk}") == [(joined, None)]
