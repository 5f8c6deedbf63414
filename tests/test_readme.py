"""What README.md tells people to type works, exactly as it stands there."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from urllib.request import ProxyHandler, Request, build_opener

import pytest
from django.core.management import call_command
from pytest_django import Settings
from websockets.sync.client import connect

from tests.conftest import StartServer
from tests.live import LiveServer, live_server

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
CODE = ("tenants", "permissions", "realtime", "resources", "project")
PYTHON = ".venv/bin/python"
SECONDS = 30

Frame = dict[str, Any]


def section(title: str, document: Path = README) -> str:
    """The text of a document under this heading."""
    return document.read_text().split(f"\n## {title}\n")[1].split("\n## ")[0]


def blocks(text: str, language: str) -> list[str]:
    """The fenced blocks of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


class Terminal:
    """Runs blocks of README.md in a shell, against a server."""

    def __init__(self, server: LiveServer, setup: str) -> None:
        self.url = server.url
        self.setup = setup

    def run(self, block: str) -> list[str]:
        """Run a block after the set-up and return its lines."""
        finished = subprocess.run(
            self._command(block), check=True, capture_output=True, text=True, timeout=SECONDS
        )
        return finished.stdout.splitlines()

    @contextmanager
    def listen(self, block: str) -> Iterator[tuple[Any, Iterator[Frame]]]:
        """Run a block that opens a socket: what to type into, and the frames that come."""
        with subprocess.Popen(
            self._command(block),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        ) as process:
            assert process.stdin is not None
            assert process.stdout is not None
            late = threading.Timer(SECONDS, os.killpg, (process.pid, signal.SIGKILL))
            late.start()
            try:
                yield process.stdin, self._frames(process.stdout)
            finally:
                late.cancel()
                process.stdin.close()

    def _command(self, block: str) -> list[str]:
        script = (self.setup + block).replace("http://127.0.0.1:8000", self.url)
        return ["bash", "-euo", "pipefail", "-c", script.replace(PYTHON, sys.executable)]

    @staticmethod
    def _frames(lines: Any) -> Iterator[Frame]:
        for line in lines:
            if found := re.search(r"< ({.*})", line):
                yield json.loads(found[1])


@pytest.mark.skipif(shutil.which("curl") is None, reason="the talk by hand needs curl")
def test_talk_by_hand_works_as_written(start_server: StartServer, settings: Settings) -> None:
    settings.DEMO = True
    call_command("demo", verbosity=0)
    talk = section("Talk with it by hand")
    setup, listing, listening, changing, granting, watching, moving = blocks(talk, "sh")
    terminal = Terminal(start_server("daphne"), setup)
    listed, frame = terminal.run(listing)
    assert json.loads(listed)["results"][0]["title"] == "Quarterly plan"
    with terminal.listen(listening) as (keyboard, frames):
        assert next(frames)["type"] == "WELCOME"
        keyboard.write(frame + "\n")
        keyboard.flush()
        subscribed = next(frames)
        assert (subscribed["type"], subscribed["audience"]) == ("SUBSCRIBED", "editor")
        terminal.run(changing)
        changed = next(frames)
        assert (changed["type"], changed["changed"]) == ("UPDATE_DOCUMENT", ["review_notes"])
        # One by one: a client that is told late is told the last state only.
        name, grants, demote, revoke, restore = granting.splitlines(keepends=True)
        terminal.run(name + grants + demote)
        moved = next(frames)
        assert (moved["type"], moved["audience"]) == ("AUDIENCE_CHANGED", "viewer")
        terminal.run(name + revoke)
        assert next(frames)["type"] == "DELETE_DOCUMENT"
        terminal.run(name + restore)
    with terminal.listen(watching) as (keyboard, frames):
        assert next(frames)["type"] == "WELCOME"
        [window] = blocks(talk, "json")
        keyboard.write(window)
        keyboard.flush()
        assert [next(frames)["type"] for _ in range(2)] == ["ENTERED", "SUBSCRIBED"]
        publish, draft, *sharing = moving.splitlines(keepends=True)
        terminal.run(publish)
        assert next(frames)["type"] == "LEFT"
        terminal.run(draft)
        assert next(frames)["type"] == "ENTERED"
        terminal.run("".join(sharing))
        assert next(frames)["payload"]["title"] == "Minutes"


def write(folder: Path, block: str) -> None:
    """Write a block into the file that its first line names; into one that is there, add it."""
    name, _, code = block.removeprefix("# ").partition("\n")
    file = folder / name
    file.parent.mkdir(exist_ok=True)
    before, mark, after = "", "", ""
    if file.exists():
        before, mark, after = file.read_text().partition("\nurlpatterns")
    file.write_text(f"{before}\n{code}{mark}{after}")


