"""Entries as JSON and back; JSON in any other form is refused, with the place of the fault."""

from __future__ import annotations

import types
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from typing import Any, get_args, get_origin, get_type_hints


class NoForm(ValueError):
    """A part of the JSON has the wrong form; `path` says where, such as `models/a.b/audiences`."""

    def __init__(self, path: str, wanted: str) -> None:
        self.path = path
        self.wanted = wanted
        super().__init__(f"{path or 'it'} is not {wanted}")


def encode(value: Any) -> Any:
    """Return the value as JSON; an entry's defaults are left out."""
    if is_dataclass(value):
        return {
            f.name: encode(getattr(value, f.name))
            for f in fields(value)
            if not _is_default(f, getattr(value, f.name))
        }
    if isinstance(value, Mapping):
        return {name: encode(each) for name, each in value.items()}
    return [encode(each) for each in value] if isinstance(value, tuple) else value


def _is_default(field: Any, value: Any) -> bool:
    if field.default_factory is not MISSING:
        return bool(value == field.default_factory())
    return field.default is not MISSING and bool(value == field.default)


def decode(kind: Any, data: Any, path: str = "") -> Any:
    """Return the value of this type that the JSON represents; raises NoForm."""
    if is_dataclass(kind):
        return _decode_entry(kind, data, path)
    if isinstance(kind, types.UnionType):
        [inner] = [each for each in get_args(kind) if each is not type(None)]
        return None if data is None else decode(inner, data, path)
    origin, inner = get_origin(kind), get_args(kind)
    if origin is Mapping:
        _check(isinstance(data, dict), path, "an object")
        return {name: decode(inner[1], each, f"{path}/{name}") for name, each in data.items()}
    if origin is tuple:
        _check(isinstance(data, list), path, "a list")
        return tuple(decode(inner[0], each, path) for each in data)
    _check(type(data) is kind, path, kind.__name__)
    return data


def _decode_entry(kind: Any, data: Any, path: str) -> Any:
    _check(isinstance(data, dict), path, "an object")
    hints = get_type_hints(kind)
    for name in data:
        _check(name in hints, f"{path}/{name}", f"a part of {kind.__name__}")
    for field in fields(kind):
        needed = field.default is MISSING and field.default_factory is MISSING
        _check(not needed or field.name in data, path, f"{kind.__name__} with {field.name!r}")
    return kind(**{n: decode(hints[n], each, f"{path}/{n}") for n, each in data.items()})


def _check(right: bool, path: str, wanted: str) -> None:
    if not right:
        raise NoForm(path.lstrip("/"), wanted)
