"""Documents name only what exists."""

import re
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
from django.core.management import get_commands
from django.urls import Resolver404, resolve

from realtime.transport import streams
from supply.wheel import FOLDERS, place

ROOT = Path(__file__).parent.parent
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]


def missing(text: str) -> Iterator[str]:
    """The files, addresses, settings and commands that a text names and that do not exist."""
    folders = {path.name for path in ROOT.iterdir() if path.is_dir()}
    prose = re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)
    for name in re.findall(r"`([\w./-]+/[\w./-]*)`", prose):
        # What lies in var/ comes into being when the server or a test runs.
        if name.split("/")[0] in folders - {"var"} and not (ROOT / name).exists():
            yield name
    for address in (re.sub(r"{\w+}", "x", each) for each in re.findall(r"/api/[\w/{}.:-]+", text)):
        if streams.ADDRESS.fullmatch(address):  # before Django
            continue
        try:
            resolve(address)
        except Resolver404:
            yield address
    settings = (ROOT / "docs" / "settings.md").read_text()
    variables = re.findall(r"\bEARSHOT_[A-Z_]*[A-Z]\b", text)
    yield from (name for name in variables if f"`{name}`" not in settings)
    targets = re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    yield from (name for name in re.findall(r"\bmake (\w+)[`\n]", text) if name not in targets)
    for name in re.findall(r"manage\.py (\w+)", text):
        if name not in get_commands():
            yield name
    programs = re.findall(r" -m (\w[\w.]*)", text)
    yield from (name for name in programs if find_spec(here(name)) is None)


def here(name: str) -> str:
    """The module that the package has under this name."""
    places = {f"earshot.{place(path)}": path for path in ("realtime/client/", *FOLDERS)}
    known = {at.strip("/").replace("/", "."): path for at, path in places.items()}
    return known.get(name, name).strip("/").replace("/", ".")


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_document_names_only_what_exists(document: Path) -> None:
    text = document.read_text()
    assert list(missing(text)) == []
    links = re.findall(r"\]\(([^)#:]+)\)|(?:src|srcset)=\"([^\"]+)\"", text)
    assert [link for pair in links for link in pair if not (document.parent / link).exists()] == []


@pytest.mark.parametrize(
    "text",
    [
        "`realtime/nothing.py`",
        "GET /api/nothing/",
        "`EARSHOT_NOTHING`",
        "`make nothing`",
        "manage.py nothing",
        "python -m nothing",
    ],
)
def test_checker_finds_what_does_not_exist(text: str) -> None:
    assert len(list(missing(text))) == 1
