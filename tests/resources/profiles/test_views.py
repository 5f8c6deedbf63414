"""Profiles over REST: a person's own, and the restricted ones that the others see."""

import json
from typing import Any

import pytest

from resources.models import Profile
from tenants import opaque
from tenants.models import Membership, User
from tests.resources.profiles.test_serializers import BAD
from tests.world import World

LIST = "/api/profiles/"
ME = "/api/profiles/me/"


def url(world: World, username: str = "owner") -> str:
    return f"{LIST}{opaque.encode(Profile, world.profile(username).pk)}/"


def set_up(world: World) -> None:
    Profile.objects.filter(tenant=world.tenants["acme"], user=world.user("owner")).update(
        display_name="Olga", title="Head", bio="Bio", phone="+1", timezone="Europe/Berlin"
    )


def test_each_sees_the_profile_as_what_they_are(world: World) -> None:
    set_up(world)
    id = url(world).split("/")[-2]
    own = {
        "id": id,
        "username": "owner",
        "display_name": "Olga",
        "title": "Head",
        "bio": "Bio",
        "email": "owner@example.com",
        "phone": "+1",
        "timezone": "Europe/Berlin",
    }
    expected = {
        "owner": ("self", list(own)),
        "admin": ("admin", ["id", "username", "display_name", "title", "email"]),
        "member": ("member", ["id", "display_name", "title", "bio"]),
        "both": ("member", ["id", "display_name", "title", "bio"]),
    }
    for name, (audience, fields) in expected.items():
        answer = world.rest(name).get(url(world))
        assert (answer.status_code, answer["X-Audience"]) == (200, audience)
        assert list(answer.json().items()) == [(field, own[field]) for field in fields]


def test_foreign_profile_is_absent(world: World) -> None:
    there = opaque.encode(Profile, world.profile("rival", "globex").pk)
    for name in ("owner", "admin", "both"):
        assert world.rest(name).get(f"{LIST}{there}/").status_code == 404
        assert world.rest(name).patch(f"{LIST}{there}/", {"title": "X"}).status_code == 404
    assert world.rest("both", "globex").get(f"{LIST}{there}/")["X-Audience"] == "member"


def test_superuser_is_a_member_like_others(world: World) -> None:
    User.objects.filter(username="member").update(is_superuser=True)
    assert world.rest("member").get(url(world))["X-Audience"] == "member"


def test_me_is_the_readers_profile_in_this_tenant(world: World) -> None:
    for tenant in ("acme", "globex"):
        client = world.rest("both", tenant)
        mine = client.get(ME)
        assert (mine.status_code, mine["X-Audience"]) == (200, "self")
        assert mine.json()["id"] == opaque.encode(Profile, world.profile("both", tenant).pk)
        assert client.get(f"{LIST}{mine.json()['id']}/").content == mine.content
        known = {"If-None-Match": mine["ETag"]}
        assert client.get(ME, headers=known).status_code == 304


def test_me_without_a_profile_is_absent(world: World) -> None:
    Profile.objects.across_tenants().filter(user=world.user("both")).delete()
    answer = world.rest("both").get(ME)
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


def test_list_has_everybody_here_as_the_reader_sees_them(world: World) -> None:
    found = world.rest("owner").get(LIST).json()
    names = [row["display_name"] for row in found["results"]]
    assert names == ["both", "member", "admin", "viewer", "editor", "owner"]
    assert [len(row) for row in found["results"]] == [4, 4, 4, 4, 4, 8]
    assert [len(row) for row in world.rest("admin").get(LIST).json()["results"]] == [
        5, 5, 8, 5, 5, 5,
    ]  # fmt: skip


WRITES: list[tuple[str, dict[str, Any], int, set[str]]] = [
    ("owner", {"display_name": "Olga", "bio": "B", "phone": "+1", "timezone": "UTC"}, 200, set()),
    ("owner", {"title": "Head", "email": "o@example.com"}, 200, set()),
    ("owner", {"username": "boss"}, 400, {"username"}),
    ("owner", {"id": "x", "title": "Head"}, 400, {"id"}),
    ("owner", {"role": "admin", "user": "x"}, 400, {"role", "user"}),
    ("admin", {"title": "Chief"}, 200, set()),
    ("admin", {"display_name": "X"}, 400, {"display_name"}),
    ("admin", {"email": "x@example.com", "title": "T"}, 400, {"email"}),
    ("admin", {"bio": "X", "phone": "1"}, 400, {"bio", "phone"}),
    ("member", {"title": "X"}, 403, {"detail", "code"}),
    ("member", {}, 403, {"detail", "code"}),
]


def test_each_writes_what_their_audience_may(world: World) -> None:
    for name, body, code, keys in WRITES:
        answer = world.rest(name).patch(url(world), body)
        assert answer.status_code == code, (name, body)
        if code == 200:
            assert answer.content == world.rest(name).get(url(world)).content
            assert {field: answer.json()[field] for field in body} == body
        else:
            assert set(answer.json()) == keys


def test_bad_values_are_refused_by_name(world: World) -> None:
    client = world.rest("owner")
    before = client.get(ME).content
    for field, values in BAD.items():
        for value in values:
            body = json.dumps({field: value})
            answer = client.patch(url(world), body, content_type="application/json")
            assert (answer.status_code, set(answer.json())) == (400, {field}), body[:60]
    assert client.get(ME).content == before


def test_stale_write_is_refused(world: World) -> None:
    client = world.rest("owner")
    known = {"If-Match": client.get(ME)["ETag"]}
    assert client.patch(url(world), {"title": "One"}, headers=known).status_code == 200
    assert client.patch(url(world), {"title": "Two"}, headers=known).status_code == 412


@pytest.mark.parametrize(
    ("method", "path"),
    [("post", LIST), ("put", "one"), ("delete", "one"), ("patch", ME), ("patch", LIST)],
)
def test_profiles_come_and_go_with_memberships_only(world: World, method: str, path: str) -> None:
    where = url(world) if path == "one" else path
    answer = getattr(world.rest("owner"), method)(where, {"title": "X"})
    assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed")


def test_grants_of_profiles_are_not_managed(world: World) -> None:
    assert world.rest("admin").get(f"{url(world)}grants/").status_code == 404


def test_renamed_user_is_renamed_on_their_profile(world: World) -> None:
    known = world.rest("admin").get(url(world))["ETag"]
    User.objects.filter(username="owner").update(username="boss")
    answer = world.rest("admin").get(url(world))
    assert (answer.json()["username"], answer["ETag"] != known) == ("boss", True)


def test_demoted_admin_sees_as_a_member(world: World) -> None:
    client = world.rest("admin")
    assert client.get(url(world))["X-Audience"] == "admin"
    Membership.objects.filter(user=world.user("admin")).update(role="member")
    assert client.get(url(world))["X-Audience"] == "member"
