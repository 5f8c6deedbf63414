"""`python -m bench [NAME...]`: the benchmarks one after another, each with fresh servers."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import suppress
from typing import ClassVar, Final

from bench.figures import missing, record
from bench.processes import CLIENTS
from bench.rows import ROWS
from tests.servers import Postgres, servers

SECONDS: Final = 900
"""How long one benchmark may take."""


class Measured(Postgres):
    """PostgreSQL as it comes, so that a commit is on disk; it counts its statements."""

    options: ClassVar[dict[str, str]] = {"shared_preload_libraries": "pg_stat_statements"}


def run(name: str) -> bool:
    """Measure one; whether it could be."""
    with servers(Measured) as variables:
        row = subprocess.Popen(
            [sys.executable, "-m", "bench.row", name],
            env=os.environ | variables, start_new_session=True,
        )  # fmt: skip
        try:
            code = row.wait(SECONDS)
        except subprocess.TimeoutExpired:
            record(name, [missing(ROWS[name], f"it took longer than {SECONDS} s")])
            return False
        finally:
            with suppress(ProcessLookupError):  # the servers that it started, if it did not end
                os.killpg(row.pid, signal.SIGKILL)
        if code not in (0, 1):
            record(name, [missing(ROWS[name], f"it ended with exit code {code}")])
    return code == 0


def main(names: list[str]) -> int:
    """Measure those named, or all; 1 if some could not be."""
    unknown = set(names) - ROWS.keys()
    if unknown:
        print(f"There is no {', '.join(sorted(unknown))}; there are: {', '.join(ROWS)}.")
        return 2
    os.sched_setaffinity(0, CLIENTS)  # the servers under test have a core to themselves
    done = [run(name) for name in names or ROWS]  # each, though one before it failed
    return 0 if all(done) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
