"""Members over REST: an admin invites who is known by the username, and who is new by e-mail."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.db.utils import IntegrityError
from pytest_django import Settings

from resources.models import Profile
from tenants import mail, members, opaque, users
from tenants.members import UsernameTaken
from tenants.models import Membership, Role, User
from tests.tenants.places import MEMBERS, Letters, accept, at_once, place, standing, url
from tests.world import World


def test_existing_user_is_invited_by_username_and_told(world: World, mailoutbox: Letters) -> None:
    answer = world.rest("admin").post(MEMBERS, {"username": "rival", "role": "admin"})
    assert answer.status_code == 201
    assert answer.json() == {
        "id": opaque.encode(Membership, place(world, "rival").pk),
        "user": world.user_id("rival"),
        "username": "rival",
        "role": "admin",
        "is_active": False,
        "state": "invited",
    }
    mail.flush()
    [letter] = mailoutbox
    assert letter.to == ["rival@example.com"]
    assert "Acme" in letter.subject
    assert "password" not in letter.body
    assert accept(world, "rival") == 204
    assert world.rest("rival").get("/api/members/").status_code == 200


def test_invited_user_is_known_by_username_only(world: World) -> None:
    """Else any admin could read the name and e-mail of anybody whose username they know."""
    User.objects.filter(username="rival").update(first_name="Rita", last_name="Val")
    world.rest("admin").post(MEMBERS, {"username": "rival"})
    accept(world, "rival")
    profile = world.profile("rival")
    assert (profile.display_name, profile.email) == ("", "")
    assert "example.com" not in world.rest("admin").get(MEMBERS).content.decode()


def test_user_without_an_email_is_invited_too(world: World, mailoutbox: Letters) -> None:
    User.objects.create_user("silent")
    assert world.rest("admin").post(MEMBERS, {"username": "silent"}).status_code == 201
    mail.flush()
    assert mailoutbox == []


@pytest.mark.each_case
@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("PASSWORD_LINK", "", "could not be sent: EARSHOT_PASSWORD_LINK is not set"),
        (
            "EMAIL_BACKEND",
            "django.core.mail.backends.dummy.EmailBackend",
            "E-mail not sent: EMAIL_URL is not set",
        ),
    ],
)
def test_invitation_that_reaches_nobody_is_told_in_the_log(
    world: World, settings: Settings, mailoutbox: Letters, caplog: pytest.LogCaptureFixture,
    name: str, value: str, said: str,
) -> None:  # fmt: skip
    setattr(settings, name, value)
    new = {"username": "ann", "email": "ann@example.com"}
    assert world.rest("admin").post(MEMBERS, new).status_code == 201
    mail.flush()
    assert mailoutbox == []
    assert said in caplog.text
    assert "ann" not in caplog.text


def test_new_user_gets_a_link_that_sets_a_password_and_accepts_once(
    world: World, mailoutbox: Letters, settings: Settings
) -> None:
    settings.PASSWORD_LINK = "https://app.example/set?user={user}&token={token}"
    body = {"username": "newcomer", "email": "new@example.com"}
    answer = world.rest("admin").post(MEMBERS, body)
    assert answer.status_code == 201
    assert set(answer.json()) == {"id", "user", "username", "role", "is_active", "state"}
    assert (answer.json()["role"], answer.json()["state"]) == ("member", "invited")
    mail.flush()
    [letter] = mailoutbox
    assert letter.to == ["new@example.com"]
    found = re.search(r"https://app\.example/set\?user=(\w+)&token=(\S+)", str(letter.body))
    assert found
    user, token = found.groups()
    assert user == answer.json()["user"]
    new = {"user": user, "token": token, "new": "a long enough phrase"}
    assert world.rest("viewer").post("/api/password/confirm/", new).status_code == 204
    assert world.rest("viewer").post("/api/password/confirm/", new).status_code == 400
    login = {"username": "newcomer", "password": "a long enough phrase"}
    assert world.rest("viewer").post("/api/login/", login).status_code == 200
    profile = Profile.objects.get(tenant=world.tenants["acme"], user__username="newcomer")
    assert profile.email == "new@example.com"


def test_name_that_is_taken_is_a_conflict_and_brings_nobody_in(
    world: World, mailoutbox: Letters
) -> None:
    """Who means a new person must not let in another one, who happens to have the name."""
    client, before = world.rest("admin"), standing(world)
    User.objects.create_user("asleep", is_active=False)
    for username, code in [
        ("rival", "username_taken"),
        ("asleep", "username_taken"),
        ("viewer", "already_member"),
    ]:
        answer = client.post(MEMBERS, {"username": username, "email": "x@example.com"})
        assert (answer.status_code, answer.json()["code"]) == (409, code)
    mail.flush()
    assert (standing(world), mailoutbox) == (before, [])


def test_member_again_is_a_conflict(world: World) -> None:
    Membership.objects.filter(pk=place(world, "viewer").pk).update(is_active=False)
    for username in ("viewer", "editor"):
        answer = world.rest("admin").post(MEMBERS, {"username": username, "role": "admin"})
        assert (answer.status_code, answer.json()["code"]) == (409, "already_member")
    assert standing(world)["viewer"] == ("member", False)


@pytest.mark.parametrize("username", ["nobody", "Rival", "asleep"])
def test_unknown_user_cannot_be_added(world: World, username: str) -> None:
    User.objects.create_user("asleep", is_active=False)
    answer = world.rest("admin").post(MEMBERS, {"username": username})
    assert (answer.status_code, answer.json()) == (
        400,
        {"username": ["User not found."]},
    )


WRONG: list[tuple[Any, set[str]]] = [
    ({}, {"username"}),
    ({"username": ""}, {"username"}),
    ({"username": 5}, {"username"}),
    ({"username": None}, {"username"}),
    ({"username": "a b", "email": "a@example.com"}, {"username"}),
    ({"username": "x" * 151, "email": "a@example.com"}, {"username"}),
    ({"username": "new\0"}, {"username"}),
    ({"username": "new", "email": "nowhere"}, {"email"}),
    ({"username": "new", "email": ""}, {"email"}),
    ({"username": "new", "email": None}, {"email"}),
    ({"username": "rival", "role": "owner"}, {"role"}),
    ({"username": "rival", "role": None}, {"role"}),
    ({"username": "rival", "role": ["admin"]}, {"role"}),
    ({"username": "rival", "is_active": False}, {"is_active"}),
    ({"username": "rival", "tenant": "globex"}, {"tenant"}),
    ([], {"non_field_errors"}),
]


def test_wrong_new_member_is_refused_by_name(world: World) -> None:
    client, before = world.rest("admin"), standing(world)
    for body, wrong in WRONG:
        answer = client.post(MEMBERS, body)
        assert (answer.status_code, set(answer.json())) == (400, wrong), body
    assert standing(world) == before
    assert not User.objects.filter(username__startswith="new").exists()


def test_admins_of_a_tenant_add_so_many_a_minute(world: World, settings: Settings) -> None:
    settings.EARSHOT = settings.EARSHOT | {"invitations_per_minute": 2}
    client = world.rest("admin")
    codes = [client.post(MEMBERS, {"username": "nobody"}).status_code for _ in range(3)]
    assert codes == [400, 400, 429]
    assert world.rest("rival", "globex").post(MEMBERS, {"username": "x"}).status_code == 400


def test_nobody_is_invited_and_revoked_without_end(
    world: World, settings: Settings, mailoutbox: Letters
) -> None:
    settings.EARSHOT = settings.EARSHOT | {"invitations_per_person": 2}
    client, codes = world.rest("admin"), []
    for _ in range(3):
        codes.append(client.post(MEMBERS, {"username": "rival"}).status_code)
        if codes[-1] == 201:
            client.delete(url(world, "rival"))
    mail.flush()
    assert (codes, len(mailoutbox)) == ([201, 201, 429], 2)
    assert client.post(MEMBERS, {"username": "newcomer"}).status_code == 400


def test_member_created_twice_at_once_is_created_once(world: World, mailoutbox: Letters) -> None:
    client = world.rest("admin")
    body = {"username": "newcomer", "email": "new@example.com"}
    answers = at_once(*[lambda: client.post(MEMBERS, body)] * 3)
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409]
    assert {a.json().get("code", "") for a in answers} == {"", "already_member"}
    mail.flush()
    assert len(mailoutbox) == 1
    assert Membership.objects.filter(tenant=world.tenants["acme"]).count() == 7


def test_name_that_two_tenants_take_at_once_is_one_persons(world: World) -> None:
    body = {"username": "newcomer", "email": "new@example.com"}
    clients = [world.rest("admin"), world.rest("rival", "globex")]
    answers = at_once(*(lambda c=c: c.post(MEMBERS, body) for c in clients))
    assert sorted(answer.status_code for answer in answers) == [201, 409]
    assert {a.json().get("code", "") for a in answers} == {"", "username_taken"}
    assert Membership.objects.filter(user__username="newcomer").count() == 1


def test_name_that_is_taken_between_look_and_creation_leaves_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    create = users.new

    def late(username: str, email: str) -> User:
        create(username, "")
        return create(username, email)

    monkeypatch.setattr(users, "new", late)
    before = standing(world)
    with pytest.raises(UsernameTaken) as raised:
        members.invite(place(world, "admin"), "newcomer", "new@example.com", Role.MEMBER)
    assert isinstance(raised.value.__cause__, IntegrityError)
    assert standing(world) == before
    assert not User.objects.filter(username="newcomer").exists()


def test_member_whom_the_operator_adds_at_once_is_a_conflict(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Django's admin and scripts wait for no turn."""
    monkeypatch.setattr(members, "_check_new", lambda *_: None)
    answer = world.rest("admin").post(MEMBERS, {"username": "viewer"})
    assert (answer.status_code, answer.json()["code"]) == (409, "already_member")
