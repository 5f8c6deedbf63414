"""Imports run one way, and decisions stay free of frameworks."""

import ast
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
LAYERS = ["tenants", "permissions", "realtime", "resources", "project"]
ROOMS = ["state", "capture", "audit", "publishing", "hub", "transport"]
EVERYWHERE = {"failures", "metrics"}
"""What every room of `realtime` but `state` may import: how a failure is told and counted."""

STATE = [f"realtime.state.{path.stem}" for path in (ROOT / "realtime/state").glob("[a-z]*.py")]
PURE = ["permissions.representation", *sorted(STATE)]
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


def named(path: Path) -> str:
    """A module's full name."""
    return ".".join(path.relative_to(ROOT).with_suffix("").parts)


def circle(layers: list[str]) -> list[str]:
    """Modules that import each other in a circle, wherever in them they do; empty if none do."""
    files = [p for layer in layers for p in (ROOT / layer).rglob("*.py") if p.stem != "__init__"]
    modules = {named(path): path for path in files}
    graph = {
        name: {found for found in imports(path, for_types=False) if found in modules}
        for name, path in modules.items()
    }
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        found: list[str] = error.args[1]
        return found
    return []


def test_no_modules_import_each_other() -> None:
    assert circle(LAYERS) == []


def test_checker_finds_a_circle_that_a_function_hides(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.test_layering.ROOT", tmp_path)
    (tmp_path / "tenants").mkdir()
    (tmp_path / "tenants/one.py").write_text("from tenants import other")
    (tmp_path / "tenants/other.py").write_text("def late():\n    from tenants.one import name")
    assert set(circle(["tenants"])) == {"tenants.one", "tenants.other"}


def room_of(name: str) -> str | None:
    """The room of `realtime` that a name is in; None for what is in none, as what stands on top."""
    parts = name.split(".")
    return parts[1] if parts[0] == "realtime" and len(parts) > 1 else None


def wrong_rooms(room: str, path: Path) -> set[str]:
    """What a file of a room imports of `realtime` that does not stand left of it."""
    allowed = {*ROOMS[: ROOMS.index(room) + 1], *(EVERYWHERE if room != "state" else ())}
    names = {name for name in imports(path) if room_of(name) is not None}
    return {name for name in names if room_of(name) not in allowed}


@pytest.mark.parametrize("room", ROOMS)
def test_room_imports_only_what_stands_left_of_it(room: str) -> None:
    files = sorted((ROOT / "realtime" / room).rglob("*.py"))
    assert len(files) > 1
    wrong = {str(path.relative_to(ROOT)): wrong_rooms(room, path) for path in files}
    assert {path: names for path, names in wrong.items() if names} == {}


@pytest.mark.parametrize("package", [*LAYERS, *(f"realtime/{room}" for room in ROOMS)])
def test_package_says_what_it_is_for(package: str) -> None:
    assert ast.get_docstring(ast.parse((ROOT / package / "__init__.py").read_text()))


def is_allowed_in_decisions(name: str) -> bool:
    """Whether it is no framework, and of our own modules only another decision."""
    if name.split(".")[0] in LAYERS:
        packages = {"realtime", "realtime.state", "permissions"}
        return name in packages or any(f"{name}.".startswith(f"{pure}.") for pure in PURE)
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
        ("realtime.state.codeship", False),
        ("permissions.representation.ObjectKey", True),
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
        ("from realtime import hub", {"realtime", "realtime.hub"}),
        (
            "def late():\n    from realtime.hub.hub import Hub",
            {"realtime.hub.hub", "realtime.hub.hub.Hub"},
        ),
        ("import tenants.models, permissions.read", set[str]()),
        ("from . import models", set[str]()),
        ("from ..realtime import hub", {"realtime", "realtime.hub"}),
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


@pytest.mark.parametrize("package", ["permissions", "realtime", "realtime/state"])
def test_package_of_decisions_imports_nothing(package: str) -> None:
    assert set(imports(ROOT / package / "__init__.py")) == set()


@pytest.mark.parametrize(
    ("source", "wrong"),
    [
        ("from realtime.state import fence", set[str]()),
        ("from realtime.failures import log_failure", set[str]()),
        ("from realtime.hub import hub", {"realtime.hub", "realtime.hub.hub"}),
        ("from realtime import models", {"realtime.models"}),
    ],
)
def test_checker_finds_what_stands_right_of_a_room(
    source: str, wrong: set[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.test_layering.ROOT", tmp_path)
    path = tmp_path / "realtime" / "capture" / "rogue.py"
    path.parent.mkdir(parents=True)
    path.write_text(source)
    assert wrong_rooms("capture", path) == wrong
