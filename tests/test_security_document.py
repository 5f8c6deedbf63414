"""docs/security.md and SECURITY.md name what exists."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.core.management import get_commands
from django.urls import Resolver404, resolve

from tenants.limits import DEFAULTS
from tests.project.test_settings import documented

ROOT = Path(__file__).parent.parent
PAGES = {name: (ROOT / name).read_text() for name in ("docs/security.md", "SECURITY.md")}
TEXT = "\n".join(PAGES.values())
CODE = re.findall(r"`([^`\n]+)`", TEXT)
DEFENCES = re.findall(
    r"^\| (.+?) \| (.+?) \| (.+?) \|$",
    TEXT.split("## What is defended, and how\n")[1].split("\n## ")[0], re.MULTILINE,
)[2:]  # fmt: skip


def test_each_defence_names_tests_that_there_are() -> None:
    assert len(DEFENCES) > 12
    for threat, _, held_by in DEFENCES:
        files = re.findall(r"`(tests/[\w/]+\.py)`", held_by)
        assert files, threat
        assert [each for each in files if "\ndef test_" not in source(each)] == []


def source(path: str) -> str:
    """The file's text, in which a test of a coroutine is one as well."""
    return (ROOT / path).read_text().replace("\nasync def", "\ndef")


def test_settings_that_are_named_exist() -> None:
    known = documented() | {f"EARSHOT_{name.upper()}" for name in DEFAULTS}
    named = {word for word in CODE if re.fullmatch(r"[A-Z]+(_[A-Z]+)+", word)}
    assert len(named) > 6
    assert named <= known


@pytest.mark.parametrize(
    "address", sorted({w.split(" ")[-1] for w in CODE if re.search(r"(^| )/", w)})
)
def test_addresses_that_are_named_exist(address: str) -> None:
    try:
        resolve(address)
    except Resolver404:
        pytest.fail(f"{address} leads nowhere")


def test_commands_and_links_lead_somewhere() -> None:
    assert set(re.findall(r"manage\.py (\w+)", TEXT)) <= get_commands().keys()
    for name, text in PAGES.items():
        for link in re.findall(r"\]\(([\w./-]+)\)", text):
            assert (ROOT / name).parent.joinpath(link).exists(), link


def test_policy_invents_no_address_of_anybody() -> None:
    assert not re.search(r"[\w.]+@[\w.]+|https?://", TEXT)
