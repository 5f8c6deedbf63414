"""Lists of readers who see few or many of 200,000 documents, with five grants each: the first page
and the last, on both databases."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from bench.figures import Row, spread

DOCUMENTS: Final = 200_000
RUNS: Final = 25
FEW, MANY, LAST = 10.0, 30.0, 2.0
"""The most milliseconds of a reader of few and of many, and the last page's to the first's."""


Times = list[tuple[float, float]]
"""Milliseconds of each GET, and of its CPU."""


def rows(database: str, what: str, first: Times, last: Times) -> Iterator[Row]:
    """The rows of one reader."""
    most = FEW if what.startswith("of 10 ") else MANY
    (firsts, used), (lasts, more) = zip(*first, strict=True), zip(*last, strict=True)
    took, cpu = statistics.median(firsts), statistics.median(used)
    how = f"{RUNS} GETs of each page, in turns, through the whole stack in one process, 100 rows"
    yield Row(
        f"{database}: first page of a reader {what}, ms",
        took,
        f"{spread(firsts, ' ms')}; CPU {spread(used, ' ms')}",
        f"at most {most:g}",
        took <= most,
        how,
    )
    ratio = statistics.median(more) / cpu
    yield Row(
        f"{database}: CPU of the last page of a reader {what}, to the first",
        ratio,
        f"{spread(more, ' ms')}; in {spread(lasts, ' ms')}",
        f"at most {LAST:g}",
        ratio <= LAST,
        how,
    )


def measured(database: str, **environment: str) -> Iterator[Row]:
    """The rows of one database."""
    done = subprocess.run(
        [sys.executable, "-m", "bench.list_pages", str(DOCUMENTS), str(RUNS)],
        check=False, stdout=subprocess.PIPE, env={**os.environ, **environment},
    )  # fmt: skip
    if done.returncode:
        raise ChildProcessError(f"The lists on {database} ended with exit code {done.returncode}.")
    for what, times in json.loads(done.stdout.splitlines()[-1]).items():
        yield from rows(database, what, times["first"], times["last"])


def measure() -> list[Row]:
    with tempfile.TemporaryDirectory(prefix="earshot-") as folder:
        url = f"sqlite:///{Path(folder) / 'bench.sqlite3'}"
        return [*measured("PostgreSQL"), *measured("SQLite", DATABASE_URL=url)]
