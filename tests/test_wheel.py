"""The wheel: what is in it, how its imports are written, and that it is made alike each time."""

from __future__ import annotations

import ast
import subprocess
import sys
import tomllib
import venv
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest
import websockets

from supply import wheel
from tests.conftest import StartServer
from tests.world import World

ROOT = Path(__file__).parent.parent


@pytest.mark.parametrize(
    ("here", "there"),
    [
        ("import tenants", "from earshot import tenants"),
        ("import tenants.limits", "import earshot.tenants.limits; from earshot import tenants"),
        ("import tenants.limits as own", "import earshot.tenants.limits as own"),
        ("import tenants as own", "import earshot.tenants as own"),
        ("import os, realtime, re", "import os; from earshot import realtime; import re"),
        ("import os, re", "import os, re"),
        ("from tenants import limits", "from earshot.tenants import limits"),
        ("from tenants import (\n  a,\n  b)", "from earshot.tenants import (\n  a,\n  b)"),
        ("from \\\n permissions import a", "from \\\n earshot.permissions import a"),
        ("from . import tenants", "from . import tenants"),
        ("from .tenants import a", "from .tenants import a"),
        ("from tenantsof import a", "from tenantsof import a"),
        ("if a:\n  'é'; import tenants; b()", "if a:\n  'é'; from earshot import tenants; b()"),
        ("'''tenants.limits'''  # import tenants", "'''tenants.limits'''  # import tenants"),
        ("a = 'the tenants. All'", "a = 'the tenants. All'"),
        ("a = 'earshot_tenants.user'", "a = 'earshot_tenants.user'"),
    ],
)  # fmt: skip
def test_imports_are_those_of_the_package(here: str, there: str) -> None:
    assert wheel.rewritten(here) == there


@pytest.mark.parametrize(
    "text", ["a = 'tenants.limits'", "f(x='--ws realtime.hub:Hub')", "f'{a} permissions.b'"]
)
def test_text_that_names_a_module_is_refused(text: str) -> None:
    with pytest.raises(wheel.NamedInText, match=r"^some\.py:2: "):
        wheel.rewritten(f"# code\n{text}", "some.py")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel."""
    return wheel.write(tmp_path_factory.mktemp("wheel"))


@pytest.mark.programs
def test_same_files_give_the_same_bytes_of_the_time_that_is_set(
    built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert wheel.write(tmp_path / "again").read_bytes() == built.read_bytes()
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1800000000")
    with zipfile.ZipFile(wheel.write(tmp_path / "dated")) as opened:
        assert {entry.date_time for entry in opened.infolist()} == {(2027, 1, 15, 8, 0, 0)}


def test_wheel_is_small(built: Path) -> None:
    assert built.stat().st_size < wheel.BYTES


def test_wheel_has_one_typed_package_of_modules_that_import_nothing_else_of_ours(
    built: Path,
) -> None:
    with zipfile.ZipFile(built) as opened:
        assert opened.testzip() is None
        files = {name: opened.read(name) for name in opened.namelist()}
    tops = {name.split("/")[0] for name in files}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"earshot"}
    assert {"earshot/__init__.py", "earshot/py.typed"} <= files.keys()
    paths = [path for folder in wheel.FOLDERS for path in ROOT.glob(f"{folder}/**/*.py")]
    here = {path.relative_to(ROOT).as_posix() for path in paths}
    code = {name: data for name, data in files.items() if name.endswith(".py")}
    assert code.keys() == {
        "earshot/__init__.py",
        *(f"earshot/{wheel.place(name)}" for name in here),
    }
    imported = {
        (node.module or "") if isinstance(node, ast.ImportFrom) else node.names[0].name
        for data in code.values()
        for node in ast.walk(ast.parse(data))
        if isinstance(node, ast.Import) or (isinstance(node, ast.ImportFrom) and not node.level)
    }
    ours = {*wheel.FOLDERS, "resources", "project", "tests", "bench", "supply"}
    assert {name for name in imported if name.split(".")[0] in ours} == set()
    [record] = (data.decode() for name, data in files.items() if name.endswith("/RECORD"))
    assert [line.split(",")[0] for line in record.splitlines()] == list(files)


def test_client_is_imported_without_django_and_the_apps(built: Path) -> None:
    script = (
        f"import sys; sys.path.insert(0, {str(built)!r});"
        "sys.modules.update(dict.fromkeys(['django', 'channels', 'rest_framework', 'orjson']));"
        "import earshot.client.__main__ as command; command.main(['--help'])"
    )
    told = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True)
    assert told.stdout.startswith(b"usage: python -m earshot.client ")


@pytest.mark.programs
def test_client_connects_in_an_environment_that_has_only_websockets(
    built: Path, tmp_path: Path, start_server: StartServer, world: World
) -> None:
    """As `pip install --no-deps` of the wheel leaves it: there is no Django."""
    venv.create(tmp_path, with_pip=False)
    [place] = tmp_path.glob("lib/python*/site-packages")
    python = str(tmp_path / "bin/python")
    pip = [sys.executable, "-m", "pip", "--python", python, "install", "--quiet"]
    subprocess.run([*pip, "--no-index", "--no-deps", str(built)], check=True, capture_output=True)
    (place / "websockets").symlink_to(Path(websockets.__file__).parent)
    own = {"TOKEN": world.token("viewer")}
    without = subprocess.run([python, "-c", "import django"], env=own, capture_output=True)
    assert b"No module named 'django'" in without.stderr
    options = ["--tenant", "acme", "--id", world.id]
    command = [python, "-u", "-m", "earshot.client", start_server("uvicorn").socket_url, *options]
    with subprocess.Popen(command, env=own, stdout=subprocess.PIPE, text=True) as client:
        assert client.stdout is not None
        told = [client.stdout.readline().split('"')[3] for _ in range(3)]
        client.terminate()
    assert told == ["WELCOME", "subscribe", "SUBSCRIBED"]


def test_metadata_is_what_an_index_needs() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    told = Parser().parsestr(wheel.metadata(project, (ROOT / "README.md").read_text()))
    assert (told["Name"], told["License-Expression"]) == ("django-earshot", "BSD-3-Clause")
    assert told["Author"] == "Earshot contributors"
    needs = told.get_all("Requires-Dist") or []
    assert all(">=" in need for need in needs)
    assert told.get_all("Provides-Extra") == ["client", "postgres", "redis", "uvicorn"]
    text = str(told.get_payload())
    assert text.startswith("# Earshot\n")
    assert "docs/adopting.md" in text
    assert "](" not in text
    assert "<picture>" not in text


def test_description_keeps_what_leads_somewhere() -> None:
    text = "[a](docs/a.md) ![b](c.png) [d](#e) [f](https://f.example)"
    assert wheel.description(text) == "a (`docs/a.md`) b (`c.png`) d [f](https://f.example)"


@pytest.mark.programs
def test_pip_builds_and_installs_from_the_folder(tmp_path: Path) -> None:
    """Even as an editable one, of which there is a copy."""
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    options = ["--no-index", "--no-deps", "--no-compile", "--target", str(tmp_path)]
    subprocess.run([*pip, *options, "--editable", str(ROOT)], check=True, capture_output=True)
    assert {path.name.split("-")[0] for path in tmp_path.iterdir()} == {"earshot", "django_earshot"}
