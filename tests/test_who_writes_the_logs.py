"""Triggers write `Change` and `AccessChange`; of Python only what is named here does."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from permissions.models import AccessChange
from realtime.models import Change

ROOT = Path(__file__).parent.parent
APPS = ("tenants", "permissions", "realtime", "resources", "project")
LOGS = {"Change", "AccessChange"}
CREATING = {
    "create", "acreate", "bulk_create", "abulk_create", "get_or_create", "update_or_create", "save",
}  # fmt: skip

WRITERS = {
    "permissions/accesslog.py record",
    "realtime/changes.py record",
    "realtime/changes.py renew",
}
"""Functions that write the logs, for no write of anybody's but as follows."""

CALLERS = {
    "realtime/reading.py repair_access": "what escaped the triggers",
    "realtime/reading.py repair_change": "what escaped the triggers",
    "realtime/changes.py raise_versions": "what shows a row that was written: `find` is Python",
}


def functions() -> Iterator[tuple[str, ast.AST]]:
    """Every function of the applications but for migrations, by its file and name."""
    for app in APPS:
        for path in sorted((ROOT / app).rglob("*.py")):
            if "migrations" in path.parts:
                continue
            tree = ast.parse(path.read_text())
            inner = [n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef)]
            name = path.relative_to(ROOT).as_posix()
            yield from ((f"{name} {function.name}", function) for function in inner)


def calls(function: ast.AST) -> Iterator[tuple[str, str]]:
    """What is called: the name, and the text of that of which it is an attribute, if any."""
    for node in ast.walk(function):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            yield node.func.id, ""
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            yield node.func.attr, ast.unparse(node.func.value)


def is_written(called: str, of: str) -> bool:
    """Whether a call makes an instance of a log, or a row of it."""
    return called in LOGS or (called in CREATING and of.split(".")[0] in LOGS)


def writers() -> set[str]:
    return {name for name, f in functions() if any(is_written(*call) for call in calls(f))}


def callers(writers: set[str]) -> set[str]:
    """Who calls the writers, by their modules' names or within the module."""
    by_module: dict[str, set[str]] = {}
    for name in writers:
        file, function = name.split()
        by_module.setdefault(file, set()).add(function)
    found = set()
    for name, function in functions():
        for file, wanted in by_module.items():
            for called, of in calls(function):
                if called in wanted and (
                    of == Path(file).stem or (not of and name.split()[0] == file)
                ):
                    found.add(name)
    return found


def test_python_writes_no_change_and_no_access_change() -> None:
    assert {log.__name__ for log in (Change, AccessChange)} == LOGS
    assert writers() == WRITERS
    assert callers(WRITERS) == set(CALLERS)


def test_no_statement_of_pythons_inserts_into_the_logs() -> None:
    tables = [log._meta.db_table for log in (Change, AccessChange)]
    inserting = [
        path.relative_to(ROOT).as_posix()
        for app in APPS
        for path in sorted((ROOT / app).rglob("*.py"))
        if "migrations" not in path.parts and "capture" not in path.parts
        if any(f"INSERT INTO {table}" in path.read_text() for table in tables)
    ]
    assert inserting == []
