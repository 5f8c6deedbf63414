"""`python -m bench.lines`: how many lines the same page takes with each client.

The page lists documents live and edits a title. What all have in common, REST and how a list
looks, stands in `common.tsx`, and counts for none; neither does what their servers need. All are
formatted alike by Prettier, at 120 columns, and compile against the real packages
(`tests/client_packaged.py`).
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

FOLDER: Final = Path(__file__).parent / "clients"
CLIENTS: Final = {
    "earshot": "Earshot",
    "convex": "Convex",
    "supabase": "Supabase Realtime",
    "echo": "Laravel Echo",
    "phoenix": "Phoenix channels",
    "centrifugo": "Centrifugo",
}
"""Each page's name, and whose client it uses."""


def lines(name: str) -> int:
    """Return how many lines of a page are not empty."""
    source = (FOLDER / f"{name}.tsx").read_text()
    return sum(bool(line.strip()) for line in source.splitlines())


def main() -> None:
    """Print the count of each."""
    for name, client in CLIENTS.items():
        print(f"{client:<18} {lines(name):>3}")


if __name__ == "__main__":
    main()
