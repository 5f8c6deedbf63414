"""Credentials that a run gives out, and texts of payloads: no log may show them.

They are noted where they are made, in the tests and in the servers that these start: in memory, and
in a file that the servers share with the tests. A server's log is searched when it has stopped, and
what the tests themselves log while they do.
"""

from __future__ import annotations

import logging
import os
import re
import secrets
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any, Final

from django.apps import AppConfig

FILE: Final = "TESTS_GIVEN"
"""The variable that names the file."""

LONG: Final = 17
"""Shorter texts are no credentials, and may stand in a log for other reasons: ids of connections
have 16 characters, and are logged."""

WORD: Final = re.compile(rf"[\w~-]{{{LONG},}}")
SETTINGS: Final = re.compile(r"(SECRET_KEY|_TOKEN|_KEYS)$")


class Noted:
    """Texts that no log may show: words are looked up, since there are many; few are not words."""

    def __init__(self) -> None:
        self.words: set[str] = set()
        self.phrases: dict[str, None] = {}  # whose keys can be copied while others are added

    def __contains__(self, text: str) -> bool:
        return text in self.words or text in self.phrases

    def add(self, text: str) -> None:
        """From now on, no log may show the text."""
        if WORD.fullmatch(text):
            self.words.add(text)
        else:
            self.phrases[text] = None

    def shown(self, log: str) -> set[str]:
        """What of it the log shows."""
        words = self.words.intersection(WORD.findall(log))
        return words | {text for text in list(self.phrases) if text in log}


_known = Noted()


def note(text: str) -> None:
    """From now on, no log may show the text."""
    if len(text) < LONG or text in _known:
        return
    _known.add(text)
    if path := os.environ.get(FILE):
        with Path(path).open("a") as file:
            file.write(f"{text}\n")


def note_settings(variables: dict[str, str]) -> None:
    """Note the secrets among a server's variables."""
    for name, value in variables.items():
        if SETTINGS.search(name):
            for text in value.split(",") if name.endswith("_KEYS") else [value]:
                note(text)


def shown(log: str) -> set[str]:
    """What the log shows of what this process, and those that share its file, have noted."""
    path = os.environ.get(FILE)
    for text in Path(path).read_text().splitlines() if path else ():
        _known.add(text)
    return _known.shown(log)


class Search(logging.Handler):
    """Searches what the tests' own process logs; `found` is what it showed."""

    def __init__(self, formatter: logging.Formatter) -> None:
        super().__init__()
        self.setFormatter(formatter)
        self.found: set[str] = set()

    def emit(self, record: logging.LogRecord) -> None:
        self.found |= _known.shown(self.format(record))


def noting(make: Callable[..., str]) -> Callable[..., str]:
    """The same function, whose value is noted."""

    @wraps(make)
    def made(*args: Any, **kwargs: Any) -> str:
        value = make(*args, **kwargs)
        note(value)
        return value

    return made


class Given(AppConfig):
    """Notes credentials from the moment on at which the apps are loaded."""

    name = "tests.given"
    done = False

    def ready(self) -> None:
        if Given.done:  # the tests load more apps, and then all again
            return
        Given.done = True
        from django.contrib.auth.tokens import PasswordResetTokenGenerator
        from django.contrib.sessions.backends.base import SessionBase
        from django.middleware import csrf
        from knox import crypto

        from tenants.models import User

        patched: list[tuple[Any, str]] = [
            (PasswordResetTokenGenerator, "make_token"),
            (SessionBase, "_get_new_session_key"),
            (crypto, "create_token_string"),
            (csrf, "_get_new_csrf_string"),
            (secrets, "token_urlsafe"),
        ]
        for owner, name in patched:
            setattr(owner, name, noting(getattr(owner, name)))
        set_password = User.set_password

        def noted(self: User, raw_password: str | None) -> None:
            note(raw_password or "")
            set_password(self, raw_password)

        User.set_password = noted  # type: ignore[method-assign]
        note_settings(dict(os.environ))
