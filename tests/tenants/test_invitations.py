"""Who is invited and has not accepted: for them, and for everybody but the admins, nothing is."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Group
from django.utils import timezone

from permissions.models import AccessChange
from resources.models import Profile
from tenants import opaque
from tenants.models import Membership, State, User
from tests.client import in_thread, subscribed
from tests.tenants.conftest import bearer
from tests.tenants.places import (
    MEMBERS,
    accept,
    at_once,
    decline,
    mine,
    place,
    standing,
    url,
)
from tests.world import World


@pytest.fixture
def invited(world: World) -> World:
    """Acme's admin invites `rival`, who is in globex only, as an admin."""
    answer = world.rest("admin").post(MEMBERS, {"username": "rival", "role": "admin"})
    assert answer.status_code == 201, answer.content
    return world


def state(world: World, username: str = "rival") -> str:
    return place(world, username).state.value


def test_nothing_changes_for_the_invited_until_they_accept(world: World) -> None:
    before = AccessChange.objects.count()
    client = bearer(world.user("rival"))
    ticket = client.post("/api/tickets/").status_code
    world.rest("admin").post(MEMBERS, {"username": "rival", "role": "admin"})
    assert client.get("/api/me/").json()["tenant"] == "globex"
    assert client.post("/api/tickets/").status_code == ticket == 201
    for path in ("/api/me/", "/api/documents/", MEMBERS):
        answer = client.get(path, headers={"X-Tenant": "acme"})
        assert (answer.status_code, answer.json()["code"]) == (403, "tenant_forbidden")
    assert not Profile.objects.filter(tenant=world.tenants["acme"], user=world.user("rival"))
    assert not Group.objects.filter(
        user=world.user("rival"), name__startswith=f"tenant:{world.tenants['acme'].pk}:"
    )
    assert AccessChange.objects.count() == before
    assert mine(world) == [("acme", "admin", "invited"), ("globex", "admin", "active")]


async def test_invitation_reaches_no_socket(world: World) -> None:
    async with subscribed(world, "viewer") as viewer:
        await in_thread(lambda: world.rest("admin").post(MEMBERS, {"username": "rival"}))()
        assert await viewer.settle() == []


def test_accepted_invitation_is_a_membership_like_any_other(invited: World) -> None:
    before = set(AccessChange.objects.values_list("pk", flat=True))
    assert accept(invited, "rival") == 204
    assert (state(invited), place(invited, "rival").invited_at) == ("active", None)
    client = bearer(invited.user("rival"))
    assert client.get("/api/me/").json()["code"] == "tenant_required"
    assert client.get(MEMBERS, headers={"X-Tenant": "acme"}).status_code == 200
    assert client.get("/api/profiles/me/", headers={"X-Tenant": "acme"}).status_code == 200
    assert client.get(invited.url, headers={"X-Tenant": "acme"})["X-Audience"] == "auditor"
    changes = AccessChange.objects.exclude(pk__in=before).filter(tenant=invited.tenants["acme"])
    assert invited.user("rival").pk in {change.user_id for change in changes}
    assert mine(invited) == [("acme", "admin", "active"), ("globex", "admin", "active")]


def test_there_is_nothing_to_accept_but_an_invitation(invited: World) -> None:
    """Unknown, another's, accepted, ended, suspended: one answer."""
    Membership.objects.filter(pk=place(invited, "viewer").pk).update(is_active=False)
    answers = [
        invited.rest(username, "").post(f"/api/tenants/{slug}/accept/")
        for username, slug in [
            ("rival", "unknown"),
            ("rival", "globex"),
            ("member", "globex"),
            ("viewer", "acme"),
            ("rival", "acme%00"),
            ("rival", "ACME"),
        ]
    ]
    assert accept(invited, "rival") == 204
    answers.append(invited.rest("rival", "").post("/api/tenants/acme/accept/"))
    assert {(a.status_code, a.content) for a in answers} == {(404, answers[0].content)}
    assert standing(invited)["viewer"] == ("member", False)


def test_suspended_tenant_neither_takes_nor_lets_go(invited: World) -> None:
    absent = decline(invited, "rival", "unknown")
    invited.tenants["acme"].is_active = False
    invited.tenants["acme"].save()
    assert accept(invited, "rival") == 404
    for username in ("rival", "member"):
        answer = decline(invited, username)
        assert (answer.status_code, answer.content) == (404, absent.content)
    assert (state(invited), state(invited, "member")) == ("invited", "active")
    assert mine(invited) == [("globex", "admin", "active")]


def test_declined_invitation_is_gone_and_may_be_made_again(invited: World) -> None:
    before = AccessChange.objects.count()
    assert decline(invited, "rival").status_code == 204
    assert "rival" not in standing(invited)
    assert (decline(invited, "rival").status_code, accept(invited, "rival")) == (404, 404)
    assert AccessChange.objects.count() == before
    assert invited.rest("admin").post(MEMBERS, {"username": "rival"}).status_code == 201


def test_revoked_invitation_cannot_be_accepted(invited: World) -> None:
    assert invited.rest("admin").delete(url(invited, "rival")).status_code == 204
    assert accept(invited, "rival") == 404
    assert mine(invited) == [("globex", "admin", "active")]


