import pytest
from django.contrib.auth.models import Group

from tenants.models import Membership, Tenant, User
from tenants.roles import role_group
from tests.tenants.conftest import member

pytestmark = pytest.mark.django_db


def roles_of(user: User) -> set[str]:
    return set(user.groups.values_list("name", flat=True))


def test_group_is_made_once(acme: Tenant) -> None:
    assert role_group(acme.pk, "admin") == role_group(acme.pk, "admin")
    assert role_group(acme.pk, "admin").name == f"tenant:{acme.pk}:admin"


def test_member_is_in_the_group_of_exactly_his_role(acme: Tenant, globex: Tenant) -> None:
    user = member("someone", acme)
    Membership.objects.create(tenant=globex, user=user, role="admin")
    assert roles_of(user) == {f"tenant:{acme.pk}:member", f"tenant:{globex.pk}:admin"}


def test_saved_role_moves_him(acme: Tenant, owner: User) -> None:
    place = owner.memberships.get()
    place.role = "admin"
    place.save()
    assert roles_of(owner) == {f"tenant:{acme.pk}:admin"}


def test_updated_role_moves_everybody(acme: Tenant, owner: User) -> None:
    other = member("other", acme)
    Membership.objects.filter(tenant=acme).update(role="admin")
    assert roles_of(owner) == roles_of(other) == {f"tenant:{acme.pk}:admin"}


def test_bulk_updated_roles_move_each(acme: Tenant, owner: User) -> None:
    other = member("other", acme)
    places = list(Membership.objects.filter(tenant=acme).order_by("pk"))
    places[0].role = "admin"
    places[1].is_active = False
    Membership.objects.bulk_update(places, ["role", "is_active"])
    assert roles_of(owner) == {f"tenant:{acme.pk}:admin"}
    assert roles_of(other) == set()


def test_bulk_created_members_are_in(acme: Tenant) -> None:
    users = [member(name) for name in ("one", "two")]
    Membership.objects.bulk_create([Membership(tenant=acme, user=user) for user in users])
    assert [roles_of(user) for user in users] == [{f"tenant:{acme.pk}:member"}] * 2


def test_inactive_member_is_in_no_group_until_he_is_active_again(acme: Tenant, owner: User) -> None:
    owner.memberships.update(is_active=False)
    assert roles_of(owner) == set()
    owner.memberships.update(is_active=True)
    assert roles_of(owner) == {f"tenant:{acme.pk}:member"}


def test_member_who_moves_to_another_tenant_leaves_the_groups_of_the_first(
    acme: Tenant, globex: Tenant, owner: User
) -> None:
    globex.memberships.add(owner.memberships.get())
    assert roles_of(owner) == {f"tenant:{globex.pk}:member"}


def test_removed_member_leaves_this_tenants_groups_only(
    acme: Tenant, globex: Tenant, both: User
) -> None:
    friends = Group.objects.create(name="friends")
    both.groups.add(friends)
    both.memberships.filter(tenant=acme).delete()
    assert roles_of(both) == {"friends", f"tenant:{globex.pk}:member"}


def test_deleted_tenant_takes_its_groups_along(acme: Tenant, globex: Tenant, both: User) -> None:
    acme.delete()
    assert roles_of(both) == {f"tenant:{globex.pk}:member"}
    assert not Group.objects.filter(name__startswith=f"tenant:{acme.pk}:").exists()


def test_deleted_user_leaves_no_membership(acme: Tenant, owner: User) -> None:
    owner.delete()
    assert not role_group(acme.pk, "member").user_set.exists()
