"""The server processes: two of uvicorn and one of Daphne, to be killed, paused and restarted."""

from __future__ import annotations

import os
import random
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.live import DIFFERS, LiveServer, Program, command
from tests.servers import free_port, wait_until_ready

PROGRAMS: tuple[Program, ...] = ("uvicorn", "uvicorn", "daphne")
ENVIRONMENT = {
    "DJANGO_SETTINGS_MODULE": "bench.settings",
    "EARSHOT_ORACLE": "1",
    "EARSHOT_RETRY_MAX_SECONDS": "3",
    "EARSHOT_STALLED_SECONDS": "3",
    "EARSHOT_REQUESTS_PER_MINUTE": "1000000",
}


class Process:
    """One server on a port of its own; `up` tells a balancer whether to send anybody there."""

    def __init__(self, program: Program, folder: Path, number: int) -> None:
        self.program = program
        self.port = free_port()
        self.url = f"ws://127.0.0.1:{self.port}/ws/"
        self.up = False
        self.log = folder / f"{program}-{number}.log"
        self.log.unlink(missing_ok=True)
        self.process: subprocess.Popen[bytes] | None = None

    def launch(self) -> None:
        """Begin to start."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                command(self.program, self.port),
                stdout=log, stderr=log, start_new_session=True, env=os.environ | ENVIRONMENT,
            )  # fmt: skip

    def wait(self) -> None:
        """Return when it answers."""
        assert self.process is not None
        server = LiveServer(self.process, self.port, self.log)
        wait_until_ready(self.process, server.ready, self.log)
        self.up = True

    def start(self) -> None:
        """Start, and return when it answers."""
        self.launch()
        self.wait()

    def kill(self) -> None:
        """End it with what it had begun, as a power cut does."""
        self.up = False
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def pause(self) -> None:
        """Stop it where it stands."""
        self.up = False
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        self._signal(signal.SIGCONT)
        self.up = True

    def megabytes(self) -> int:
        """The most memory that it has had since it started; 0 while it is not there."""
        assert self.process is not None
        try:
            text = Path(f"/proc/{self.process.pid}/status").read_text()
        except FileNotFoundError:
            return 0
        lines = (line.split() for line in text.splitlines())
        return next((int(line[1]) // 1024 for line in lines if line[0] == "VmHWM:"), 0)

    def _signal(self, number: signal.Signals) -> None:
        assert self.process is not None
        self.process.send_signal(number)


class Fleet:
    """All server processes."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.processes = [Process(p, folder, n) for n, p in enumerate(PROGRAMS, start=1)]

    def pick(self) -> Process | None:
        """One of those that are up, as a balancer with health checks would."""
        up = [process for process in self.processes if process.up]
        return random.choice(up) if up else None

    def differing(self) -> int:
        """The delivered frames that were not what REST answered, as all logs say."""
        return sum(process.log.read_text().count(DIFFERS) for process in self.processes)

    @contextmanager
    def running(self) -> Iterator[None]:
        """All of them, until the end of the block."""
        try:
            for process in self.processes:
                process.launch()
            for process in self.processes:
                process.wait()
            yield
        finally:
            for process in self.processes:
                process.kill()
