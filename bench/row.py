"""One benchmark, in a process of its own: `python -m bench.row NAME`, with both servers running."""

from __future__ import annotations

import asyncio
import importlib
import inspect
import sys
import traceback

from bench.figures import missing, record
from bench.rows import ROWS


def main(name: str) -> int:
    """Measure and record; what cannot be measured is recorded as missing, with its reason."""
    try:
        measure = importlib.import_module(f"bench.{name}").measure
        waits = inspect.iscoroutinefunction(measure)
        record(name, asyncio.run(measure()) if waits else measure())
    except Exception as error:  # rows may raise anything
        traceback.print_exc()
        record(name, [missing(ROWS[name], f"{type(error).__name__}: {error}")])
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