def test_invited_again_is_a_conflict(invited: World) -> None:
    for body in ({"username": "rival"}, {"username": "rival", "email": "rival@example.com"}):
        answer = invited.rest("admin").post(MEMBERS, body)
        assert (answer.status_code, answer.json()["code"]) == (409, "already_member")


def test_admin_cannot_activate_who_has_not_accepted(invited: World) -> None:
    for body in ({"is_active": True}, {"is_active": True, "role": "member"}):
        answer = invited.rest("admin").patch(url(invited, "rival"), body)
        assert (answer.status_code, answer.json()["code"]) == (409, "not_accepted")
    answer = invited.rest("admin").patch(url(invited, "rival"), {"is_active": False})
    assert (answer.status_code, answer.json()["state"]) == (200, "invited")


def test_invitation_may_be_to_another_role(invited: World) -> None:
    before = AccessChange.objects.count()
    answer = invited.rest("admin").patch(url(invited, "rival"), {"role": "member"})
    assert (answer.status_code, answer.json()["role"], answer.json()["state"]) == (
        200,
        "member",
        "invited",
    )
    assert AccessChange.objects.count() == before
    accept(invited, "rival")
    assert invited.rest("rival").get(MEMBERS).status_code == 403


def test_invited_admin_does_not_count_as_one(invited: World) -> None:
    client, path = invited.rest("admin"), url(invited, "admin")
    for answer in (
        client.patch(path, {"role": "member"}),
        client.delete(path),
        decline(invited, "admin"),
    ):
        assert (answer.status_code, answer.json()["code"]) == (409, "last_admin")


def test_invited_are_no_subjects_of_grants_and_no_heirs(invited: World) -> None:
    path = f"{invited.url}grants/user:{invited.user_id('rival')}/"
    nobody = f"{invited.url}grants/user:{opaque.encode(User, 10**6)}/"
    for username in ("owner", "admin"):
        client = invited.rest(username)
        answers = [client.put(p, {"audience": "viewer"}) for p in (path, nobody)]
        assert {(a.status_code, a.content) for a in answers} == {(404, answers[0].content)}
    heir = f"{url(invited, 'owner')}?transfer_to={invited.user_id('rival')}"
    assert set(invited.rest("admin").delete(heir).json()) == {"transfer_to"}


def test_only_admins_see_who_is_invited(invited: World) -> None:
    known = invited.user_id("rival").encode()
    rows = invited.rest("admin").get(MEMBERS).json()["results"]
    assert [row["username"] for row in rows if row["state"] == "invited"] == ["rival"]
    for path in ("/api/profiles/", "/api/documents/", f"{invited.url}grants/"):
        for username in ("owner", "admin"):
            content = invited.rest(username).get(path).content
            assert known not in content
            assert b"rival" not in content


def test_membership_made_by_a_script_is_active(world: World) -> None:
    made = Membership.objects.create(tenant=world.tenants["acme"], user=world.user("rival"))
    made.refresh_from_db()
    assert (made.state, made.is_active, made.by_name) == (State.ACTIVE, True, False)
    assert world.profile("rival").email == "rival@example.com"


@pytest.mark.parametrize("way", ["save", "update", "bulk"])
def test_invited_whom_the_operator_lets_in_are_members(invited: World, way: str) -> None:
    """Deactivated later they are inactive, and not invited again, whoever has stale rows."""
    row = place(invited, "rival")
    for active in (True, False):
        row.is_active = active
        if way == "save":
            row.save()
        elif way == "update":
            Membership.objects.filter(pk=row.pk).update(is_active=active)
        else:
            Membership.objects.bulk_update([row], ["is_active"])
        assert state(invited) == ("active" if active else "inactive")
        assert invited.profile("rival").display_name == ""
    assert accept(invited, "rival") == 404


def test_user_of_whom_the_operator_wants_nothing_cannot_accept(invited: World) -> None:
    User.objects.filter(username="rival").update(is_active=False)
    assert accept(invited, "rival") == 401


def test_only_one_of_accepting_and_revoking_at_once_wins(invited: World) -> None:
    path = url(invited, "rival")
    client, admin = invited.rest("rival", ""), invited.rest("admin")
    accepted, revoked = at_once(
        lambda: client.post("/api/tenants/acme/accept/"), lambda: admin.delete(path)
    )
    assert revoked.status_code == 204
    assert accepted.status_code in (204, 404)
    assert "rival" not in standing(invited)
    assert not Profile.objects.filter(tenant=invited.tenants["acme"], user=invited.user("rival"))


def test_invitation_accepted_twice_at_once_is_one_membership(invited: World) -> None:
    client = invited.rest("rival", "")
    answers = at_once(*[lambda: client.post("/api/tenants/acme/accept/")] * 2)
    assert sorted(a.status_code for a in answers) == [204, 404]
    assert invited.profile("rival").display_name == ""


def test_invitation_of_an_old_process_stays_one(world: World) -> None:
    """Old and new processes run side by side: what the old ones read says inactive."""
    row = Membership(tenant=world.tenants["acme"], user=world.user("rival"), is_active=False)
    row.invited_at = timezone.now()
    row.save()
    assert (row.state, row.is_active) == (State.INVITED, False)
    assert accept(world, "rival") == 204
