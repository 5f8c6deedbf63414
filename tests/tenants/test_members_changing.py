"""Members over REST: an admin says as what they are in, and one admin stays."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied

from tenants import members, opaque
from tenants.models import Membership, Role, User
from tests.tenants.places import MEMBERS, at_once, make_admin, place, standing, url
from tests.world import World


@pytest.mark.parametrize(
    ("body", "after"),
    [
        ({}, ("member", True)),
        ({"role": "admin"}, ("admin", True)),
        ({"role": "member", "is_active": True}, ("member", True)),
        ({"is_active": False}, ("member", False)),
        ({"role": "admin", "is_active": False}, ("admin", False)),
    ],
)
def test_admin_changes_a_member(world: World, body: Any, after: tuple[str, bool]) -> None:
    answer = world.rest("admin").patch(url(world, "viewer"), body)
    assert answer.status_code == 200
    assert answer.json() == {
        "id": opaque.encode(Membership, place(world, "viewer").pk),
        "user": world.user_id("viewer"),
        "username": "viewer",
        "role": after[0],
        "is_active": after[1],
        "state": "active" if after[1] else "inactive",
    }
    assert standing(world)["viewer"] == after


@pytest.mark.each_case
@pytest.mark.parametrize(
    ("body", "wrong"),
    [
        ({"role": "owner"}, {"role"}),
        ({"role": ""}, {"role"}),
        ({"role": 5}, {"role"}),
        ({"is_active": "yes"}, {"is_active"}),
        ({"is_active": 0}, {"is_active"}),
        ({"is_active": None}, {"is_active"}),
        ({"username": "other"}, {"username"}),
        ({"id": "x", "user": "y"}, {"id", "user"}),
        ([], {"non_field_errors"}),
    ],
)
def test_wrong_change_is_refused_by_name(world: World, body: Any, wrong: set[str]) -> None:
    answer = world.rest("admin").patch(url(world, "viewer"), body)
    assert (answer.status_code, set(answer.json())) == (400, wrong)
    assert standing(world)["viewer"] == ("member", True)


def drop_admin(world: World) -> list[Any]:
    client, path = world.rest("admin"), url(world, "admin")
    return [
        client.patch(path, {"role": "member"}),
        client.patch(path, {"is_active": False}),
        client.delete(path),
        client.delete(f"{path}?transfer_to={world.user_id('owner')}"),
    ]


@pytest.mark.parametrize("others", ["none", "inactive member", "inactive user", "elsewhere"])
def test_last_active_admin_stays(world: World, others: str) -> None:
    if others == "elsewhere":
        Membership.objects.filter(pk=place(world, "both", "globex").pk).update(role=Role.ADMIN)
    elif others != "none":
        make_admin(world, "viewer")
        Membership.objects.filter(pk=place(world, "viewer").pk).update(
            is_active=others == "inactive user"
        )
        User.objects.filter(username="viewer").update(is_active=others == "inactive member")
    answers = drop_admin(world)
    assert {(a.status_code, a.json()["code"]) for a in answers} == {(409, "last_admin")}
    assert standing(world)["admin"] == ("admin", True)


def test_admin_may_go_when_there_is_another(world: World) -> None:
    make_admin(world, "viewer")
    assert world.rest("admin").patch(url(world, "admin"), {"role": "member"}).status_code == 200
    assert world.rest("admin").get(MEMBERS).status_code == 403
    answer = world.rest("viewer").delete(url(world, "viewer"))
    assert (answer.status_code, answer.json()["code"]) == (409, "last_admin")
    assert world.rest("viewer").delete(url(world, "admin")).status_code == 204


def test_inactive_admin_may_be_demoted(world: World) -> None:
    make_admin(world, "viewer")
    Membership.objects.filter(pk=place(world, "viewer").pk).update(is_active=False)
    assert world.rest("admin").patch(url(world, "viewer"), {"role": "member"}).status_code == 200


def test_two_admins_who_demote_each_other_at_once_leave_one(world: World) -> None:
    make_admin(world, "viewer")
    one, two = world.rest("admin"), world.rest("viewer")
    paths = url(world, "viewer"), url(world, "admin")
    answers = at_once(
        lambda: one.patch(paths[0], {"role": "member"}),
        lambda: two.patch(paths[1], {"role": "member"}),
    )
    # Whoever comes so late that they are refused at the door gets 403.
    codes = sorted(answer.status_code for answer in answers)
    assert codes in ([200, 403], [200, 409])
    assert [role for role, _ in standing(world).values()].count("admin") == 1


def test_admin_demoted_while_waiting_for_a_turn_changes_nothing(world: World) -> None:
    """They were let in as an admin, and were none any more when their turn came."""
    make_admin(world, "viewer")
    was = place(world, "admin")
    Membership.objects.filter(pk=was.pk).update(role=Role.MEMBER)
    viewer, member = (opaque.encode(Membership, place(world, n).pk) for n in ("viewer", "member"))
    with pytest.raises(members.LastAdmin):
        members.change(was, viewer, role=Role.MEMBER)
    refused: list[Callable[[], object]] = [
        lambda: members.change(was, member, role=Role.ADMIN),
        lambda: members.remove(was, member, None),
        lambda: members.add(was, "rival", Role.ADMIN),
        lambda: members.invite(was, "newcomer", "new@example.com", Role.ADMIN),
    ]
    for attempt in refused:
        with pytest.raises(PermissionDenied):
            attempt()
    assert standing(world)["member"] == ("member", True)
    assert set(standing(world)) == {"admin", "both", "editor", "member", "owner", "viewer"}
