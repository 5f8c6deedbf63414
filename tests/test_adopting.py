"""docs/adopting.md, done word for word in a project with a past, into which the wheel is installed.

The small project (`tests/hosts/small`) has apps that are called as ours are, and users whose keys
are UUIDs. That of the usual kind (`tests/hosts/usual`) has a past: users by their addresses, a data
migration, permissions in guardian's generic tables, a soft delete, and REST views of its own.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from ast import literal_eval
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
from websockets.exceptions import ConnectionClosed

from supply import wheel
from tests.live import LiveServer
from tests.servers import free_port, wait_until_ready
from tests.test_readme import Person, blocks, section, share_a_task

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "adopting.md"
HOSTS = ROOT / "tests" / "hosts"
SERVED = os.environ.get("DATABASE_URL", "")
DATABASE = f"house_{os.getpid()}"
BOTH = ("Settings", "Addresses")

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

    def __init__(self, folder: Path, host: str) -> None:
        self.folder, self.packages = folder / "house", folder / "packages"
        shutil.copytree(HOSTS / host, self.folder, ignore=shutil.ignore_patterns("__pycache__"))
        self.written: dict[str, int] = {}
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
        """Unpack the wheel, as pip does in `tests/test_wheel.py`; what it needs is here."""
        with zipfile.ZipFile(wheel.write(self.folder.parent / "dist")) as opened:
            opened.extractall(self.packages)

    def follow(self, title: str) -> None:
        """Add each block of the section to the file that its first line names."""
        for block in blocks(section(title, PAGE), "python"):
            if SERVED and "PRAGMA" in block:
                continue  # it is for SQLite
            name, _, code = block.removeprefix("# ").partition("\n")
            file = self.folder / name
            if code.startswith("REST_FRAMEWORK =") and "REST_FRAMEWORK =" in file.read_text():
                continue  # it is for who has none
            lines = [line for line in code.splitlines() if line and not line.startswith("#")]
            self.written[name] = self.written.get(name, 0) + len(lines)
            file.parent.mkdir(exist_ok=True)
            with file.open("a") as opened:
                opened.write(f"\n{code}" if opened.tell() else code)

    def adopt(self, *models: str) -> list[str]:
        """Do what the page says, with what these sections declare, and see that the project's own
        tests pass as before; return the command that serves."""
        before = self.run("manage.py", "test")
        self.install()
        for title in (*BOTH, *models):
            self.follow(title)
        [commands] = blocks(section("Start", PAGE), "sh")
        *preparing, serving = commands.splitlines()
        for line in preparing:
            if "boards" not in line or "boards/models.py" in self.written:
                self.run(*line.split()[1:])
        assert "No changes detected" in self.run("manage.py", "makemigrations", "--check")
        after = self.run("manage.py", "test")
        counts = [text.split("Ran ")[1].split(" in ")[0] for text in (before, after)]
        assert counts[0] == counts[1]
        return serving.split()[1:]

    @contextmanager
    def serving(self, command: list[str]) -> Iterator[LiveServer]:
        """A server of the project."""
        port, log = free_port(), self.folder / "log"
        words = [sys.executable, *command, "--port", str(port)]
        with log.open("wb") as out:
            process = subprocess.Popen(
                words, cwd=self.folder, env=self.environment, stdout=out, stderr=out
            )
        server = LiveServer(process, port, log)
        try:
            wait_until_ready(process, lambda: "Uvicorn running" in server.log, log)
            yield server
        finally:
            server.stop()


@pytest.fixture
def house(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[House]:
    with ExitStack() as stack:
        if SERVED:
            server = stack.enter_context(psycopg.connect(SERVED, autocommit=True))
            server.execute(f"CREATE DATABASE {DATABASE}")
            drop = f"DROP DATABASE {DATABASE} WITH (FORCE)"
            stack.callback(server.execute, drop)
        yield House(tmp_path, request.param)


@pytest.mark.served
@pytest.mark.parametrize("house", ["small"], indirect=True)
def test_project_with_apps_of_our_names_and_users_of_its_own_is_live(house: House) -> None:
    command = house.adopt("A live model")
    [people] = blocks(section("Start", PAGE), "python")
    house.run("manage.py", "shell", stdin=people + BOB)
    with house.serving(command) as server, ExitStack() as stack:
        author, reader = (Person(server, name, stack, password="...") for name in ("ann", "bob"))
        share_a_task(author, reader, "boards.task")
        *explained, last = house.run("manage.py", "shell", stdin=GRANT).splitlines()
        assert "They are in the audience author." in explained
        frame = reader.receive()
        assert (frame["type"], frame["audience"]) == ("AUDIENCE_CHANGED", "author")
        assert frame["payload"]["hours"] == 5
        saw = house.run("manage.py", *WHO_SAW, last.removeprefix("id ")).splitlines()
    assert {line.split()[1] for line in saw if line[:4] == "  20"} == {"ann", "bob"}, saw


PAST = """
from accounts.models import Account
from guardian.shortcuts import assign_perm
from work.models import Employment, Organization, Project, Ticket

