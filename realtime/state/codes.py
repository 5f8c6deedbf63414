"""Every code a client meets: close codes with what it should do, and error codes."""

from __future__ import annotations

from enum import IntEnum, StrEnum


class Close(IntEnum):
    """Close codes. From 3000 up, because only those pass every ASGI server unchanged."""

    meaning: str
    do: str

    def __new__(cls, code: int, meaning: str = "", do: str = "") -> Close:
        """Return the code, with what it means and what a client should do."""
        made = int.__new__(cls, code)
        made._value_ = code
        made.meaning, made.do = meaning, do
        return made

    ENDED = 1000, "ended by an administrator", "do not reconnect by yourself"
    UNUSABLE = 4400, "unusable request: ten invalid frames, or no tenant named", "do not retry"
    CREDENTIALS = 4401, "credential missing, expired or revoked", "get a new one first"
    FORBIDDEN = 4403, "not, or no longer, a member of this tenant", "do not retry"
    TOO_SLOW = (
        4408,
        "too slow, or a message that does not arrive completely",
        "reconnect, subscribe with etags",
    )
    TOO_BIG = 4413, "frame too big (1009 where the server refuses it first)", "do not retry"
    TOO_MANY = 4429, "too many sockets or frames", "reconnect after the `retry` window"
    SERVER_ERROR = 4500, "server error", "reconnect with growing, jittered delays"
    GOING_AWAY = (
        4503,
        "going away",
        "reconnect at a random moment in the `retry` window, subscribe with etags",
    )


class Error(StrEnum):
    """Codes of ERROR frames."""

    NOT_FOUND = "not_found"
    INVALID = "invalid"
    TOO_MANY_SUBSCRIPTIONS = "too_many_subscriptions"
    RATE_LIMITED = "rate_limited"
    UNAVAILABLE = "unavailable"
