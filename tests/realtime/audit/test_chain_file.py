"""A chain as a file: what it holds, what verifies of it, and what is refused as damaged."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from realtime.audit.chain_file import DamagedFile, Header, read, write
from realtime.audit.verifying import Verifier
from tests.realtime.audit.links import AT, KEYS, Links, end, links, said


@pytest.fixture
def path(tmp_path: Path) -> Path:
    chain: Links = links(4)
    path = tmp_path / "acme.jsonl"
    with path.open("wb") as file:
        assert write(file, Header("acme", 5, end(chain), AT), KEYS, chain) == 4
    return path


def found(path: Path) -> list[tuple[str, int, int]]:
    header, chain = read(path)
    assert header.slug == "acme"
    return said(Verifier(KEYS).all(chain, header.head))


def test_what_was_written_is_read(path: Path) -> None:
    header, chain = read(path)
    assert list(chain) == links(4)
    assert (header.tenant, header.at, header.head) == (5, AT, links(4)[-1][0].head)
    assert header.seal == header.sealed(KEYS)
    assert found(path) == []


def edit(path: Path, line: int, edit: Callable[[Any], Any]) -> None:
    lines = [json.loads(each) for each in path.read_text().splitlines()]
    lines[line] = edit(lines[line])
    path.write_text("".join(f"{json.dumps(each)}\n" for each in lines))


def test_line_that_was_edited_is_named(path: Path) -> None:
    edit(path, 2, lambda line: line | {"fact": line["fact"] | {"user_id": 8}})
    assert found(path) == [("edited", 2, 2)]


def test_lines_that_were_taken_out_are_named(path: Path) -> None:
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join([*lines[:2], *lines[3:]]))
    assert found(path) == [("missing", 2, 2)]
    path.write_text("".join(lines[:3]))
    assert found(path) == [("cut", 3, 4)]


def test_first_line_is_sealed_too(path: Path) -> None:
    """Else whoever cuts the file would say so in its first line."""
    edit(path, 0, lambda line: line | {"head": str(links(2)[-1][0].head)})
    header, _ = read(path)
    assert header.seal != header.sealed(KEYS)


BROKEN: list[Callable[[str], str]] = [
    lambda text: "",
    lambda text: text[:-1],
    lambda text: text[: len(text) // 2],
    lambda text: text.replace('"kind"', '"kin"', 1),
    lambda text: text.replace("earshot-ledger-1", "another"),
    lambda text: text.replace('"digest":"', '"digest":"x', 1),
    lambda text: text.replace('"sequence":2', '"sequence":"2"'),
    lambda text: re.sub(r'"fact":{[^}]*}', '"fact":[7]', text, count=1),
    lambda text: text.replace('"sequence":2', f'"sequence":{2**63}'),
    lambda text: text.replace('"kind":"', '"kind":"\\ud800', 1),
    lambda text: text.replace('"tenant_id":', '"tenant_id":Infinity,"x":', 1),
    lambda text: text.replace('"tenant":"', '"tenant":"\\ud800', 1),
    lambda text: "[" * 100_000 + "\n",
    lambda text: "[]\n" + text,
    lambda text: text + "7\n",
    lambda text: text.replace('"head":"4:', '"head":"x:'),
]


@pytest.mark.parametrize("broken", BROKEN)
def test_file_that_is_damaged_is_refused_with_the_line_and_what_to_do(
    path: Path, broken: Callable[[str], str]
) -> None:
    path.write_text(broken(path.read_text()))
    with pytest.raises(DamagedFile) as refused:
        found(path)
    assert str(refused.value).startswith(str(path))
    assert str(refused.value).endswith(". Export it again: manage.py review export --tenant ...")


def test_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DamagedFile, match="it cannot be read"):
        read(tmp_path / "none")


def test_bytes_that_are_no_text_are_refused(path: Path) -> None:
    path.write_bytes(b"\xff\xfe\n")
    with pytest.raises(DamagedFile, match="line 1: it is not whole"):
        read(path)
