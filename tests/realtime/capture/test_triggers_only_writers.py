"""No Python writes what triggers write: a row of the access log or of the log of changes."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
APPS = ("tenants", "permissions", "realtime", "resources", "project")
LOGS = ("AccessChange", "Change")
MAKES = {"create", "bulk_create", "get_or_create", "update_or_create", "update", "bulk_update"}

ALLOWED = {
    "permissions/accesslog.py": "the function by which a repair is written",
    "realtime/capture/changes.py": "repairs, and versions of what shows what changed",
    "realtime/hub/repairs.py": "the sweep, which repairs what a missing trigger let pass",
}


def writes(source: str) -> Iterator[int]:
    """The lines that make, or change, a row of a log, or have one recorded."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call):
            words = ast.unparse(node.func).split(".")
            makes = words[0] in LOGS and (len(words) == 1 or words[-1] in MAKES)
            if makes or words[-2:] == ["accesslog", "record"]:
                yield node.lineno


def test_nothing_writes_the_logs_for_a_write() -> None:
    files = [path for app in APPS for path in sorted((ROOT / app).rglob("*.py"))]
    # What clients hold of the server's objects knows no database, and changes by itself.
    files = [path for path in files if not path.is_relative_to(ROOT / "realtime" / "client")]
    found = {path.relative_to(ROOT).as_posix(): list(writes(path.read_text())) for path in files}
    written = {name for name, lines in found.items() if lines and "/migrations/" not in name}
    assert written == set(ALLOWED)


@pytest.mark.parametrize(
    ("source", "lines"),
    [
        ("AccessChange(cause='x').save()", [1]),
        ("x = 1\nAccessChange.objects.bulk_create([])", [2]),
        ("Change.objects.filter(pk=1).update(version=2)", [1]),
        ("accesslog.record(1, [], 'x')", [1]),
        ("Change.objects.filter(pk=1).delete()", []),
        ("Exchange()", []),
    ],
)
def test_search_finds_every_form_of_writing(source: str, lines: list[int]) -> None:
    assert list(writes(source)) == lines