ann, bob = (Account.objects.create_user(f"{n}@example.com", "...") for n in ("ann", "bob"))
office = Organization.objects.get(name="The office")
for account, level in ((ann, "boss"), (bob, "worker")):
    Employment.objects.create(organization=office, account=account, level=level)
project = Project.objects.create(organization=office, title="Roof", lead=ann)
tiles = Ticket.objects.create(project=project, owner=ann, title="Tiles", hours=0, version="v1")
gutter = Ticket.objects.create(project=project, owner=ann, title="Gutter", hours=2)
assign_perm("view_ticket", bob, tiles)
assign_perm("change_project", bob, project)
"""

HELD = """
from accounts.models import Account
from work.models import Project, Ticket

print([
    (account.email, obj.title, name)
    for account in Account.objects.filter(email__endswith="@example.com").order_by("pk")
    for obj in (*Ticket.everything.order_by("pk"), *Project.objects.all())
    for name in ("view", "change", "delete")
    if account.has_perm(f"work.{name}_{obj._meta.model_name}", obj)
])
"""

LEAVE = """
from django.utils import timezone
from work.models import Employment

Employment.objects.filter(level="worker").update(left_at=timezone.now())
"""

IDS = """
from earshot.tenants import opaque
from work.models import Ticket

print(opaque.encode(Ticket, Ticket.everything.get(title="Tiles").pk))
"""


@pytest.mark.served
@pytest.mark.parametrize("house", ["usual"], indirect=True)
def test_project_with_a_past_keeps_it_and_is_live(
    house: House, record_property: Callable[[str, object], None]
) -> None:
    house.run("manage.py", "migrate")
    house.run("manage.py", "shell", stdin=PAST)
    held = literal_eval(house.run("manage.py", "shell", stdin=HELD).splitlines()[-1])
    command = house.adopt("An existing model", "Your organizations and their members")
    *_, now, id = house.run("manage.py", "shell", stdin=HELD + IDS).splitlines()
    now = literal_eval(now)
    assert set(held) - set(now) == set()  # no permission is lost
    assert ("ann@example.com", "Tiles", "change") in now
    assert house.written["work/audiences.py"] < 40
    assert "boards/models.py" not in house.written
    with house.serving(command) as server, ExitStack() as stack:
        people = [Person(server, f"{n}@example.com", stack, password="...") for n in ("ann", "bob")]
        shown = {"id": id, "title": "Tiles"}
        for person, audience in zip(people, ("owner", "watcher"), strict=True):
            person.send(model="work.ticket", id=id)
            assert person.receive()["audience"] == audience
        people[0].call("PATCH", f"/api/tickets/{id}/", {"title": "Slates"})
        for person, hours in zip(people, ({"hours": 0}, {}), strict=True):
            frame = person.receive()
            assert frame["payload"] == shown | {"title": "Slates"} | hours
        house.run("manage.py", "close_old")  # another program deletes it, softly
        assert [person.receive()["type"] for person in people] == ["DELETE_TICKET"] * 2
        house.run("manage.py", "shell", stdin=LEAVE)
        with pytest.raises(ConnectionClosed) as closed:
            people[1].receive()
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 4403
    for name, lines in house.written.items():
        record_property(f"lines written in {name}", lines)


def test_declaration_of_the_page_takes_less_than_forty_lines() -> None:
    own = (b for b in blocks(section("A live model", PAGE), "python") if "# house/" not in b)
    code = "".join(own)
    assert len([line for line in code.splitlines() if line and not line.startswith("#")]) < 40
