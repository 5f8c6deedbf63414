"""A tenant's chain as a file of JSON lines, which can be verified with the key, without a database.

The first line is sealed, and names the tenant and the head of the chain; each further line is an
entry with its fact, which is null if the row was gone.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final

from realtime.audit.chain import LARGEST, Entry, Fact, Head, Keys, canonical

FORMAT: Final = "earshot-ledger-1"


class DamagedFile(Exception):
    """A file was not written by `export`, or is incomplete."""

    def __init__(self, path: Path, why: str, line: int = 0) -> None:
        super().__init__(path, why, line)
        self.path = path
        self.why = why
        self.line = line

    def __str__(self) -> str:
        where = f"{self.path}, line {self.line}" if self.line else str(self.path)
        return f"{where}: {self.why}. Export it again: manage.py review export --tenant ..."


@dataclass(frozen=True, slots=True)
class Header:
    """The first line of a file."""

    slug: str
    tenant: int
    head: Head
    at: str
    key: str = ""
    seal: bytes = b""

    def sealed(self, keys: Keys) -> bytes:
        """Return the seal that it should have; raises UnknownKey."""
        return keys.mac(
            self.key, ["export", self.slug, self.tenant, str(self.head), self.at, self.key]
        )


def write(
    output: IO[bytes], header: Header, keys: Keys, chain: Iterable[tuple[Entry, Fact | None]]
) -> int:
    """Write a chain; return the number of lines, without the header."""
    own = Header(header.slug, header.tenant, header.head, header.at, keys.current)
    first = {"format": FORMAT, "tenant": own.slug, "tenant_id": own.tenant, "at": own.at}
    seal = {"head": str(own.head), "key": own.key, "seal": own.sealed(keys).hex()}
    output.write(canonical(first | seal) + b"\n")
    lines = 0
    for lines, (entry, fact) in enumerate(chain, 1):  # noqa: B007 - the last number is returned
        output.write(canonical(_line(entry, fact)) + b"\n")
    return lines


def _line(entry: Entry, fact: Fact | None) -> dict[str, Any]:
    return {
        "sequence": entry.sequence,
        "at": entry.at,
        "kind": entry.kind,
        "row": entry.row,
        "how": entry.how,
        "seal": entry.seal.hex(),
        "digest": entry.digest.hex(),
        "key": entry.key,
        "fact": fact,
    }


def read(path: Path) -> tuple[Header, Iterator[tuple[Entry, Fact | None]]]:
    """Return a file's header and its entries, which are read lazily; both the call and the
    iteration raise DamagedFile."""
    lines = _lines(path)
    first = next(lines, None)
    if first is None:
        raise DamagedFile(path, "it is empty")
    try:
        if first["format"] != FORMAT:
            raise ValueError
        head, seal = Head.parse(first["head"]), bytes.fromhex(first["seal"])
        slug, at, key = (_text(str(first[name])) for name in ("tenant", "at", "key"))
        header = Header(slug, int(first["tenant_id"]), head, at, key, seal)
    except (AttributeError, KeyError, OverflowError, TypeError, ValueError):
        raise DamagedFile(path, "it does not begin as an export of a ledger", 1) from None
    return header, _entries(path, header.tenant, lines)


def _lines(path: Path) -> Iterator[Any]:
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, 1):
                try:
                    if not line.endswith(b"\n"):
                        raise ValueError
                    yield json.loads(line)
                except (ValueError, RecursionError):
                    raise DamagedFile(path, "it is not whole", number) from None
    except OSError as error:
        raise DamagedFile(path, f"it cannot be read ({error.strerror})") from None


def _entries(path: Path, tenant: int, lines: Iterator[Any]) -> Iterator[tuple[Entry, Fact | None]]:
    for number, line in enumerate(lines, 2):
        try:
            yield _entry(tenant, line), _fact(line["fact"])
        except (KeyError, TypeError, ValueError):
            raise DamagedFile(path, "it is no entry of a chain", number) from None


def _entry(tenant: int, line: Any) -> Entry:
    for name, of in (("sequence", int), ("row", int), ("at", str), ("kind", str), ("how", str)):
        if type(line[name]) is not of:
            raise TypeError
    if max(line["sequence"], line["row"]) > LARGEST:
        raise ValueError
    for name in ("at", "kind", "how"):
        _text(line[name])
    return Entry(
        tenant=tenant,
        sequence=line["sequence"],
        at=line["at"],
        kind=line["kind"],
        row=line["row"],
        how=line["how"],
        seal=bytes.fromhex(line["seal"]),
        digest=bytes.fromhex(line["digest"]),
        key=_text(str(line["key"])),
    )


def _text(value: str) -> str:
    """Return the text; raises ValueError if UTF-8 cannot express it, as JSON can."""
    value.encode()
    return value


def _fact(fact: Any) -> Fact | None:
    if fact is not None and not isinstance(fact, dict):
        raise TypeError
    return fact
