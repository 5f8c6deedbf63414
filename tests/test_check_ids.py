"""Each id of a check belongs to one module, so that whoever silences one silences no other."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from tenants.problems import problem

ROOT = Path(__file__).parent.parent
PACKAGES = ("tenants", "permissions", "realtime", "resources", "project")
WHOLE = re.compile(r"earshot\.([EW]\d{3})")


def ids(tree: ast.Module) -> Iterator[str]:
    """The ids that a module gives to what it tells."""
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Name(id=problem.__name__), args=[number, *_]):
                yield f"E{ast.literal_eval(number):03}"
            case ast.keyword(arg="id", value=ast.Constant(value=str(text))):
                if found := WHOLE.fullmatch(text):
                    yield found[1]


def told() -> dict[str, set[str]]:
    """The modules that tell each id."""
    found: defaultdict[str, set[str]] = defaultdict(set)
    for path in (path for package in PACKAGES for path in (ROOT / package).rglob("*.py")):
        for each in ids(ast.parse(path.read_text())):
            found[each].add(str(path.relative_to(ROOT)))
    return found


def test_no_id_is_of_two_modules() -> None:
    assert {name: paths for name, paths in told().items() if len(paths) > 1} == {}


def named() -> set[str]:
    """The ids that docs/adopting.md names."""
    return {*re.findall(r"\b[EW]\d{3}\b", (ROOT / "docs" / "adopting.md").read_text())}


def test_every_id_that_adopters_read_of_is_told() -> None:
    assert named()
    assert named() <= told().keys()


def test_every_id_that_adopters_read_of_is_seen_by_a_test() -> None:
    texts = "".join(path.read_text() for path in (ROOT / "tests").rglob("test_*.py"))
    assert named() <= {*re.findall(r"\b[EW]\d{3}\b", texts)}
