"""Every limit and period, with its default: the one place where they are documented.

`EARSHOT_<NAME>` in the environment sets one; `settings.EARSHOT["<name>"]` holds it, and may be
absent. `docs/settings.md` shows the same table, and a test keeps the two equal.
"""

import math
from collections import ChainMap
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from django.conf import settings
from django.core.exceptions import ValidationError

from tenants.limit_rules import bounds, check_together


class InvalidLimit(ValueError):
    """A limit that is not a number, or not one that makes sense."""

    def __init__(self, limit: "Limit", text: str) -> None:
        super().__init__(limit, text)
        self.limit = limit
        self.text = text

    def __str__(self) -> str:
        kind = "a whole number" if isinstance(self.limit.default, int) else "a number"
        least, most = bounds(self.limit.name, self.limit.default)
        bound = "0 or more" if self.limit.zero else f"{least:g} or more" if least else "above 0"
        bound += f" and at most {most:.12g}"
        return f"{self.limit.variable} must be {kind}, {bound}; it is {self.text!r}."


class Limit(NamedTuple):
    """A number that the environment may set; it has the type of its default."""

    name: str
    default: int | float
    purpose: str
    zero: bool = False

    @property
    def variable(self) -> str:
        return f"EARSHOT_{self.name.upper()}"

    def parse(self, text: str) -> int | float:
        """Return the number that `text` spells, or raise `InvalidLimit`."""
        try:
            value = type(self.default)(text)
        except ValueError:
            raise InvalidLimit(self, text) from None
        least, most = bounds(self.name, self.default)
        if not math.isfinite(value) or value < 0 or (value == 0 and not self.zero):
            raise InvalidLimit(self, text)
        if value > most or 0 < value < least:
            raise InvalidLimit(self, text)
        return value


LIMITS = (
    # Keeping up
    Limit("tail_seconds", 2.0, "How often each process reads the changes that it may have missed."),
    Limit(
        "listen",
        0,
        "1: what other programs write is told at once; PostgreSQL, `migrate` after a change.",
        zero=True,
    ),
    Limit("sweep_seconds", 60.0, "Time in which all live subscriptions are read again."),
    Limit("sweep_budget", 0.1, "How much of a core the sweep may take; then it takes longer."),
    Limit(
        "process_lost_seconds", 15.0, "Time without a beat after which a process counts as lost."
    ),
    Limit("patience_seconds", 10.0, "How long payloads wait for a database that fails."),
    Limit("beat_seconds", 1.0, "How often each process looks whether the broker is there."),
    Limit("round_size", 500, "How many subscriptions are read in one database snapshot."),
    # Parts
    Limit("executor_threads", 8, "Threads of each process that read for its sockets."),
    Limit("database_connections", 24, "PostgreSQL connections of each process for requests."),
    Limit("hub_connections", 16, "PostgreSQL connections of each process for its sockets."),
    Limit("connection_seconds", 3.0, "How long to wait for a connection to PostgreSQL."),
    Limit("answer_seconds", 5.0, "How long a server waits for PostgreSQL to answer a statement."),
    Limit("turns_per_tenant", 8, "Requests of one tenant that a process works on at a time."),
    Limit("turn_seconds", 20.0, "How long a tenant's other requests wait for their turn."),
    Limit("database_seconds", 20.0, "How long to wait for a locked SQLite file."),
    Limit("broker_timeout_seconds", 1.0, "How long a publish or a join waits for the broker."),
    Limit("proxies", 0, "How many reverse proxies add to `X-Forwarded-For`.", zero=True),
    Limit("hsts_seconds", 31_536_000, "How long browsers keep to TLS, with `EARSHOT_TLS` on."),
    # Sockets
    Limit("heartbeat_seconds", 20, "Time between the server's pings."),
    Limit("stalled_seconds", 10.0, "How long a socket may take nothing that waits for it."),
    Limit("cut_seconds", 1.0, "How long a close frame may take before the transport is cut."),
    Limit("socket_bytes", 2_097_152, "Bytes that wait for one socket, in all its queues."),
    Limit("client_frame_bytes", 16_384, "Size of a client's frame."),
    Limit("message_seconds", 10.0, "How long a client's message may take to arrive whole."),
    Limit("frames_per_second", 50, "Frames of a client that are answered, in the long run."),
    Limit("frames_burst", 1_000, "Frames of a client that are answered at once."),
    Limit("invalid_frames", 10, "Invalid frames in a row that end a socket."),
    Limit("subscriptions_per_socket", 1_000, "Subscriptions of one socket."),
    Limit("preframed", 0, "1: frames go to uvicorn's transport ready for all sockets.", zero=True),
    Limit("drain_seconds", 5.0, "Over how long the sockets of a process that ends are closed."),
    Limit("sockets_per_user", 50, "Sockets of one user."),
    Limit("sockets_per_tenant", 10_000, "Sockets of one tenant."),
    Limit("retry_min_seconds", 1.0, "Beginning of the window in which clients reconnect."),
    Limit("retry_max_seconds", 15.0, "End of the window in which clients reconnect."),
    # REST and credentials
    Limit("token_hours", 10, "Life of a token."),
    Limit("ticket_seconds", 30, "Life of a socket ticket."),
    Limit(
        "login_failures_per_username", 10, "Failed logins a minute for a username at one address."
    ),
    Limit("login_failures_per_address", 100, "Failed logins a minute from one address."),
    Limit(
        "login_failures_of_strangers",
        100,
        "Failed logins a minute for a username at all addresses unknown for its user.",
    ),
    Limit(
        "logins_per_username",
        300,
        "Logins a minute for a username at one address, successful ones included.",
    ),
    Limit("hashing_seconds", 5.0, "How long a password waits for its turn to be hashed."),
    Limit(
        "hashing_waiting",
        100,
        "Passwords that may wait for their turn; a quarter of them of one address.",
    ),
    Limit(
        "passwords_at_once",
        2,
        "Requests of one address that are about a password and at work at once.",
    ),
    Limit("resets_per_email", 3, "Links to a new password that are sent to one e-mail a minute."),
    Limit(
        "resets_per_address",
        30,
        "Links to a new password that one address may ask for in a minute.",
    ),
    Limit("password_link_hours", 72, "Life of a link to set a password."),
    Limit("invitations_per_minute", 60, "People whom the admins of one tenant invite in a minute."),
    Limit(
        "invitations_per_person",
        10,
        "Invitations of one and the same person a minute, by one tenant.",
    ),
    Limit("requests_per_minute", 6_000, "REST requests a minute of one user."),
    Limit("body_bytes", 2_621_440, "Size of a request's body."),
    Limit("bodies_bytes", 67_108_864, "Bytes of large bodies that may be arriving at a process."),
    Limit("body_seconds", 30.0, "How long a request's body may take to arrive."),
    Limit("body_values", 20_000, "Values in a request's JSON."),
    Limit("page_size", 25, "Entries on a page of a list."),
    Limit("page_size_max", 100, "Entries that a client may ask for on a page."),
    Limit("page_bytes", 4_194_304, "Size of a page; a page of a single entry may be larger."),
    Limit(
        "answers_bytes_per_user",
        16_777_216,
        "Bytes of large answers that one user has not read yet.",
    ),
    Limit(
        "answers_bytes_per_tenant",
        67_108_864,
        "Bytes of large answers that all users of one tenant have not read yet.",
    ),
    Limit(
        "answers_bytes",
        268_435_456,
        "Bytes of large answers that are not read yet, in each process.",
    ),
)


