"""The keys that seal the ledger, from the settings."""

from __future__ import annotations

import hmac
from typing import Final

from django.conf import settings

from realtime.audit.chain import Keys

PURPOSE: Final = b"earshot ledger"


def keys() -> Keys:
    """Return the keys of `LEDGER_KEYS`, of which the first one seals, and one more.

    That last one is derived from `SECRET_KEY`, and seals if there is no other.
    """
    own = [*getattr(settings, "LEDGER_KEYS", ()), derived(settings.SECRET_KEY)]
    return Keys([key.encode() for key in own])


def derived(secret: str) -> str:
    """Return the key derived from a `SECRET_KEY`, as text that a setting can hold."""
    return hmac.digest(secret.encode(), PURPOSE, "sha256").hex()
