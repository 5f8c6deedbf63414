"""Grants over REST: owners and the tenant's admins manage them, and no admin raises themselves."""

import pytest

from tenants.models import Membership, User
from tests.permissions.answers import NOT_FOUND
from tests.permissions.conftest import Log
from tests.permissions.shares import grants_url, put, sees, url
from tests.world import World


def owned_by_admin(world: World) -> None:
    world.grant("admin", "owner")


@pytest.mark.parametrize(
    ("username", "code"),
    [
        ("owner", 200),
        ("admin", 200),
        ("editor", 403),
        ("viewer", 403),
        ("member", 404),
        ("both", 404),
        ("root", 404),
    ],
)
def test_only_owners_and_admins_manage_grants(world: World, username: str, code: int) -> None:
    User.objects.filter(pk=world.user("root").pk).update(is_superuser=True)
    Membership.objects.create(tenant=world.tenants["acme"], user=world.user("root"))
    client = world.rest(username)
    log = Log(world.tenants["acme"].pk)
    answers = [
        client.get(grants_url(world)),
        put(client, world, "viewer", "viewer"),
        put(client, world, "role:member", "auditor"),
        client.delete(url(world, "role:member")),
    ]
    codes = [code, code, code, 204 if code == 200 else code]
    assert [answer.status_code for answer in answers] == codes
    assert (log.new() == []) is (code != 200)
    if code == 404:
        assert [answer.json() for answer in answers] == [NOT_FOUND] * 4


def test_member_who_audits_by_a_grant_of_their_own_manages_nothing(world: World) -> None:
    world.grant("member", "auditor")
    assert world.rest("member").get(grants_url(world)).status_code == 403
    assert put(world.rest("member"), world, "member", "owner").status_code == 403


def test_admin_of_another_tenant_finds_nothing(world: World) -> None:
    client = world.rest("rival", "globex")
    assert client.get(grants_url(world)).status_code == 404
    assert put(client, world, "rival", "owner").status_code == 404
    assert client.delete(url(world, "viewer")).status_code == 404


@pytest.mark.parametrize("subject", ["admin", "role:admin"])
def test_admin_does_not_raise_themselves(world: World, subject: str) -> None:
    client = world.rest("admin")
    codes = [
        put(client, world, subject, audience).status_code
        for audience in ("owner", "editor", "viewer", "auditor")
    ]
    assert codes == [403, 403, 403, 200]
    assert sees(world, "admin") == "auditor"


def test_admin_who_edits_by_anothers_grant_does_not_raise_themselves(world: World) -> None:
    world.grant("admin", "editor")
    client = world.rest("admin")
    assert put(client, world, "admin", "owner").status_code == 403
    assert put(client, world, "role:admin", "viewer").status_code == 403
    assert client.delete(url(world, "admin")).status_code == 204
    assert sees(world, "admin") == "auditor"


def test_admin_raises_others_and_owners_raise_admins(world: World) -> None:
    assert put(world.rest("admin"), world, "member", "owner").status_code == 200
    assert put(world.rest("owner"), world, "admin", "editor").status_code == 200
    assert put(world.rest("owner"), world, "role:admin", "viewer").status_code == 200
    assert sees(world, "admin") == "editor"


def test_admin_who_owns_shares_as_an_owner(world: World) -> None:
    owned_by_admin(world)
    client = world.rest("admin")
    assert put(client, world, "role:admin", "editor").status_code == 200
    assert put(client, world, "admin", "viewer").status_code == 200
