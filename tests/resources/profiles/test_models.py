import pytest
from django.db import IntegrityError, transaction

from resources.models import Profile
from tenants.models import Membership
from tests.world import World


def test_profile_is_called_by_its_name(place: World) -> None:
    assert str(place.profile("owner")) == "owner"


def test_person_has_one_profile_in_a_tenant(place: World) -> None:
    profile = place.profile("owner")
    other = Membership.objects.get(user=place.user("member"))
    with pytest.raises(IntegrityError), transaction.atomic():
        Profile.objects.create(tenant=profile.tenant, user=profile.user, membership=other)


def test_profile_is_gone_with_its_membership(place: World) -> None:
    Membership.objects.filter(user=place.user("both"), tenant=place.tenants["acme"]).delete()
    profiles = Profile.objects.across_tenants().filter(user=place.user("both"))
    assert [profile.tenant for profile in profiles] == [place.tenants["globex"]]
