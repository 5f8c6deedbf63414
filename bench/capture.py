"""What capture adds to writes, beside the same writes by plain Django, on both databases.

With triggers and without take turns in one run: `capture_writes`.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

from bench.figures import Row
from bench.soak.verdict import percentile

ONES: Final = 1000
"""Writes of one row, of each kind."""
MANY: Final = 10_000
"""Rows that are written together, seven times."""
TURNS: Final = 7


class Figure(NamedTuple):
    """A ratio to plain Django of one kind of write, and at most what it may be on PostgreSQL and on
    SQLite; None: nothing is wanted."""

    what: str
    title: str
    goals: tuple[float | None, float | None] = (None, None)
    share: float = 0.5


FIGURES: Final = (
    Figure("save", "save() of one field, capture alone", (1.2, 2.04)),
    Figure("save", "save() of one field, capture alone", share=0.99),
    Figure("save awake", "save() of one field, publisher awake", (1.5, None)),
    Figure("save awake", "save() of one field, publisher awake", (2, None), 0.99),
    Figure("save back to back", "the same, back to back"),
    Figure("save back to back", "the same, back to back", share=0.99),
    Figure("save together", "save() of one field in a transaction, capture alone", (None, 1.32)),
    Figure("create", "create()", (1.5, 2.28)),
    Figure("grant", "a grant, by guardian's assign_perm", (1.3, 1.8)),
    Figure("revoke", "a revocation, by guardian's remove_perm", (1.3, 2.04)),
    Figure("update", f"update() of {MANY:,}", (6, 8.4)),
    Figure("bulk_create", f"bulk_create() of {MANY:,}", (1.5, 1.2)),
    Figure("delete", f"delete() of {MANY:,}", (2, 1.2)),
    Figure("group add", "1,000 users added to a group", (2.5, 1.92)),
)


def ratio(figure: Figure, database: str, times: dict[str, list[float]]) -> Row:
    """The row of one figure, of what each write took either."""
    earshot, django = (percentile(times[name], figure.share) for name in ("earshot", "django"))
    most = figure.goals[database == "SQLite"]
    found = earshot / django
    return Row(
        f"{database}: {figure.title}, p{figure.share * 100:.0f}, to plain Django",
        found,
        f"{earshot:.2f} to {django:.2f} ms",
        "" if most is None else f"at most {most:g}",
        None if most is None else found <= most,
        f"{len(times['earshot']):,} of each in turn",
    )


def more_statements(database: str, statements: dict[str, int]) -> Row:
    """The row that says how many statements more than plain Django a group's new users need."""
    more = statements["earshot"] - statements["django"]
    return Row(
        f"{database}: statements of 1,000 users added to a group, more than plain Django's",
        float(more),
        f"{statements['earshot']} to {statements['django']}",
        "0",
        not more,
        "with BEGIN and COMMIT",
    )


def measured(database: str, **environment: str) -> Iterator[Row]:
    """The rows of one database."""
    done = subprocess.run(
        [sys.executable, "-m", "bench.capture_writes", *map(str, (ONES, MANY, TURNS))],
        check=False, stdout=subprocess.PIPE, env={**os.environ, **environment},
    )  # fmt: skip
    if done.returncode:
        raise ChildProcessError(f"The writes on {database} ended with exit code {done.returncode}.")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    for figure in FIGURES:
        yield ratio(figure, database, found["times"][figure.what])
    yield more_statements(database, found["statements"])


def measure() -> list[Row]:
    with tempfile.TemporaryDirectory(prefix="earshot-") as folder:
        url = f"sqlite:///{Path(folder) / 'bench.sqlite3'}"
        return [*measured("PostgreSQL"), *measured("SQLite", DATABASE_URL=url)]
