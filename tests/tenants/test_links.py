"""Links that new users get by e-mail: each sets a password and accepts its own invitation only."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.contrib.auth.tokens import default_token_generator
from pytest_django import Settings
from rest_framework.test import APIClient

from tenants import links, mail
from tenants.models import Membership, Tenant, User
from tests.tenants.places import MEMBERS, Letters, accept, decline, place, url
from tests.world import World

NEW = "a long enough phrase"
INVALID = (400, "invalid_link")


def invite(world: World, tenant: str = "acme", **more: str) -> None:
    admin = {"acme": "admin", "globex": "rival"}[tenant]
    answer = world.rest(admin, tenant).post(MEMBERS, {"username": "newcomer", **more})
    assert answer.status_code == 201, answer.content


@pytest.fixture
def letters(world: World, mailoutbox: Letters, settings: Settings) -> Letters:
    """Acme invites `newcomer`, who is new, and then globex does, too."""
    settings.PASSWORD_LINK = "https://app.example/#{user}/{token}"
    invite(world, email="new@example.com")
    world.users["newcomer"] = User.objects.get(username="newcomer")
    invite(world, "globex")
    mail.flush()
    return mailoutbox


def parts(letter: Any) -> dict[str, str]:
    found = re.search(r"#(\w+)/(\S+)", str(letter.body))
    assert found
    return {"user": found[1], "token": found[2]}


def confirm(link: dict[str, str]) -> Any:
    return APIClient().post("/api/password/confirm/", {**link, "new": NEW})


def states(username: str = "newcomer") -> dict[str, str]:
    rows = Membership.objects.filter(user__username=username).select_related("tenant")
    return {row.tenant.slug: row.state.value for row in rows}


@pytest.mark.parametrize(("number", "accepted"), [(0, "acme"), (1, "globex")])
def test_link_accepts_its_own_tenants_invitation_only(
    world: World, letters: Letters, number: int, accepted: str
) -> None:
    assert [letter.to for letter in letters] == [["new@example.com"]] * 2
    assert confirm(parts(letters[number])).status_code == 204
    other = {"acme": "globex", "globex": "acme"}[accepted]
    assert states() == {accepted: "active", other: "invited"}
    body = {"username": "newcomer", "password": NEW}
    token = APIClient().post("/api/login/", body).json()["token"]
    client = APIClient(headers={"Authorization": f"Token {token}"})
    assert client.get("/api/me/").json()["tenant"] == accepted


def test_link_of_the_other_tenant_is_used_up_by_the_first(world: World, letters: Letters) -> None:
    """Whoever holds it does not set the password anew; the invitation is accepted by logging in."""
    confirm(parts(letters[0]))
    answer = confirm(parts(letters[1]))
    assert (answer.status_code, answer.json()["code"]) == INVALID
    assert states() == {"acme": "active", "globex": "invited"}
    assert accept(world, "newcomer", "globex") == 204


def test_tenant_that_invites_somebody_elses_newcomer_learns_no_email(
    world: World, letters: Letters
) -> None:
    confirm(parts(letters[1]))
    accept(world, "newcomer", "acme")
    profiles = {slug: world.profile("newcomer", slug).email for slug in world.tenants}
    assert profiles == {"acme": "new@example.com", "globex": ""}


def test_plain_link_accepts_nothing(world: World, letters: Letters) -> None:
    APIClient().post("/api/password/reset/", {"email": "new@example.com"})
    mail.flush()
    assert confirm(parts(letters[-1])).status_code == 204
    assert states() == {"acme": "invited", "globex": "invited"}
    user = User.objects.get(username="newcomer")
    assert not default_token_generator.check_token(user, parts(letters[0])["token"])


@pytest.mark.parametrize("by", ["admin", "operator", "suspension", "user"])
def test_link_of_an_invitation_that_is_no_more_is_no_link(
    world: World, letters: Letters, by: str
) -> None:
    if by == "admin":
        world.rest("admin").delete(url(world, "newcomer"))
    elif by == "operator":
        place(world, "newcomer").delete()
    elif by == "suspension":
        Tenant.objects.filter(slug="acme").update(is_active=False)
    else:
        User.objects.filter(username="newcomer").update(is_active=False)
    answer = confirm(parts(letters[0]))
    assert (answer.status_code, answer.json()["code"]) == INVALID
    assert not User.objects.get(username="newcomer").has_usable_password()


def test_link_of_a_revoked_invitation_does_not_accept_the_next_one(
    world: World, letters: Letters
) -> None:
    world.rest("admin").delete(url(world, "newcomer"))
    invite(world)
    assert confirm(parts(letters[0])).json()["code"] == "invalid_link"
    mail.flush()
    assert confirm(parts(letters[-1])).status_code == 204
    assert states()["acme"] == "active"


def test_invitation_that_goes_while_the_link_is_looked_at_sets_no_password(
    world: World, letters: Letters, monkeypatch: pytest.MonkeyPatch
) -> None:
    look, looks = links.invitation_by, []

    def revoked(user: User, token: str) -> Membership | None:
        found = look(user, token)
        assert found
        looks.append(found)
        if len(looks) == 2:  # once before it waits for its turn to be hashed, once then
            found.delete()
        return found

    monkeypatch.setattr(links, "invitation_by", revoked)
    assert confirm(parts(letters[0])).json()["code"] == "invalid_link"
    assert not User.objects.get(username="newcomer").has_usable_password()


def test_weak_password_accepts_nothing(world: World, letters: Letters) -> None:
    answer = APIClient().post("/api/password/confirm/", {**parts(letters[0]), "new": "short"})
    assert (answer.status_code, set(answer.json())) == (400, {"new"})
    assert states() == {"acme": "invited", "globex": "invited"}


def test_link_is_good_for_nobody_else(world: World, letters: Letters) -> None:
    token = parts(letters[0])["token"]
    assert confirm({"user": world.user_id("viewer"), "token": token}).status_code == 400


def test_who_has_a_password_gets_no_link(
    world: World, mailoutbox: Letters, settings: Settings
) -> None:
    """Else an admin could have a stranger's password be reset, if only by the stranger."""
    settings.PASSWORD_LINK = "https://app.example/#{user}/{token}"
    world.rest("admin").post(MEMBERS, {"username": "rival"})
    mail.flush()
    assert "app.example" not in mailoutbox[0].body
    assert "accept" in mailoutbox[0].body
    assert decline(world, "rival").status_code == 204
