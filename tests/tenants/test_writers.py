"""The name under which a process writes."""

from __future__ import annotations

import re

import pytest
from django.db import connections

from tenants import writers
from tenants.models import User


@pytest.mark.parametrize(
    ("own", "in_front"),
    [
        ("", ""),
        ("web", "web "),
        ("web earshot:0123456789abcdef", "web "),
        ("earshot:0123456789abcdef", ""),
        ("w" * 100, "w" * 37 + " "),
        ("Büro\n1", "B?ro?1 "),
    ],
)
def test_operators_own_name_stands_in_front_of_the_token(own: str, in_front: str) -> None:
    name = writers.named(own)
    assert re.fullmatch(re.escape(in_front) + r"earshot:[\w-]{16}", name)
    assert len(name) <= writers.LONGEST


def test_no_two_processes_have_the_same_name() -> None:
    assert writers.named("web") != writers.named("web")


@pytest.mark.parametrize(
    ("options", "environment"), [({"application_name": "web"}, "x"), ({}, "web")]
)
def test_each_connection_to_postgresql_is_signed_with_what_the_operator_calls_it(
    monkeypatch: pytest.MonkeyPatch, options: dict[str, str], environment: str
) -> None:
    settings = {"ENGINE": writers.POSTGRESQL, "OPTIONS": options}
    monkeypatch.setitem(connections.settings, "default", settings)
    monkeypatch.setenv("PGAPPNAME", environment)
    writers.sign()
    first = writers.writer()
    assert first is not None
    assert first.startswith("web earshot:")
    writers.sign()  # as a forked process does
    assert writers.writer() not in (None, first)
    assert str(writers.writer()).startswith("web earshot:")


def test_nothing_else_is_signed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(
        connections.settings, "default", {"ENGINE": "django.db.backends.sqlite3", "OPTIONS": {}}
    )
    writers.sign()
    assert writers.writer() is None


@pytest.mark.django_db
def test_database_knows_the_name_of_its_connection() -> None:
    users = User.objects.annotate(writer=writers.CurrentWriter())
    User.objects.create(username="somebody")
    assert users.get().writer == writers.writer()
