"""docs/clients.md is run: its Python against a real server, and its commands are understood.

Its JavaScript runs in `tests/test_javascript_client.py`.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import shlex
from pathlib import Path
from typing import Any

import pytest

from bench import lines
from realtime.client.__main__ import arguments
from realtime.client.closes import FINAL
from tests.client import in_thread
from tests.conftest import StartServer
from tests.world import World

ROOT = Path(__file__).parent.parent
DOCUMENT = (ROOT / "docs" / "clients.md").read_text()


def blocks(language: str) -> list[str]:
    """The document's blocks of code in a language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", DOCUMENT, re.MULTILINE | re.DOTALL)


async def test_python_of_the_document_follows_a_list_and_an_object(
    start_server: StartServer, world: World
) -> None:
    """The object until it is taken away; the list until it is no longer listened to."""
    server = await in_thread(start_server)("uvicorn", EARSHOT_TAIL_SECONDS="0.2")
    lines: list[tuple[Any, ...]] = []
    revoked = asyncio.Event()

    def show(*line: Any) -> None:
        lines.append(line)
        if line[0] == "live":
            revoked.set()

    [source] = blocks("python")
    names: dict[str, Any] = {"print": show}
    exec(source.replace("earshot.client", "realtime.client"), names)
    token = await in_thread(world.token)("viewer")
    following = asyncio.create_task(names["follow"](server.socket_url, token, world.id))
    await revoked.wait()
    await in_thread(world.revoke)("viewer")
    await following
    assert [line[:2] for line in lines] == [("pending", None), ("live", "viewer"), ("gone", None)]
    lines.clear()
    revoked.clear()
    token = await in_thread(world.token)("owner")
    listing = asyncio.create_task(names["show_drafts"](server.socket_url, token))
    await revoked.wait()
    assert lines[-1][:2] == ("live", ["Plan"])
    listing.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await listing


def test_commands_of_the_document_are_understood() -> None:
    commands = [line for block in blocks("sh") for line in block.splitlines() if "client " in line]
    named = [arguments(shlex.split(line.split("earshot.client ")[1])) for line in commands]
    assert [(each.id, each.limit) for each in named] == [("YPZ3r7Kk", None), (None, 20)]


def test_codes_after_which_clients_stay_away_are_those_of_the_document() -> None:
    [named] = re.findall(r"They stay away after ([\d, and]+)\.", DOCUMENT)
    assert set(map(int, re.findall(r"\d+", named))) == FINAL


@pytest.mark.parametrize("path", re.findall(r"`((?:tests|docs)/[\w/]+\.\w+)`", DOCUMENT))
def test_files_that_the_document_names_are_there(path: str) -> None:
    assert (ROOT / path).is_file()


def test_lines_of_the_same_page_are_those_that_are_counted() -> None:
    rows = re.findall(r"^\| ([A-Z][\w ]+) \| (\d+) \| .* \|$", DOCUMENT, re.MULTILINE)
    assert dict(rows) == {who: str(lines.lines(name)) for name, who in lines.CLIENTS.items()}
    pages = {path.stem for path in lines.FOLDER.glob("*.tsx")}
    assert pages == {*lines.CLIENTS, "common"}
