"""Each forgotten or misspelt setting is told, with the line to write."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth.base_user import AbstractBaseUser
from django.core.checks import CheckMessage
from django.db import models
from pytest_django import Settings

from tenants import users
from tenants.adoption_checks import (
    check_databases,
    check_limits,
    check_sessions,
    check_settings,
)
from tenants.models import User


class Keyed(AbstractBaseUser):
    """A user whose key is no number."""

    id = models.UUIDField(primary_key=True)
    USERNAME_FIELD = "id"

    class Meta:
        app_label = "tests"


class Worded(AbstractBaseUser):
    """A user whose key is a bounded text."""

    id = models.CharField(max_length=40, primary_key=True)
    USERNAME_FIELD = "id"

    class Meta:
        app_label = "tests"


class Endless(AbstractBaseUser):
    """A user whose key is a text without a bound."""

    id = models.TextField(primary_key=True)
    USERNAME_FIELD = "id"

    class Meta:
        app_label = "tests"


class Derived(User):
    """A user whose columns are in another table."""

    class Meta:
        app_label = "tests"


def told(found: list[CheckMessage]) -> dict[str | None, str | None]:
    return {message.id: message.hint for message in found}


@pytest.mark.parametrize(
    ("given", "id", "said", "line"),
    [
        ({"tial_seconds": 1.0}, "E040", "'tial_seconds'", '"tail_seconds"'),
        (None, "E059", "no dictionary", "EARSHOT = {"),
        ([("tail_seconds", 1.0)], "E059", "no dictionary", "EARSHOT = {"),
        ({"tail_seconds": "1.0"}, "E059", "must be a number", '"tail_seconds": 2.0'),
        ({"tail_seconds": None}, "E059", "'tail_seconds': None", '"tail_seconds": 2.0'),
        ({"sockets_per_user": 2.5}, "E059", "a whole number", '"sockets_per_user": 50'),
        ({"sockets_per_user": True}, "E059", "a whole number", '"sockets_per_user": 50'),
        ({"tail_seconds": -1}, "E059", "0.01 or more", '"tail_seconds": 2.0'),
        ({"tail_seconds": 10**6}, "E059", "at most 86400", '"tail_seconds": 2.0'),
        ({"heartbeat_seconds": 0}, "E059", "EARSHOT_PING_SECONDS", '"ping_seconds": 20'),
        ({"page_size": 200}, "E059", "EARSHOT_PAGE_SIZE_MAX is 100", "one of them"),
        ({"retry_min_seconds": 20.0}, "E059", "two ends", "one of them"),
    ],
)
def test_wrong_limit_is_told_with_its_line(given: Any, id: str, said: str, line: str) -> None:
    [found] = check_limits(given)
    assert (found.id, said in str(found.msg), line in str(found.hint)) == (
        f"earshot.{id}",
        True,
        True,
    )


def test_right_limits_are_right(settings: Settings) -> None:
    right = {"tail_seconds": 1, "retry_min_seconds": 2.0, "page_size": 50, "listen": 1, "oracle": 0}
    assert list(check_limits(right)) == []


def test_start_survives_limits_that_are_none(settings: Settings) -> None:
    """So that `check` tells what is wrong."""
    settings.EARSHOT = None
    apps.get_app_config("earshot_tenants").tell_of_old_limits()  # type: ignore[attr-defined]


def test_settings_of_this_project_forget_nothing() -> None:
    assert check_settings() == []


@pytest.mark.parametrize(
    ("found", "id", "line"),
    [
        (check_limits({"tail_secnods": 1}), "E040", 'EARSHOT = {"tail_seconds": …}'),
        (check_sessions("other.sessions"), "W044", 'SESSION_ENGINE = "tenants.sessions"'),
        (
            check_databases({"default": {"ATOMIC_REQUESTS": True}}),
            "W043",
            'DATABASES["default"]["ATOMIC_REQUESTS"] = False',
        ),
    ],
)
def test_wrong_setting_is_told_with_its_line(
    found: Iterable[CheckMessage], id: str, line: str
) -> None:
    [message] = found
    assert message.id == f"earshot.{id}"
    assert line in str(message.hint)


def test_old_name_of_a_limit_is_not_unknown(settings: Settings) -> None:
    settings.EARSHOT = {"beat_seconds": 1}
    assert check_settings() == []


@pytest.mark.parametrize(("model", "ids"), [
    (User, set()), (Keyed, set()), (Worded, set()),
    (Endless, {"earshot.E041"}), (Derived, {"earshot.E042"}),
])  # fmt: skip
def test_users_that_cannot_be_named_in_statements_are_refused(
    monkeypatch: pytest.MonkeyPatch, model: Any, ids: set[str]
) -> None:
    monkeypatch.setattr(users, "User", model)
    assert told(check_settings()).keys() == ids
