"""Imports run one way, and decisions stay free of frameworks."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
LAYERS = ["tenants", "permissions", "realtime", "resources", "project"]
PURE = [
    f"realtime.{name}"
    for name in ("codes", "fence", "limits", "mailbox", "messages", "subscriptions")
]
FRAMEWORKS = {"django", "rest_framework", "channels", "guardian", "knox", "asgiref"}


def nodes(tree: ast.AST, for_types: bool) -> Iterator[ast.AST]:
    """Yield every node; without `for_types` not those that only a type checker reads."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING" and not for_types:
            for branch in node.orelse:
                yield from (branch, *nodes(branch, for_types))
        else:
            yield from (node, *nodes(node, for_types))


def imports(path: Path, for_types: bool = True) -> Iterator[str]:
    """Yield the full name of every module that a file imports, wherever in it."""
    package = path.parent.parts[len(ROOT.parts) :]
    for node in nodes(ast.parse(path.read_text(), str(path)), for_types):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(package[: len(package) + 1 - node.level]) if node.level else ""
            origin = ".".join(part for part in (base, node.module) if part)
            yield origin
            yield from (f"{origin}.{alias.name}" for alias in node.names)


def foreign_layers(layer: str, path: Path) -> set[str]:
    """Return the layers above `layer` that a file of it imports."""
    above = LAYERS[LAYERS.index(layer) + 1 :]
    return {name for name in imports(path) if name.split(".")[0] in above}


@pytest.mark.parametrize("layer", LAYERS)
def test_layer_imports_nothing_from_above(layer: str) -> None:
    files = sorted((ROOT / layer).rglob("*.py"))
    assert files
    wrong = {str(path.relative_to(ROOT)): foreign_layers(layer, path) for path in files}
    assert {path: names for path, names in wrong.items() if names} == {}


def is_allowed_in_decisions(name: str) -> bool:
    """Whether it is no framework, and of our own modules only another decision."""
    if name.split(".")[0] in LAYERS:
        return name == "realtime" or any(f"{name}.".startswith(f"{pure}.") for pure in PURE)
    return name.split(".")[0] not in FRAMEWORKS


@pytest.mark.parametrize("module", PURE)
def test_decision_imports_no_framework_and_only_other_decisions(module: str) -> None:
    path = (ROOT / module.replace(".", "/")).with_suffix(".py")
    names = imports(path, for_types=False)
    assert [name for name in names if not is_allowed_in_decisions(name)] == []


@pytest.mark.parametrize(
    ("name", "allowed"),
    [
        ("asyncio", True),
        ("realtime.state.codes.Close", True),
        ("realtime.codeship", False),
        ("realtime.hub.hub", False),
        ("permissions.read", False),
        ("django.conf", False),
    ],
)
def test_checker_knows_what_decisions_may_import(name: str, allowed: bool) -> None:
    assert is_allowed_in_decisions(name) is allowed


def test_checker_skips_what_only_the_type_checker_reads(tmp_path: Path) -> None:
    path = tmp_path / "rogue.py"
    path.write_text("if TYPE_CHECKING:\n    import django\nelse:\n    import channels")
    assert "channels" in set(imports(path, for_types=False))
    assert "django" not in set(imports(path, for_types=False))


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("import realtime.hub.hub", {"realtime.hub.hub"}),
        ("from realtime import hub", {"realtime", "realtime.hub.hub"}),
        (
            "def late():\n    from realtime.hub.hub import Hub",
            {"realtime.hub.hub", "realtime.hub.hub.Hub"},
        ),
        ("import tenants.models, permissions.read", set[str]()),
        ("from . import models", set[str]()),
        ("from ..realtime import hub", {"realtime", "realtime.hub.hub"}),
    ],
)
def test_checker_finds_every_form_of_import(
    source: str, names: set[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.test_layering.ROOT", tmp_path)
    path = tmp_path / "permissions" / "rogue.py"
    path.parent.mkdir()
    path.write_text(source)
    assert foreign_layers("permissions", path) == names


def test_package_of_the_decisions_imports_nothing() -> None:
    assert set(imports(ROOT / "realtime" / "__init__.py")) == set()
