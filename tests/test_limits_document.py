"""docs/limits.md: each row has a bound, a setting that is one, and a test that exists."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

import pytest

from tenants.limits import LIMITS

ROOT = Path(__file__).parent.parent

NO_CLIENTS = {
    "answer_seconds", "broker_probe_seconds", "broker_timeout_seconds", "chain_seconds",
    "connection_seconds",
    "database_seconds", "drain_seconds", "executor_threads",
    "hsts_seconds", "hub_connections", "listen", "oracle", "password_link_hours",
    "patience_seconds", "ping_seconds", "preframed", "process_lost_seconds", "proxies",
    "retry_max_seconds", "retry_min_seconds", "round_size", "sweep_budget", "sweep_seconds",
    "tail_seconds", "token_hours",
}  # fmt: skip
"""Settings that bound nothing which a client chooses."""


class Entry(NamedTuple):
    """A row of the document's tables."""

    what: str
    bound: str
    setting: str
    beyond: str
    test: str


ENTRIES = [
    Entry(*cells)
    for line in (ROOT / "docs" / "limits.md").read_text().splitlines()
    if line.startswith("| ") and len(cells := line.strip("| ").split(" | ")) == 5
    if cells[0] != "What grows or waits"
]
SETTINGS = {name for entry in ENTRIES for name in re.findall(r"`(EARSHOT_\w+)`", entry.setting)}


def test_document_has_its_rows() -> None:
    lines = (ROOT / "docs" / "limits.md").read_text().splitlines()
    tables = sum(line.startswith("|---") for line in lines)
    assert len(ENTRIES) == sum(line.startswith("|") for line in lines) - 2 * tables
    assert len({entry.what for entry in ENTRIES}) == len(ENTRIES)


@pytest.mark.parametrize("entry", ENTRIES, ids=[entry.what for entry in ENTRIES])
def test_row_says_what_beyond_which_bound_and_names_its_test(entry: Entry) -> None:
    assert all(entry)
    found = re.fullmatch(r"`(tests/[\w/]+\.py)::(test_\w+)`", entry.test)
    assert found, entry.test
    path, name = found.groups()
    assert re.search(rf"^(async )?def {name}\(", (ROOT / path).read_text(), re.MULTILINE)


def test_every_setting_that_bounds_a_client_is_in_a_row_and_no_other() -> None:
    bounding = {limit.variable for limit in LIMITS if limit.name not in NO_CLIENTS}
    assert bounding == SETTINGS
    assert {limit.name for limit in LIMITS} >= NO_CLIENTS


@pytest.mark.parametrize("name", sorted(SETTINGS))
def test_rows_say_the_defaults(name: str) -> None:
    """In the unit of a reader: 16 KiB, 1,000, 10 s."""
    [default] = [limit.default for limit in LIMITS if limit.variable == name]
    told = {f"{default:,g}", f"{default:,}"}
    if "BYTES" in name:
        told = {f"{default / 2**10:g} KiB", f"{default / 2**20:g} MiB"}
    bounds = " ".join(entry.bound for entry in ENTRIES if f"`{name}`" in entry.setting)
    assert any(re.search(rf"(?<![\d,]){text}(?![\d,]\d)", bounds) for text in told), (told, bounds)
