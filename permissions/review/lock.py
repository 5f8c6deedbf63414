"""The lock: the catalogue as somebody has accepted it, in a committed file."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from permissions.review.entries import Catalogue, Entry
from permissions.review.forms import NoForm, decode, encode

NAME: Final = "audiences.lock.json"
ACCEPT: Final = "manage.py review --accept"
MARK: Final = "earshot.audiences"
FORMAT: Final = 1
ANEW: Final = f"look at what `manage.py review` shows, then write it anew: {ACCEPT}"
MOST: Final = 64 * 2**20
"""The size of a file that is taken for a lock, in bytes."""

INLINE: Final = 6
"""The depth from which an object is written on one line: that of a payload's field."""


class UnusableLock(Exception):
    """A lock that cannot be compared with; `why` says what is wrong, `todo` what to do."""

    def __init__(self, name: str, why: str, todo: str = ANEW) -> None:
        self.name = name
        self.why = why
        self.todo = todo
        super().__init__(f"{name} {why}: {todo}.")


def dumps(catalogue: Catalogue, *, places: bool = False) -> str:
    """Return the lock's text, a line a field; with `places`, also where audiences are declared."""
    models = catalogue if places else {name: _bare(entry) for name, entry in catalogue.items()}
    return _text({"lock": MARK, "format": FORMAT, "models": encode(models)}) + "\n"


def _bare(entry: Entry) -> Entry:
    shown = {name: replace(audience, where=None) for name, audience in entry.audiences.items()}
    return replace(entry, audiences=shown)


def _text(value: Any, depth: int = 0) -> str:
    if not isinstance(value, dict) or not value or depth >= INLINE:
        return json.dumps(value, ensure_ascii=False)
    indent = "  " * (depth + 1)
    lines = (f"{indent}{json.dumps(name)}: {_text(v, depth + 1)}" for name, v in value.items())
    return "{\n" + ",\n".join(lines) + "\n" + "  " * depth + "}"


def loads(text: str, name: str = NAME) -> Catalogue:
    """Return the catalogue that was accepted; raises UnusableLock."""
    if "<<<<<<<" in text:
        raise UnusableLock(
            name, "has the marks of a merge that is not done", "merge it, or " + ANEW
        )
    try:
        data = json.loads(text, object_pairs_hook=_once)
    except ValueError as error:
        raise UnusableLock(name, f"is damaged ({error})") from error
    except RecursionError as error:
        raise UnusableLock(name, "is damaged (it is nested too deeply)") from error
    _check_format(data, name)
    try:
        models: Catalogue = decode(Catalogue, data.get("models"), "models")
    except NoForm as error:
        raise UnusableLock(name, f"is damaged ({error})") from error
    for label, entry in models.items():
        if not {*entry.holders.values(), *entry.roles.values()} <= entry.audiences.keys():
            raise UnusableLock(name, f"is damaged ({label} gives audiences that it has not)")
    return models


def _check_format(data: Any, name: str) -> None:
    if not isinstance(data, dict) or data.get("lock") != MARK:
        raise UnusableLock(name, "is no lock of audiences")
    found = data.get("format")
    if type(found) is not int:
        raise UnusableLock(name, "does not say its format")
    if found < FORMAT:
        raise UnusableLock(name, f"is of an older release (format {found}, this one is {FORMAT})")
    if found > FORMAT:
        todo = "run the release that wrote it, or " + ANEW
        raise UnusableLock(name, f"is of a newer release (format {found})", todo)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Refuse a key that occurs twice, as after a merge: only one of the two would be compared."""
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"{twice!r} is there twice")
    return found


def read(path: Path) -> Catalogue:
    """Return the lock in this file; raises UnusableLock."""
    try:
        if path.exists() and not path.is_file():  # of a pipe or a device, reading has no end
            raise UnusableLock(path.name, "is no file")
        if path.stat().st_size > MOST:
            raise UnusableLock(path.name, "is larger than any lock")
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise UnusableLock(path.name, "is not there") from error
    except (OSError, UnicodeDecodeError) as error:
        raise UnusableLock(path.name, f"cannot be read ({type(error).__name__})") from error
    return loads(text, path.name)


def write(path: Path, catalogue: Catalogue) -> None:
    """Accept the catalogue; concurrent readers see the old lock or the new one. Raises UnusableLock
    where it cannot be written."""
    real = path.resolve()  # a link stays one
    part = real.with_name(f".{real.name}.part")
    try:
        part.write_text(dumps(catalogue), encoding="utf-8")
        part.replace(real)
    except OSError as error:
        why = f"cannot be written ({type(error).__name__})"
        raise UnusableLock(path.name, why, "name a file that may be written by --lock") from error
