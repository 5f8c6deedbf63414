import pytest

from resources.audiences import PROFILES
from resources.profiles.audiences import of_users, with_username
from tests.world import World

OWN = ["display_name", "title", "bio", "email", "phone", "timezone"]


@pytest.mark.parametrize(
    ("name", "permission", "payload", "writes"),
    [
        ("self", "own_profile", ["id", "username", *OWN], OWN),
        (
            "admin",
            "administer_profile",
            ["id", "username", "display_name", "title", "email"],
            ["title"],
        ),
        ("member", "view_profile", ["id", "display_name", "title", "bio"], []),
    ],
)
def test_audience_is_as_the_protocol_has_it(
    name: str, permission: str, payload: list[str], writes: list[str]
) -> None:
    audience = PROFILES.audience(name)
    assert audience is not None
    assert (audience.permission, list(audience.fields)) == (permission, payload)
    assert (list(audience.writes), audience.deletes, audience.grants) == (writes, False, False)


def test_audiences_are_in_order() -> None:
    assert [audience.name for audience in PROFILES.audiences] == ["self", "admin", "member"]


def test_username_is_the_persons(place: World) -> None:
    from resources.models import Profile

    profiles = with_username(Profile.objects.filter(tenant=place.tenants["globex"]))
    assert {profile.username for profile in profiles} == {"rival", "both"}


def test_username_is_shown_by_the_profiles_of_the_user_in_every_tenant(place: World) -> None:
    found = of_users([place.user("both"), place.user("rival")])
    assert {(profile.tenant.slug, profile.user.username) for profile in found} == {
        ("acme", "both"),
        ("globex", "both"),
        ("globex", "rival"),
    }
