"""Cursors: a place in a user's list of one model, signed, and shown as the object's opaque id."""

from __future__ import annotations

import re
from typing import Any, Final

from django.core.signing import BadSignature, Signer

from permissions.audiences import Resource
from tenants import opaque
from tenants.keys import Key

FORM: Final = re.compile(r"[0-9A-Za-z]+\.[0-9A-Za-z_-]{43}", re.ASCII)


class InvalidCursor(ValueError):
    """A cursor that was not made for this user, tenant and model by this server's key."""

    def __init__(self) -> None:
        super().__init__("This is no cursor of yours for this list: start from its beginning.")


def encode(resource: Resource, tenant_id: int, user_id: int, pk: Key) -> str:
    """Return the cursor of what comes after this object in the user's list."""
    return _signer(resource, tenant_id, user_id).sign(opaque.encode(resource.model, pk))


def decode(resource: Resource, tenant_id: int, user_id: int, cursor: Any) -> Key:
    """Return the key for which `encode` made this cursor; raise InvalidCursor.

    The object may be gone, or no longer the user's to see: the cursor still names its place.
    """
    if not isinstance(cursor, str) or not FORM.fullmatch(cursor):
        raise InvalidCursor
    try:
        spelled = _signer(resource, tenant_id, user_id).unsign(cursor)
    except BadSignature:
        raise InvalidCursor from None
    key = opaque.decode(resource.model, spelled)
    if key is None:
        raise InvalidCursor
    return key


def _signer(resource: Resource, tenant_id: int, user_id: int) -> Signer:
    return Signer(sep=".", salt=f"earshot.cursor/{tenant_id}/{user_id}/{resource.label}")
