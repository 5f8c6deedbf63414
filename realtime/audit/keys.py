"""The keys that seal the ledger, from the settings."""

from __future__ import annotations

import hmac
from typing import Final

from django.conf import settings

from realtime.audit.chain import Keys

PURPOSE: Final = b"earshot ledger"


def keys() -> Keys:
    """Return the key that seals, which is the first of `LEDGER_KEYS`, and those before it.

    The last is made of `SECRET_KEY`, and seals where there is no other.
    """
    own = [*getattr(settings, "LEDGER_KEYS", ()), derived(settings.SECRET_KEY)]
    return Keys([key.encode() for key in own])


def derived(secret: str) -> str:
    """Return the key that a `SECRET_KEY` gives, as text that settings can hold."""
    return hmac.digest(secret.encode(), PURPOSE, "sha256").hex()
