"""Profiles belong to their person, and roles hold what is declared, without a stored grant."""

from permissions import decision
from permissions.grants import grants_of
from permissions.subjects import Subject
from resources.audiences import PROFILES
from resources.models import Profile
from tenants.models import Membership, Tenant
from tests.world import World


def test_profiles_are_given_to_their_person_and_roles(place: World) -> None:
    profile = place.profile("owner")
    found = {grant.subject: grant.audience.name for grant in grants_of(PROFILES, profile)}
    assert found == {
        Subject(user_id=place.user("owner").pk): "self",
        Subject(role="admin"): "admin",
        Subject(role="member"): "member",
        Subject(role="reviewer"): "member",
    }


def test_roles_hold_what_is_declared_in_a_new_tenant_too(place: World) -> None:
    tenant = Tenant.objects.create(slug="initech", name="Initech")
    for name, role in (("both", "member"), ("second", "admin")):
        Membership.objects.create(tenant=tenant, user=place.user(name), role=role)
    profile = Profile.objects.get(tenant=tenant, user=place.user("both"))
    pairs = [(place.user(name).pk, profile.pk) for name in ("both", "second", "member")]
    found = decision.audiences(PROFILES, tenant.pk, pairs)
    assert [a and a.name for a in found.values()] == ["self", "admin", None]
