"""The benchmarks by name, in the order of the page. Each is a module with `measure()`."""

from __future__ import annotations

from typing import Final

ROWS: Final = {
    "fanout": "Fan-out: CPU of a delivered frame",
    "pace": "Fan-out at the pace of real traffic",
    "objects": "Many objects with one subscriber each",
    "subscribers": "A change's cost by subscribers and audiences",
    "capture": "What capture adds to writes",
    "outside": "Writes by another program",
    "rest": "Requests over REST",
    "latency": "End to end: commit to last byte",
    "storm": "A reconnect storm",
    "access": "An access change",
    "memory": "Memory of an idle connection",
    "idle": "Idle tenants",
    "units": "What one of each costs",
    "scaling": "More processes and more shards",
    "revocation": "Revoke to silence",
    "neighbour": "A noisy neighbour",
    "floods": "Floods",
    "oversize": "Oversized clients",
    "fence": "The fence",
    "audited": "What the review costs delivery",
    "ledger": "The ledger's pages",
    "explain": "Why somebody sees an object, at 400,000 grants",
    "who_saw": "Who saw what, over ten million accesses",
    "windows": "Live lists",
    "windows_coming": "What comes to live lists",
    "windows_opening": "Opening live lists",
    "lists": "First and last pages of lists",
}
