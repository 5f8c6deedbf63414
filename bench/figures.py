"""The table of docs/performance.md: each benchmark records its rows, others' rows stay."""

from __future__ import annotations

import os
import platform
import statistics
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

import django
from django.db import connection

PAGE = Path(__file__).parent.parent / "docs" / "performance.md"
HEAD = """# Performance

Written by `make bench`. Each figure is a ratio, or a time, of things measured in turn in one run;
absolute times depend on the machine, so the last column says which one it was.

| figure | found | goal | how | machine |
|---|---|---|---|---|
"""


class Row(NamedTuple):
    """One figure: what was found, what is wanted, and how it was measured."""

    figure: str
    found: str
    goal: str
    how: str


def machine() -> str:
    """Cores and versions."""
    parts = [f"{os.cpu_count()} cores", f"Python {platform.python_version()}"]
    parts.append(f"Django {django.__version__}")
    parts += [f"{name} {version(name)}" for name in ("uvicorn", "channels-redis")]
    if connection.vendor == "postgresql":
        connection.ensure_connection()
        parts.append(f"PostgreSQL {connection.connection.info.server_version // 10000}")
    return ", ".join(parts)


def record(rows: Iterable[Row]) -> None:
    """Print the rows, and put each into the page in place of the one of the same name."""
    where = machine()
    lines = _present()
    for row in rows:
        lines[row.figure] = "| " + " | ".join((*row, where)) + " |"
        print(lines[row.figure], flush=True)
    PAGE.write_text(HEAD + "\n".join(lines.values()) + "\n")


def _present() -> dict[str, str]:
    if not PAGE.exists():
        return {}
    table = [line for line in PAGE.read_text().splitlines() if line.startswith("| ")]
    return {line.split(" | ")[0].removeprefix("| "): line for line in table[1:]}


def spread(values: list[float], unit: str = "", digits: int = 1) -> str:
    """The median, and the least and greatest."""
    middle = statistics.median(values)
    return f"{middle:.{digits}f} ({min(values):.{digits}f} to {max(values):.{digits}f}){unit}"
