"""The tests' database as the migrations leave it: made once, and copied by each run after it.

A copy is as good while nothing that migrations run has changed: it is named by all of that. Each
process of the tests would else migrate by itself, for some seconds.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
from django.conf import settings
from django.core import management
from django.db import connection

ROOT: Path = settings.BASE_DIR
FOLDER = ROOT / "var"
PACKAGES = ("tenants", "permissions", "realtime", "resources", "project")
FILES = ("requirements-dev.txt", "tests/settings.py", "tests/given.py")
THROWAWAY = "TESTS_THROWAWAY"
"""The variable that says that nobody minds another database on PostgreSQL's server."""


@cache
def name() -> str:
    """What the copy is called: another one if any of what could change it is another."""
    sources = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
    hashed = hashlib.sha256(
        f"{sys.version} {settings.INSTALLED_APPS} {settings.AUTH_USER_MODEL}".encode()
    )
    for path in (*sources, *map(ROOT.joinpath, FILES)):
        hashed.update(f" {path.relative_to(ROOT)} ".encode() + path.read_bytes())
    return f"prepared_{hashed.hexdigest()[:32]}"


def creation() -> Any:
    """What creates the tests' databases."""
    return connection.creation


def migrate(url: str) -> None:
    """Migrate a new database in a process of its own, of which nothing stays open."""
    command = [sys.executable, "manage.py", "migrate", "--run-syncdb", "--verbosity", "0"]
    variables = {"DJANGO_SETTINGS_MODULE": settings.SETTINGS_MODULE, "DATABASE_URL": url}
    subprocess.run(command, check=True, cwd=ROOT, env=os.environ | variables)


class File:
    """The copy of SQLite's database, in the folder of the tests' own."""

    def __init__(self) -> None:
        self.path = FOLDER / f"{name()}.sqlite3"

    def exists(self) -> bool:
        return self.path.exists()

    def make(self) -> None:
        """Migrate it, in the place of the one that older code had."""
        for old in FOLDER.glob("prepared_*"):
            old.unlink()
        new = FOLDER / "preparing.sqlite3"
        migrate(f"sqlite:///{quote(str(new))}")
        whole = new.with_suffix(".whole")  # with what its log still has
        with closing(sqlite3.connect(new)) as database:
            database.execute("VACUUM INTO ?", [str(whole)])
        whole.rename(self.path)
        for left in FOLDER.glob("preparing*"):
            left.unlink()

    def use(self, patch: pytest.MonkeyPatch) -> None:
        """Have the database that is created be a copy."""
        ours = creation()
        create = ours._create_test_db

        def copied(*args: Any, **kwargs: Any) -> Any:
            path = create(*args, **kwargs)
            shutil.copyfile(self.path, path)
            return path

        patch.setattr(ours, "_create_test_db", copied)


class Template:
    """The copy of PostgreSQL's database, on the same server."""

    def exists(self) -> bool:
        with creation()._nodb_cursor() as cursor:
            cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name()])
            return cursor.fetchone() is not None

    def make(self) -> None:
        """Migrate it under another name, until it is whole."""
        with creation()._nodb_cursor() as cursor:
            cursor.execute("DROP DATABASE IF EXISTS preparing")
            cursor.execute("CREATE DATABASE preparing")
            migrate(urlsplit(os.environ["DATABASE_URL"])._replace(path="/preparing").geturl())
            cursor.execute(f"ALTER DATABASE preparing RENAME TO {name()}")

    def use(self, patch: pytest.MonkeyPatch) -> None:
        """Have the database that is created be a copy."""
        patch.setitem(connection.settings_dict["TEST"], "TEMPLATE", name())


def kept() -> File | Template | None:
    """Where the copy is kept, if it may be."""
    if connection.vendor == "sqlite":
        return File()
    return Template() if THROWAWAY in os.environ else None


@contextmanager
def _alone() -> Iterator[None]:
    FOLDER.mkdir(exist_ok=True)
    with (FOLDER / f"{connection.vendor}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def prepare(patch: pytest.MonkeyPatch) -> None:
    """From now on, the tests' database is created as a copy, which is made where there is none."""
    copy = kept()
    if copy is None:
        return
    backend: Any = type(creation())
    create: Callable[..., str] = backend.create_test_db

    def create_test_db(self: Any, *args: Any, **kwargs: Any) -> str:
        with _alone(), pytest.MonkeyPatch.context() as created:
            if not copy.exists():
                copy.make()
            copy.use(created)
            created.setattr(management, "call_command", lambda *_, **__: None)  # it is migrated
            return create(self, *args, **kwargs)

    patch.setattr(backend, "create_test_db", create_test_db)
