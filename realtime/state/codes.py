"""Every code a client meets: close codes with what it should do, and error codes."""

from __future__ import annotations

from enum import IntEnum, StrEnum


class Close(IntEnum):
    """Close codes. From 3000 up, because only those pass every ASGI server unchanged."""

    ENDED = 1000  # by an administrator: do not reconnect by yourself
    UNUSABLE = 4400  # unusable request: do not retry
    CREDENTIALS = 4401  # missing, expired or revoked: get new ones first
    FORBIDDEN = 4403  # not, or no longer, a member of this tenant: do not retry
    TOO_SLOW = 4408  # reconnect, resubscribe with etags
    TOO_BIG = 4413  # frame too big: do not retry
    TOO_MANY = 4429  # sockets or frames: reconnect after the `retry` window
    SERVER_ERROR = 4500  # reconnect with growing, jittered delays
    GOING_AWAY = 4503  # restart: reconnect at a random moment in the `retry` window


class Error(StrEnum):
    """Codes of ERROR frames."""

    NOT_FOUND = "not_found"
    INVALID = "invalid"
    TOO_MANY_SUBSCRIPTIONS = "too_many_subscriptions"
    RATE_LIMITED = "rate_limited"
    UNAVAILABLE = "unavailable"
