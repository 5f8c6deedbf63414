"""Passwords over REST: changed, forgotten, set by a link that works once."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.contrib.auth.tokens import default_token_generator
from django.core.cache import cache
from django.core.mail import EmailMessage
from knox.models import AuthToken
from pytest_django import Settings
from rest_framework.test import APIClient

from tenants import links, mail
from tenants.models import Session, Ticket, User
from tests.client import in_thread, subscribed
from tests.tenants.conftest import Heard, bearer, session_of
from tests.world import World

OLD, NEW = "secret", "a long enough phrase"
Letters = list[EmailMessage]


@pytest.fixture
def world(transactional_db: None) -> World:
    cache.clear()
    return World()


def change(client: APIClient, old: Any = OLD, new: Any = NEW, **more: Any) -> Any:
    return client.post("/api/password/", {"old": old, "new": new, **more})


def reset(email: Any) -> Any:
    answer = APIClient().post("/api/password/reset/", {"email": email})
    mail.flush()
    return answer


def confirm(user: Any, token: Any, new: Any = NEW, **more: Any) -> Any:
    body = {"user": user, "token": token, "new": new, **more}
    return APIClient().post("/api/password/confirm/", body)


def token_of(world: World, username: str = "viewer") -> str:
    world.user(username).refresh_from_db()
    return str(default_token_generator.make_token(world.user(username)))


def may_log_in(username: str, password: str) -> bool:
    body = {"username": username, "password": password}
    return APIClient().post("/api/login/", body).status_code == 200


# Changing


@pytest.mark.parametrize("way", ["token", "session"])
def test_changed_password_ends_every_credential(world: World, way: str, heard: Heard) -> None:
    user = world.user("viewer")
    client, other = APIClient(headers={"X-Tenant": "acme"}), bearer(user)
    session_of(user, client)
    if way == "token":
        client = bearer(user)
    client.post("/api/tickets/")
    heard.clear()
    answer = change(client)
    assert (answer.status_code, answer.content) == (204, b"")
    assert {c.get("/api/me/").status_code for c in (client, other)} == {401}
    assert not any(model.objects.exists() for model in (AuthToken, Session, Ticket))
    assert (world.tenants["acme"].pk, user.pk, "password") in heard.rows()
    assert may_log_in("viewer", NEW)
    assert not may_log_in("viewer", OLD)


def test_change_ends_nobody_elses_credentials(world: World) -> None:
    other = world.rest("editor")
    change(world.rest("viewer"))
    assert other.get("/api/me/").status_code == 200


@pytest.mark.parametrize(
    ("old", "new", "wrong"),
    [
        ("wrong", NEW, {"old": ["Wrong password."]}),
        (" secret", NEW, {"old": ["Wrong password."]}),
        ("wrong", "short", {"old": ["Wrong password."]}),
        (OLD, "12345678901", {"new"}),
        (OLD, "short", {"new"}),
        (OLD, "password", {"new"}),
        (OLD, "viewer@example.com", {"new"}),
        ("", "", {"old", "new"}),
        (5, ["x"], {"old", "new"}),
        (None, None, {"old", "new"}),
        (OLD, "x\0" * 8, {"new"}),
        (OLD, "long" * 2000, {"new"}),
    ],
)
def test_password_that_will_not_do_is_refused_by_field(
    world: World, old: Any, new: Any, wrong: Any
) -> None:
    client = world.rest("viewer")
    answer = change(client, old, new)
    assert answer.status_code == 400
    body = answer.json()
    assert (body if isinstance(wrong, dict) else set(body)) == wrong
    assert client.get("/api/me/").status_code == 200
    assert may_log_in("viewer", OLD)


def test_unknown_field_is_refused(world: World) -> None:
    assert set(change(world.rest("viewer"), user="x").json()) == {"user"}


def test_nobody_cannot_change_a_password(world: World) -> None:
    assert change(APIClient()).status_code == 401


def test_user_without_a_tenant_changes_their_password(world: World) -> None:
    loner = User.objects.create_user("loner", password=OLD)
    assert change(bearer(loner)).status_code == 204


def test_stolen_token_gives_no_more_guesses_than_the_login(world: World) -> None:
    client = world.rest("viewer")
    codes = [change(client, "wrong").status_code for _ in range(11)]
    assert codes == [400] * 10 + [429]
    assert change(client).status_code == 429


async def test_changed_password_closes_live_sockets(world: World) -> None:
    async with subscribed(world, "viewer") as viewer, subscribed(world, "editor") as editor:
        await in_thread(lambda: change(world.rest("viewer")))()
        assert (await viewer.settle())[-1] == {"close": 4401}
        assert await editor.settle() == []


# Resetting


def test_forgotten_password_is_set_by_a_link(
    world: World, mailoutbox: Letters, settings: Settings
) -> None:
    settings.PASSWORD_LINK = "https://app.example/#{user}/{token}"
    client = world.rest("viewer")
    answer = reset("Viewer@Example.com")
    assert (answer.status_code, answer.content) == (202, b"")
    [letter] = mailoutbox
    assert letter.to == ["viewer@example.com"]
    found = re.search(r"https://app\.example/#(\w+)/(\S+)", str(letter.body))
    assert found
    assert confirm(*found.groups()).status_code == 204
    assert client.get("/api/me/").status_code == 401
    assert may_log_in("viewer", NEW)


def test_reset_does_not_say_whether_there_is_anybody(world: World, mailoutbox: Letters) -> None:
    User.objects.filter(username="editor").update(is_active=False)
    emails = ("viewer@example.com", "nobody@example.com", "editor@example.com")
    answers = [reset(email) for email in emails]
    for answer in answers:
        del answer.headers["X-Request-ID"]
    assert {(a.status_code, a.content, str(a.headers)) for a in answers} == {
        (202, b"", str(answers[0].headers))
    }
    assert [letter.to for letter in mailoutbox] == [["viewer@example.com"]]


def test_everybody_with_the_email_gets_their_own_link(world: World, mailoutbox: Letters) -> None:
    User.objects.filter(username="editor").update(email="viewer@example.com")
    reset("viewer@example.com")
    assert sorted("editor" in letter.body for letter in mailoutbox) == [False, True]


@pytest.mark.parametrize("email", ["", None, 5, "nowhere", "a@b\0.example", ["a@example.com"]])
def test_what_is_no_email_is_refused(world: World, email: Any) -> None:
    answer = reset(email)
    assert (answer.status_code, set(answer.json())) == (400, {"email"})


@pytest.mark.parametrize("email", ["viewer@example.com", "nobody@example.com"])
def test_resets_of_one_email_are_few(world: World, mailoutbox: Letters, email: str) -> None:
    codes = [reset(text).status_code for text in (email, email.upper(), email, email)]
    assert codes == [202, 202, 202, 429]
    assert len(mailoutbox) == (3 if email.startswith("viewer") else 0)
    assert reset("editor@example.com").status_code == 202


def test_resets_from_one_address_are_few(world: World, settings: Settings) -> None:
    settings.EARSHOT = settings.EARSHOT | {"resets_per_address": 2}
    codes = [reset(f"user-{n}@example.com").status_code for n in range(3)]
    assert codes == [202, 202, 429]


def test_mail_that_cannot_be_sent_is_logged_without_its_reader(
    world: World, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    settings.EMAIL_BACKEND = "tests.nowhere.Backend"
    assert reset("viewer@example.com").status_code == 202
    [record] = [r for r in caplog.records if r.name == "tenants.mail"]
    assert record.getMessage() == "E-mail could not be sent: ModuleNotFoundError"
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    assert reset("editor@example.com").status_code == 202


# Confirming


def test_every_bad_link_has_one_answer(world: World) -> None:
    viewer, editor = world.user_id("viewer"), world.user_id("editor")
    good = token_of(world)
    used = token_of(world, "owner")
    assert confirm(world.user_id("owner"), used).status_code == 204
    User.objects.filter(username="member").update(is_active=False)
    asleep = token_of(world, "member")
    bad = [
        (viewer, "x"),
        (viewer, good + "x"),
        (viewer, "0-0"),
        (viewer, "a\u00e9-b"),
        (editor, good),
        (viewer[:-1], good),
        (str(world.user("viewer").pk), good),
        ("?", good),
        ("x" * 5000, good),
        (world.user_id("owner"), used),
        (world.user_id("member"), asleep),
    ]
    answers = [confirm(user, token, new) for user, token in bad for new in (NEW, "short")]
    assert {(a.status_code, a.content) for a in answers} == {(400, answers[0].content)}
    assert answers[0].json()["code"] == "invalid_link"
    assert may_log_in("viewer", OLD)


def test_old_link_is_bad(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    now = default_token_generator._now()
    token = token_of(world)
    for hours, code in [(73, 400), (71, 204)]:
        moment = now.replace(microsecond=0).fromtimestamp(now.timestamp() + hours * 3600)
        monkeypatch.setattr(default_token_generator, "_now", lambda moment=moment: moment)
        assert confirm(world.user_id("viewer"), token).status_code == code


def test_weak_password_does_not_use_up_the_link(world: World) -> None:
    token = token_of(world)
    answer = confirm(world.user_id("viewer"), token, "short")
    assert (answer.status_code, set(answer.json())) == (400, {"new"})
    assert confirm(world.user_id("viewer"), token).status_code == 204


@pytest.mark.parametrize(
    ("body", "wrong"),
    [
        ({}, {"user", "token", "new"}),
        ({"user": 5, "token": None, "new": ""}, {"user", "token", "new"}),
        ({"user": "x", "token": "x", "new": NEW, "old": OLD}, {"old"}),
    ],
)
def test_malformed_confirmation_names_the_field(
    world: World, body: dict[str, Any], wrong: set[str]
) -> None:
    answer = APIClient().post("/api/password/confirm/", body)
    assert (answer.status_code, set(answer.json())) == (400, wrong)


async def test_confirmed_password_closes_live_sockets(world: World) -> None:
    async with subscribed(world, "viewer") as viewer:
        token = await in_thread(token_of)(world)
        await in_thread(confirm)(world.user_id("viewer"), token)
        assert (await viewer.settle())[-1] == {"close": 4401}


def test_link_without_a_place_shows_its_parts(world: World, settings: Settings) -> None:
    """Another project's settings may not have it."""
    del settings.PASSWORD_LINK
    user, token = links.link(world.user("viewer")).split(" ")
    assert confirm(user, token).status_code == 204
