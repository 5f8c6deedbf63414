"""Real server processes of the application, on the tests' database and channel layer."""

import http.client
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Literal
from urllib.parse import quote, urlsplit

from django.db import connection

from tests import given
from tests.servers import BOUNDED, free_port, stop, wait_until_ready

QUIETLY = ("--log-level", "warning")
DIFFERS = "A delivered frame differs from REST"
"""What the oracle says, which compares all that a server sends."""

Program = Literal["uvicorn", "daphne", "project"]


class LiveServer:
    """A started server process; `log` is what it has written."""

    def __init__(self, process: subprocess.Popen[bytes], port: int, log: Path) -> None:
        self.process = process
        self.url = f"http://127.0.0.1:{port}"
        self.socket_url = f"ws://127.0.0.1:{port}/ws/"
        self.port = port
        self._log = log

    @property
    def log(self) -> str:
        return self._log.read_text()

    def shown(self) -> set[str]:
        """What of all that the run has given out the log shows."""
        return given.shown(self.log)

    def forget(self) -> None:
        """Empty the log, whose secrets a test has put there by intention."""
        self._log.write_text("")

    def get(self, path: str, **headers: str) -> tuple[int, str]:
        """The status and the text that the server answers."""
        request = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            request.request("GET", path, headers=headers)
            answer = request.getresponse()
            return answer.status, answer.read().decode()
        finally:
            request.close()

    def ready(self) -> bool:
        try:
            return self.get("/healthz")[0] == 200
        except OSError:
            return False

    def stop(self) -> None:
        """Stop it as an operator would; doing so again is harmless."""
        stop(self.process)


def database_url() -> str:
    """Return the address of the database that the tests use at this moment."""
    name = connection.settings_dict["NAME"]
    if connection.vendor == "sqlite":
        return f"sqlite:///{quote(str(name))}"
    return urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{name}").geturl()


def command(program: Program, port: int, options: Sequence[str] = ()) -> list[str]:
    application = "project.asgi:application"
    if program == "daphne":
        return [
            sys.executable,
            "-m",
            "daphne",
            "-b",
            "127.0.0.1",
            "-p",
            str(port),
            *options,
            application,
        ]
    if program == "project":
        return [sys.executable, "-m", "project"]
    options = ["--host", "127.0.0.1", "--port", str(port), *BOUNDED, *(options or QUIETLY)]
    return [sys.executable, "-m", "uvicorn", *options, application]


def and_what_goes_with_it(environment: dict[str, str]) -> dict[str, str]:
    """The variables, and that processes are not held for lost sooner than they look.

    One that is stopped need not spread over seconds how it closes the sockets it still has.
    """
    environment = {"EARSHOT_DRAIN_SECONDS": "0.1"} | environment
    if tail := environment.get("EARSHOT_TAIL_SECONDS"):
        lost = str(max(15.0, 3 * float(tail)))
        environment = {"EARSHOT_PROCESS_LOST_SECONDS": lost} | environment
    return environment


@contextmanager
def live_server(
    program: Program = "uvicorn", options: Sequence[str] = (), **environment: str
) -> Iterator[LiveServer]:
    """A server that answers; `environment` sets variables, such as `EARSHOT_TAIL_SECONDS="1"`, or
    the `PORT` of one that was stopped."""
    port = int(environment.pop("PORT", 0)) or free_port()
    settings = {"DJANGO_SETTINGS_MODULE": "tests.settings", "DATABASE_URL": database_url()}
    settings |= {"HOST": "127.0.0.1", "PORT": str(port)}
    with tempfile.NamedTemporaryFile(prefix="earshot-", suffix=".log") as log:
        variables = os.environ | settings | and_what_goes_with_it(environment)
        given.note_settings(environment)
        process = subprocess.Popen(
            command(program, port, options), stdout=log, stderr=log, env=variables
        )
        server = LiveServer(process, port, Path(log.name))
        try:
            wait_until_ready(process, server.ready, Path(log.name))
            yield server
        finally:
            server.stop()
        assert server.shown() == set()
        assert DIFFERS not in server.log
