"""Ids as clients see them: sqids, one fixed alphabet per model. They hide order, not secrets."""

import string
import sys
from functools import cache, lru_cache
from hashlib import sha256
from typing import Any

from django.db.models import Model
from rest_framework import serializers
from sqids import Sqids

MIN_LENGTH = 8
# Far above the longest id; decoding time grows with the square of the length.
MAX_LENGTH = 32


def encode(model: type[Model], pk: int) -> str:
    """Return the opaque id of the model's row with this key."""
    return _encode(_label(model), pk)


@lru_cache(maxsize=2**14)
def _encode(label: str, pk: int) -> str:
    # Cached, because it takes longer than anything else on a frame's way to one socket.
    return _sqids(label).encode([pk])


def decode(model: type[Model], text: str) -> int | None:
    """Return the key that `encode` spells exactly like this, or None."""
    if len(text) > MAX_LENGTH:
        return None
    match _sqids(_label(model)).decode(text):
        case [pk] if pk <= sys.maxsize and encode(model, pk) == text:
            return pk
    return None


class OpaqueIdField(serializers.CharField):
    """The opaque id of a row of `model`, whose key is in `source`; read-only."""

    def __init__(self, model: type[Model], *, source: str = "pk", **kwargs: Any) -> None:
        self.model = model
        super().__init__(**{**kwargs, "source": source, "read_only": True})

    def to_representation(self, value: Any) -> str:
        return encode(self.model, value)


def _label(model: type[Model]) -> str:
    # A proxy shows the same rows.
    return (model._meta.concrete_model or model)._meta.label_lower


@cache
def _sqids(label: str) -> Sqids:
    characters = string.ascii_letters + string.digits
    shuffled = sorted(characters, key=lambda char: sha256((label + char).encode()).digest())
    return Sqids(alphabet="".join(shuffled), min_length=MIN_LENGTH)