def read_limits(environ: Mapping[str, str]) -> dict[str, Any]:
    """Return every limit by name; an empty variable counts as absent."""
    values = {
        limit.name: limit.parse(text) if (text := environ.get(limit.variable)) else limit.default
        for limit in LIMITS
    }
    check_together(values)
    return values


DEFAULTS: Final = read_limits({})


OF_TENANT: Final = frozenset(
    {
        "client_frame_bytes", "frames_per_second", "frames_burst", "invalid_frames",
        "requests_per_minute", "socket_bytes", "sockets_per_tenant", "sockets_per_user",
        "stalled_seconds", "subscriptions_per_socket",
    }
)  # fmt: skip
"""Those that a tenant may have for itself."""

OF_SERVER: Final = frozenset({"client_frame_bytes"})
"""Those of them that the server applies first, before it knows the tenant."""


def limits(own: Mapping[str, Any] | None = None) -> Mapping[str, Any]:
    """Every limit by name: a tenant's own, those that `settings.EARSHOT` sets, the defaults."""
    return ChainMap(dict(own or {}), getattr(settings, "EARSHOT", {}), DEFAULTS)


def check_own(own: Any) -> None:
    """Raise ValidationError unless these are limits that a tenant may have for itself."""
    if not isinstance(own, dict):
        raise ValidationError("Not an object of limits.")
    known = {limit.name: limit for limit in LIMITS if limit.name in OF_TENANT}
    for name, value in own.items():
        if name not in known:
            raise ValidationError(f"{name!r} is none of {', '.join(sorted(known))}.")
        try:
            known[name].parse(str(value))
        except InvalidLimit as error:
            raise ValidationError(str(error)) from error
        if type(value) not in (int, type(known[name].default)):
            raise ValidationError(f"{name} must be a number.")
        if name in OF_SERVER and value > (most := limits()[name]):
            raise ValidationError(f"{name} must be at most {most}, what the server takes.")
