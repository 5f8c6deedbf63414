"""Ids as clients see them: sqids, one fixed alphabet per model. They hide order, not secrets."""

import string
import sys
from collections.abc import Sequence
from functools import cache, lru_cache
from hashlib import sha256, shake_256
from typing import Any
from uuid import UUID

from django.db.models import Model
from rest_framework import serializers
from sqids import Sqids

from tenants.keys import INTEGER, TEXT, UNIQUE, Key, field_of, kind_of

MIN_LENGTH = 8
# Far above the longest id of a number, and just that of a UUID; decoding time grows with the square
# of the length.
MAX_LENGTH = 32
PIECE = 7
"""How many bytes of a key that is no number are one number: sqids has none above 2⁶³."""

TAG = 4
"""How many bytes depend on all of such a key, and hide what keys have in common."""


def encode(model: type[Model], pk: Key) -> str:
    """Return the opaque id of the model's row with this key."""
    return _encode(_label(model), pk)


@lru_cache(maxsize=2**14)
def _encode(label: str, pk: Key) -> str:
    # Cached, because it takes longer than anything else on a frame's way to one socket.
    if isinstance(pk, int):
        return _sqids(label).encode([pk])
    data = pk.bytes if isinstance(pk, UUID) else pk.encode()
    tag = _tag(label, data)
    mixed = tag + _mixed(label, tag, data)
    pieces = (mixed[start : start + PIECE] for start in range(0, len(mixed), PIECE))
    return _sqids(label).encode([int.from_bytes(b"\1" + piece) for piece in pieces])


@lru_cache(maxsize=2**12)
def decode(model: type[Model], text: str) -> Key | None:
    """Return the key that `encode` spells exactly like this, or None."""
    # Cached, because a request asks several times.
    if len(text) > _longest(model):
        return None
    numbers = _sqids(_label(model)).decode(text)
    pk = _key(model, numbers) if numbers and max(numbers) <= sys.maxsize else None
    return None if pk is None or encode(model, pk) != text else pk


class OpaqueIdField(serializers.CharField):
    """The opaque id of a row of `model`, whose key is in `source`; read-only."""

    def __init__(self, model: type[Model], *, source: str = "pk", **kwargs: Any) -> None:
        self.model = model
        super().__init__(**{**kwargs, "source": source, "read_only": True})

    def to_representation(self, value: Any) -> str:
        return encode(self.model, value)


def _key(model: type[Model], numbers: Sequence[int]) -> Key | None:
    """Return the key that these numbers may stand for."""
    kind = kind_of(model)
    if kind == INTEGER:
        return numbers[0] if len(numbers) == 1 else None
    mixed = b"".join(n.to_bytes(PIECE + 1).lstrip(b"\0")[1:] for n in numbers)
    data = _mixed(_label(model), mixed[:TAG], mixed[TAG:])
    if kind == UNIQUE:
        return UUID(bytes=data) if len(data) == 16 else None
    try:
        pk = data.decode()
    except UnicodeDecodeError:
        return None
    return None if "\0" in pk or len(pk) > (field_of(model).max_length or 0) else pk


def _tag(label: str, data: bytes) -> bytes:
    return sha256(label.encode() + b"\0" + data).digest()[:TAG]


def _mixed(label: str, tag: bytes, data: bytes) -> bytes:
    """Return the key's bytes so that they show nothing of the order; twice, it gives them back."""
    stream = shake_256(tag + label.encode()).digest(len(data))
    return bytes(one ^ other for one, other in zip(data, stream, strict=True))


@cache
def _longest(model: type[Model]) -> int:
    """Return how long the model's ids are at most."""
    if kind_of(model) != TEXT:
        return MAX_LENGTH
    size = TAG + 4 * (field_of(model).max_length or 0)  # of UTF-8
    return MIN_LENGTH + 11 * -(-size // PIECE)


@cache
def _label(model: type[Model]) -> str:
    # A proxy shows the same rows. Ids never change: they are older than our labels' prefix.
    label: str = (model._meta.concrete_model or model)._meta.label_lower
    return label.removeprefix("earshot_")


@cache
def _sqids(label: str) -> Sqids:
    characters = string.ascii_letters + string.digits
    shuffled = sorted(characters, key=lambda char: sha256((label + char).encode()).digest())
    return Sqids(alphabet="".join(shuffled), min_length=MIN_LENGTH)
