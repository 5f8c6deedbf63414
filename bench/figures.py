"""The table of docs/performance.md: each benchmark records its rows, those of others stay."""

from __future__ import annotations

import json
import os
import platform
import statistics
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

from bench.scale import document, units

PAGE = Path(__file__).parent.parent / "docs" / "performance.md"
RESULTS = Path(__file__).parent / "results.json"
BEGIN, END = "<!-- written by make bench: begin -->", "<!-- written by make bench: end -->"


class Row(NamedTuple):
    """One figure: what was found, of what, what is wanted, whether it is reached (None: nothing is
    wanted), and how it was measured. A `found` that is a text says why there is none."""

    figure: str
    found: float | str
    of: str
    goal: str
    reached: bool | None
    how: str


def missing(figure: str, why: object) -> Row:
    """A row that could not be measured."""
    return Row(figure, f"missing: {why}", "", "", None, "")


def machine() -> str:
    """Cores and versions."""
    parts = [f"{os.cpu_count()} cores", f"Python {platform.python_version()}"]
    names = {"Django": "django", "uvicorn": "uvicorn", "channels-redis": "channels-redis"}
    parts += [f"{name} {version(package)}" for name, package in names.items()]
    parts += ["PostgreSQL 18", "Valkey 9.1"]
    return ", ".join(parts)


def record(benchmark: str, rows: Iterable[Row]) -> None:
    """Print the rows, keep them in place of the benchmark's last ones, and write the page."""
    rows = list(rows)
    results = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    results[benchmark] = {
        "on": datetime.now(UTC).date().isoformat(),
        "machine": machine(),
        "rows": [row._asdict() for row in rows],
    }
    RESULTS.write_text(json.dumps(results, indent=1, sort_keys=True) + "\n")
    for row in results[benchmark]["rows"]:
        print(_line(Row(**row)), flush=True)
    _write(results)
    if benchmark == units.ROW and not any(isinstance(row.found, str) for row in rows):
        document.write()


def _write(results: dict[str, dict[str, object]]) -> None:
    from bench.rows import ROWS

    lines = [BEGIN, ""]
    for name, title in ROWS.items():
        result = results.get(name)
        lines += [f"### {title}", ""]
        if result is None:
            lines += [f"Not measured yet: `make bench ROWS={name}`", ""]
            continue
        lines += ["| figure | found | of | goal | reached | how |", "|---|---|---|---|---|---|"]
        lines += [_line(Row(**row)) for row in result["rows"]]  # type: ignore[attr-defined]
        chart = PAGE.parent / "charts" / f"{name}.svg"
        if chart.exists():
            lines += ["", f"![{title}](charts/{name}.svg)"]
        lines += ["", f"`make bench ROWS={name}`, {result['on']}; {result['machine']}.", ""]
    text = PAGE.read_text()
    before, after = text[: text.index(BEGIN)], text[text.index(END) :]
    PAGE.write_text(before + "\n".join(lines) + after)


def _line(row: Row) -> str:
    found = row.found if isinstance(row.found, str) else f"{row.found:.3g}"
    reached = {True: "yes", False: "**no**", None: ""}[row.reached]
    cells = (row.figure, found, row.of, row.goal, reached, row.how)
    return "| " + " | ".join(cell.replace("|", "/") for cell in cells) + " |"


def spread(values: Sequence[float], unit: str = "", digits: int = 1) -> str:
    """The median, and the least and greatest."""
    middle = statistics.median(values)
    return f"{middle:.{digits}f} ({min(values):.{digits}f} to {max(values):.{digits}f}){unit}"
