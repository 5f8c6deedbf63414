"""The benchmarks by name, in the order of the page. Each is a module with `measure()`."""

from __future__ import annotations

from typing import Final

ROWS: Final = {
    "fanout": "Fan-out: CPU of a delivered frame",
    "revocation": "Revoke to silence",
    "neighbour": "A noisy neighbour",
    "fence": "The fence",
    "ledger": "The ledger's pages",
}
