import pytest
from django.contrib.auth.models import Group

from tenants.models import Tenant, User
from tenants.roles import role_group
from tests.tenants.conftest import member

pytestmark = pytest.mark.django_db


def test_group_is_made_once(acme: Tenant) -> None:
    assert role_group(acme.pk, "admin") == role_group(acme.pk, "admin")
    assert role_group(acme.pk, "admin").name == f"tenant:{acme.pk}:admin"


def test_nobody_is_put_into_a_roles_group(acme: Tenant, owner: User) -> None:
    """Whoever writes memberships, by whichever way, there is nothing to keep in step."""
    group = role_group(acme.pk, "member")
    place = member("someone", acme).memberships.get()
    place.role = "admin"
    place.save()
    assert not group.user_set.exists()
    assert not owner.groups.exists()


def test_deleted_tenant_takes_its_groups_along(acme: Tenant, globex: Tenant) -> None:
    for tenant in (acme, globex):
        role_group(tenant.pk, "member")
    gone, stays = acme.pk, globex.pk
    acme.delete()
    assert set(Group.objects.values_list("name", flat=True)) == {f"tenant:{stays}:member"}
    assert gone != stays
