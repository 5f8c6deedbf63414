from typing import Any

import pytest

from permissions.grants import grants_of
from permissions.subjects import Subject
from resources.audiences import PROFILES
from resources.models import Profile
from tenants.membership_tasks import do_tasks
from tenants.models import Membership, Tenant, User
from tests.world import World


@pytest.fixture
def tenant(db: None) -> Tenant:
    return Tenant.objects.create(slug="acme", name="Acme")


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({}, ""),
        ({"first_name": "Kim"}, "Kim"),
        ({"first_name": "Kim", "last_name": "Lee"}, "Kim Lee"),
        ({"first_name": "K" * 150, "last_name": "Lee"}, "K" * 150),
        ({"first_name": "K" * 149, "last_name": "Lee"}, "K" * 149),
    ],
)
def test_new_membership_brings_a_profile_under_the_persons_full_name(
    tenant: Tenant, fields: dict[str, Any], name: str
) -> None:
    user = User.objects.create_user(**{"username": "kim", "email": "kim@example.com", **fields})
    membership = Membership.objects.create(tenant=tenant, user=user)
    profile = Profile.objects.get(tenant=tenant)
    assert (profile.membership, profile.user) == (membership, user)
    assert (profile.display_name, profile.email) == (name, "kim@example.com")
    assert (profile.title, profile.bio, profile.phone, profile.timezone) == ("", "", "", "UTC")


def test_memberships_created_together_bring_their_profiles(tenant: Tenant) -> None:
    names = [f"Name{number}" for number in range(3)]
    users = [User.objects.create_user(name.lower(), first_name=name) for name in names]
    Membership.objects.bulk_create(Membership(tenant=tenant, user=user) for user in users)
    do_tasks()
    profiles = Profile.objects.filter(tenant=tenant).order_by("pk")
    assert [profile.display_name for profile in profiles] == names
    for profile in profiles:
        assert {g.subject: g.audience.name for g in grants_of(PROFILES, profile)} == {
            Subject(user_id=profile.user_id): "self",
            Subject(role="admin"): "admin",
            Subject(role="member"): "member",
            Subject(role="reviewer"): "member",
        }


def test_changed_membership_brings_no_second_profile(place: World) -> None:
    before = Profile.objects.across_tenants().count()
    membership = Membership.objects.get(user=place.user("owner"))
    membership.role = "admin"
    membership.save()
    assert Profile.objects.across_tenants().count() == before
