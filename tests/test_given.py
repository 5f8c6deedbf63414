"""Logs are searched for what the run has given out, and a line that shows it is found."""

from __future__ import annotations

import logging
import os
from pathlib import Path

import pytest
from django.contrib.auth.tokens import default_token_generator
from django.contrib.sessions.backends.db import SessionStore
from knox.models import AuthToken

from project.logs import Formatter
from tests import given
from tests.conftest import StartServer
from tests.test_log_lines import PASSWORD, busy_day
from tests.world import World


def seeded(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """Have servers print each ticket that they give out, as a careless line of code would."""
    folder.joinpath("sitecustomize.py").write_text(
        "import secrets, sys\n"
        "made = secrets.token_urlsafe\n"
        "def careless(size=None):\n"
        "    text = made(size)\n"
        "    print('gave', text, file=sys.stderr)\n"
        "    return text\n"
        "secrets.token_urlsafe = careless\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(folder))


def test_servers_log_that_shows_what_the_server_gave_out_fails_its_test(
    start_server: StartServer, world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    seeded(monkeypatch, tmp_path)
    server = start_server("uvicorn")
    tickets = busy_day(server, world)[-3:]
    server.stop()
    assert set(tickets) <= server.shown()
    server.forget()


def test_line_of_the_tests_own_that_shows_a_token_is_found(world: World) -> None:
    search = given.Search(Formatter(as_json=False))
    token = world.token("owner")
    for line in ("nothing", f"{token[:-1]}", f"Authorization: Token {token}", f"it is <{token}>"):
        search.emit(logging.makeLogRecord({"msg": line}))
    assert search.found == {token}  # of the last: the header was taken out


def test_credentials_of_every_kind_are_noted_where_they_are_made(world: World) -> None:
    user = world.user("owner")
    user.set_password(PASSWORD)
    session = SessionStore()
    session.create()
    made = [PASSWORD, AuthToken.objects.create(user=user)[1], str(session.session_key)]
    made += [default_token_generator.make_token(user), os.environ["SECRET_KEY"]]
    assert given.shown("\n".join(made)) >= set(made)