def run(line: str, environment: dict[str, str], stdin: str = "") -> None:
    """Run a line of a document that begins with Python's name; nothing is wrong with it."""
    words = [sys.executable, *line.split()[1:]]
    done = subprocess.run(
        words, check=True, capture_output=True, env=os.environ | environment, input=stdin, text=True
    )
    assert "ERROR" not in done.stderr


@pytest.fixture
def server_with_tasks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LiveServer]:
    """A server of a copy of the project to which the resource type of README.md was added."""
    for folder in (*CODE, "tests"):
        # Beside, another run of the tests may be compiling.
        unfinished = shutil.ignore_patterns("*.pyc.*")
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=unfinished)
    shutil.copy(ROOT / "manage.py", tmp_path)
    text = section("Add a resource type")
    for block in blocks(text, "python"):
        write(tmp_path, block)
    monkeypatch.chdir(tmp_path)
    database = {"DATABASE_URL": f"sqlite:///{tmp_path / 'tasks.sqlite3'}", "REDIS_URL": ""}
    # A shell that nothing was set in: what the tests set is not there.
    shell = {"DJANGO_SETTINGS_MODULE": "project.settings", "SECRET_KEY": "", **database}
    shell["EARSHOT_SINGLE_PROCESS"] = ""
    [commands] = blocks(text, "sh")
    for line in commands.splitlines():
        if line.startswith("export "):
            name, _, value = line.removeprefix("export ").partition("=")
            shell[name] = value
        else:
            run(line, shell)
    database["EARSHOT_DEMO"] = "1"
    run(f"{PYTHON} manage.py demo", database)
    with live_server("uvicorn", **database) as server:
        yield server


class Person:
    """A user of the server, who talks REST and has a socket."""

    def __init__(
        self, server: LiveServer, username: str, stack: ExitStack, password: str = "demo"
    ) -> None:
        self.url = server.url
        self.headers = {"Content-Type": "application/json"}
        login = self.call("POST", "/api/login/", {"username": username, "password": password})
        self.headers["Authorization"] = f"Token {login['token']}"
        self.socket = stack.enter_context(
            connect(
                server.socket_url,
                additional_headers={"Authorization": self.headers["Authorization"]},
                proxy=None,
            )
        )
        assert self.receive()["type"] == "WELCOME"

    def call(self, method: str, path: str, body: object) -> Any:
        """The answer to a request; one that is refused raises."""
        request = Request(self.url + path, json.dumps(body).encode(), self.headers, method=method)
        with build_opener(ProxyHandler({})).open(request, timeout=SECONDS) as response:
            return json.load(response)

    def send(self, **frame: object) -> None:
        self.socket.send(json.dumps(frame))

    def receive(self) -> Frame:
        frame: Frame = json.loads(self.socket.recv(timeout=SECONDS))
        return frame


def share_a_task(author: Person, reader: Person, model: str) -> None:
    """The author's changes reach the author and the reader, as the audience of each sees them, in a
    live list too."""
    reader.send(model=model, window="all")
    assert reader.receive()["type"] == "SUBSCRIBED"
    task = author.call("POST", "/api/tasks/", {"title": "Count", "hours": 3})
    assert task == {"id": task["id"], "title": "Count", "hours": 3}
    entered = reader.receive()
    assert (entered["type"], entered["payload"]) == (
        "ENTERED",
        {"id": task["id"], "title": "Count"},
    )
    for person, audience in ((author, "author"), (reader, "reader")):
        person.send(model=model, id=task["id"])
        assert person.receive()["audience"] == audience

    path = f"/api/tasks/{task['id']}/"
    author.call("PATCH", path, {"title": "Count again"})
    for person, hours in ((author, {"hours": 3}), (reader, {})):
        frame = person.receive()
        assert (frame["type"], frame["changed"]) == ("UPDATE_TASK", ["title"])
        assert frame["payload"] == {"id": task["id"], "title": "Count again"} | hours

    author.call("PATCH", path, {"hours": 5})
    assert author.receive()["changed"] == ["hours"]
    reader.send(action="ping")
    assert reader.receive() == {"type": "PONG"}  # and nothing before it


def test_added_resource_type_is_live_for_each_audience(server_with_tasks: LiveServer) -> None:
    with ExitStack() as stack:
        author, reader = (Person(server_with_tasks, name, stack) for name in ("owner", "viewer"))
        share_a_task(author, reader, "resources.task")


def test_resource_type_takes_less_than_forty_lines() -> None:
    code = "".join(blocks(section("Add a resource type"), "python"))
    assert len([line for line in code.splitlines() if line and not line.startswith("#")]) < 40
