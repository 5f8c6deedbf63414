"""The glossary in docs/design.md says what the code says: each word's module, class or setting."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from tenants.limits import DEFAULTS

ROOT = Path(__file__).parent.parent
PACKAGES = ("tenants", "permissions", "realtime", "resources", "project")
SECTION = (ROOT / "docs" / "design.md").read_text().split("\n## Words\n")[1].split("\n## ")[0]
ROWS = [
    (word, place)
    for word, place in re.findall(r"^\| ([^|]+) \| `([^`|]+)` \| [^|]+ \|$", SECTION, re.MULTILINE)
]

PRIVATE: dict[str, str] = {
    "attendance": "connections",
    "beat_seconds": "ping_seconds or broker_probe_seconds",
    "holdings": "ownership_transfer",
    "joins": "group_membership",
    "outbox": "the table of changes, and the publisher",
    "records": "ledger entries",
    "watching": "capture",
}
"""Words that no module may be called, with the field's word for it."""


def names() -> set[str]:
    """The classes and the types of the code."""
    found = set()
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*.py"):
            for node in ast.parse(path.read_text()).body:
                if isinstance(node, ast.ClassDef):
                    found.add(node.name)
                elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                    found.add(node.targets[0].id)
    return found


NAMES = names()


def is_there(place: str) -> bool:
    """Whether the code has this file, folder, class, type or limit."""
    return (ROOT / place).exists() if "/" in place else place in NAMES | DEFAULTS.keys()


def test_every_row_of_the_glossary_is_read_and_they_are_in_order() -> None:
    assert len(ROWS) == SECTION.count("\n| ") - 1
    assert [word for word, _ in ROWS] == sorted({word for word, _ in ROWS})


@pytest.mark.parametrize(("word", "place"), ROWS, ids=[word for word, _ in ROWS])
def test_word_of_the_glossary_is_in_the_code(word: str, place: str) -> None:
    assert is_there(place)


@pytest.mark.parametrize("place", ["realtime/outbox.py", "Attendance", "beat_seconds"])
def test_checker_knows_what_is_not_there(place: str) -> None:
    assert not is_there(place)


@pytest.mark.parametrize("word", PRIVATE)
def test_no_module_has_a_private_name_where_the_field_has_one(word: str) -> None:
    modules = [path for package in PACKAGES for path in (ROOT / package).rglob(f"{word}.py")]
    assert modules == []
