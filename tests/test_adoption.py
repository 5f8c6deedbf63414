"""The table of docs/adopting.md says how many lines it takes, and the patches are of this host."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from tests import adoption
from tests.test_readme import blocks, section

PAGE: Final = adoption.ROOT / "docs" / "adopting.md"
TITLES: Final = (
    "Settings", "An existing model", "Your organizations and their members", "Addresses",
)  # fmt: skip


def ours() -> int:
    """Return how many lines the page has a project write that has REST settings of its own."""
    found = [b for title in TITLES for b in blocks(section(title, PAGE), "python")]
    own = [block for block in found if "\nREST_FRAMEWORK =" not in block]
    lines = [line for block in own for line in block.splitlines()]
    return len([line for line in lines if line.strip() and not line.startswith("#")])


def test_table_has_the_lines_that_are_counted() -> None:
    table = section("Beside others", PAGE)
    cells = [line.strip("| ").split(" | ") for line in table.splitlines() if " | " in line]
    rows = {each[0]: each[1] for each in cells}
    found = {name: rows[name] for name in ("Earshot", *adoption.peers())}
    counted = {peer: adoption.written(peer) for peer in adoption.peers()}
    expected = {
        peer: f"{mine} and {made} generated" if made else f"{mine}"
        for peer, (mine, made) in counted.items()
    }
    assert found == {"Earshot": f"{ours()}", **expected}


def test_each_patch_adds_its_peer_to_the_host(tmp_path: Path) -> None:
    for peer in adoption.peers():
        settings = (adoption.adopted(peer, tmp_path) / "house" / "settings.py").read_text()
        name = {"django-pghistory": "pghistory"}.get(peer, peer.replace("-", "_"))
        assert f'"{name}"]' in settings
