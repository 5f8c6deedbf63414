"""docs/adopting.md, done word for word in a project with a past, into which the wheel is installed.

The project (`tests/hosts/small`) has apps that are called as ours are, users whose keys are UUIDs,
and tests of its own.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest

from supply import wheel
from tests.live import LiveServer
from tests.servers import free_port, wait_until_ready
from tests.test_readme import Person, blocks, section, share_a_task

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "adopting.md"
HOST = ROOT / "tests" / "hosts" / "small"
SERVED = os.environ.get("DATABASE_URL", "")
DATABASE = f"house_{os.getpid()}"
STEPS = ("Settings", "A live model", "Addresses")

BOB = """
bob = get_user_model().objects.create_user("bob", password="...")
Membership.objects.create(tenant=house, user=bob)
"""

GRANT = """
from django.contrib.auth import get_user_model
from django.core.management import call_command
from boards.audiences import TASKS
from boards.models import Task
from earshot.permissions import grants
from earshot.permissions.ceiling import SYSTEM
from earshot.permissions.subjects import Subject
from earshot.tenants import opaque

[task], bob = Task.objects.across_tenants(), get_user_model().objects.get(username="bob")
grants.put(TASKS, task, Subject(bob.pk), TASKS.declared("author"), actor=SYSTEM)
assert bob.has_perm("boards.change_task", task)
id = opaque.encode(Task, task.pk)
call_command("review", "explain", "--tenant", "house", "--user", "bob", "--model", "boards.task",
             "--id", id)
print("id", id)
"""

WHO_SAW = ["review", "who-saw", "--tenant", "house", "--model", "boards.task", "--id"]


class House:
    """The project in a folder of its own, with a place for installed packages."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.packages = folder / "house", folder / "packages"
        shutil.copytree(HOST, self.folder, ignore=shutil.ignore_patterns("__pycache__"))
        nothing = {"DJANGO_SETTINGS_MODULE", "PYTHONPATH", "PYTHONDONTWRITEBYTECODE"}
        self.environment = {k: v for k, v in os.environ.items() if k not in nothing}
        self.environment["PYTHONPATH"] = str(self.packages)
        if SERVED:
            self.environment["DATABASE_URL"] = urlsplit(SERVED)._replace(path=DATABASE).geturl()

    def run(self, *words: str, stdin: str = "") -> str:
        """Run Python there; nothing is wrong, and nothing is warned of."""
        command = [sys.executable, *words]
        done = subprocess.run(
            command, cwd=self.folder, env=self.environment, input=stdin, text=True,
            capture_output=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        assert "ERROR" not in done.stderr
        return done.stdout + done.stderr

    def install(self) -> None:
        """Install the wheel; what it needs is in this environment."""
        file = str(wheel.write(self.folder.parent / "dist"))
        options = ["--no-index", "--no-deps", "--no-compile", "--target", str(self.packages)]
        self.run("-m", "pip", "install", "--quiet", "--disable-pip-version-check", *options, file)

    def follow(self, title: str) -> None:
        """Add each block of the section to the file that its first line names."""
        for block in blocks(section(title, PAGE), "python"):
            if SERVED and "PRAGMA" in block:
                continue  # it is for SQLite
            name, _, code = block.removeprefix("# ").partition("\n")
            file = self.folder / name
            file.parent.mkdir(exist_ok=True)
            with file.open("a") as opened:
                opened.write(f"\n{code}" if opened.tell() else code)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with ExitStack() as stack:
        if SERVED:
            server = stack.enter_context(psycopg.connect(SERVED, autocommit=True))
            server.execute(f"CREATE DATABASE {DATABASE}")
            stack.callback(server.execute, f"DROP DATABASE {DATABASE} WITH (FORCE)")
        yield House(tmp_path)


@pytest.fixture
def adopted(house: House) -> Iterator[LiveServer]:
    """A server of the project that did what the page says, whose own tests pass as before."""
    before = house.run("manage.py", "test")
    house.install()
    for title in STEPS:
        house.follow(title)
    [commands] = blocks(section("Start", PAGE), "sh")
    *preparing, serving = commands.splitlines()
    for line in preparing:
        house.run(*line.split()[1:])
    assert "No changes detected" in house.run("manage.py", "makemigrations", "--check")
    after = house.run("manage.py", "test")
    assert [text.split("Ran ")[1].split(" in ")[0] for text in (before, after)] == ["3 tests"] * 2
    [people] = blocks(section("Start", PAGE), "python")
    house.run("manage.py", "shell", stdin=people + BOB)
    port, log = free_port(), house.folder / "log"
    command = [sys.executable, *serving.split()[1:], "--port", str(port)]
    with log.open("wb") as out:
        process = subprocess.Popen(
            command, cwd=house.folder, env=house.environment, stdout=out, stderr=out
        )
    server = LiveServer(process, port, log)
    try:
        wait_until_ready(process, lambda: "Uvicorn running" in server.log, log)
        yield server
    finally:
        server.stop()


def test_project_with_apps_of_our_names_and_users_of_its_own_is_live(
    house: House, adopted: LiveServer
) -> None:
    with ExitStack() as stack:
        author, reader = (Person(adopted, name, stack, password="...") for name in ("ann", "bob"))
        share_a_task(author, reader, "boards.task")
        *explained, last = house.run("manage.py", "shell", stdin=GRANT).splitlines()
        assert "They are in the audience author." in explained
        frame = reader.receive()
        assert (frame["type"], frame["audience"]) == ("AUDIENCE_CHANGED", "author")
        assert frame["payload"]["hours"] == 5
        saw = house.run("manage.py", *WHO_SAW, last.removeprefix("id ")).splitlines()
    assert {line.split()[1] for line in saw if line[:4] == "  20"} == {"ann", "bob"}, saw


def test_declaration_of_the_page_takes_less_than_forty_lines() -> None:
    code = "".join(blocks(section("A live model", PAGE), "python"))
    assert len([line for line in code.splitlines() if line and not line.startswith("#")]) < 40
