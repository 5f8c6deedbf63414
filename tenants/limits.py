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

from tenants import limit_names
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
        return limit_names.variable(self.name)

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

    def why_not(self, value: Any) -> str | None:
        """Return why this cannot be the limit's value in code, or None if it can."""
        try:
            self.parse(str(value))
        except InvalidLimit as error:
            return str(error)
        is_number = type(value) in (int, type(self.default))
        return None if is_number else f"{self.name} must be a number."


LIMITS = (
    # Keeping up
    Limit("tail_seconds", 2.0, "How often each process reads changes it may have missed."),
    Limit(
        "listen",
        0,
        "1: writes by other programs are announced at once; PostgreSQL only, needs `migrate`.",
        zero=True,
    ),
    Limit("sweep_seconds", 60.0, "Period in which every live subscription is read again."),
    Limit(
        "sweep_budget",
        0.1,
        "Share of a core the sweep may use, and the oracle too; beyond that they run late.",
    ),
    Limit(
        "process_lost_seconds",
        15.0,
        "Time without a heartbeat after which a process is presumed dead.",
    ),
    Limit("chain_seconds", 10.0, "How often what was written to the ledger is added to its chain."),
    Limit(
        "reads_waiting",
        10_000,
        "Reads over REST that wait to be recorded; beyond that, requests record them themselves.",
    ),
    Limit("patience_seconds", 10.0, "How long payloads wait while the database fails."),
    Limit("broker_probe_seconds", 1.0, "How often each process probes the broker."),
    Limit(
        "round_size",
        500,
        "Objects read in one database snapshot, for at most ten times as many readers.",
    ),
    Limit(
        "oracle",
        0.0,
        "Share of delivered frames that are compared with what REST answers their reader.",
        zero=True,
    ),
    Limit(
        "oracle_bytes", 16_777_216, "Bytes of frames that wait to be compared; more are left out."
    ),
    # Parts
    Limit("executor_threads", 8, "Threads per process that read for its sockets."),
    Limit("database_connections", 24, "PostgreSQL connections per process for requests."),
    Limit("hub_connections", 16, "PostgreSQL connections per process for its sockets."),
    Limit("connection_seconds", 3.0, "How long to wait for a PostgreSQL connection."),
    Limit(
        "answer_seconds",
        5.0,
        "How long a server process waits for PostgreSQL to answer a statement.",
    ),
    Limit("turns_per_tenant", 8, "Requests of one tenant that a process handles at a time."),
    Limit("turn_seconds", 20.0, "How long further requests of that tenant wait for their turn."),
    Limit("database_seconds", 20.0, "How long to wait for a locked SQLite file."),
    Limit(
        "broker_timeout_seconds", 1.0, "How long a publish or a group join waits for the broker."
    ),
    Limit(
        "proxies", 0, "Number of trusted reverse proxies that add to `X-Forwarded-For`.", zero=True
    ),
    Limit(
        "hsts_seconds", 31_536_000, "How long browsers must use TLS (HSTS), with `EARSHOT_TLS` on."
    ),
    # Sockets
    Limit("ping_seconds", 20, "Time between the server's WebSocket pings."),
    Limit(
        "stalled_seconds",
        10.0,
        "How long a socket may accept nothing while data is waiting for it.",
    ),
    Limit("cut_seconds", 1.0, "How long a close frame may take before the connection is aborted."),
    Limit("socket_bytes", 2_097_152, "Bytes queued for one socket, over all its queues."),
    Limit("client_frame_bytes", 16_384, "Maximum size of a client's frame."),
    Limit("message_seconds", 10.0, "How long a client's message may take to arrive completely."),
    Limit("frames_per_second", 50, "Frames per second answered for one client, on average."),
    Limit("frames_burst", 1_000, "Frames answered for one client in a burst."),
    Limit("invalid_frames", 10, "Consecutive invalid frames after which a socket is closed."),
    Limit("subscriptions_per_socket", 1_000, "Subscriptions per socket."),
    Limit("windows_per_socket", 20, "Windows per socket."),
    Limit("rows_per_socket", 1_000, "Rows of all windows of a socket, by their `limit`."),
    Limit(
        "preframed",
        1,
        "1: frames are framed once for all sockets where the server is recognised; 0: nowhere.",
        zero=True,
    ),
    Limit("drain_seconds", 5.0, "Period over which a stopping process closes its sockets."),
    Limit("sockets_per_user", 50, "Sockets per user."),
    Limit("sockets_per_tenant", 10_000, "Sockets per tenant."),
    Limit("retry_min_seconds", 1.0, "Start of the window in which clients reconnect."),
    Limit("retry_max_seconds", 15.0, "End of the window in which clients reconnect."),
    # REST and credentials
    Limit("token_hours", 10, "Lifetime of a token."),
    Limit("ticket_seconds", 30, "Lifetime of a socket ticket."),
    Limit(
        "login_failures_per_username",
        10,
        "Failed logins per minute for a username from one address.",
    ),
    Limit("login_failures_per_address", 100, "Failed logins per minute from one address."),
    Limit(
        "login_failures_of_strangers",
        100,
        "Failed logins per minute for a username from all addresses its user never logged in from.",
    ),
    Limit(
        "logins_per_username",
        300,
        "Logins per minute for a username from one address, successful ones included.",
    ),
    Limit("hashing_seconds", 5.0, "How long a password waits to be hashed."),
    Limit(
        "hashing_waiting",
        100,
        "Passwords that may wait to be hashed; at most a quarter of them from one address.",
    ),
    Limit(
        "passwords_at_once",
        2,
        "Password requests from one address that are handled at a time.",
    ),
    Limit("resets_per_email", 3, "Password links sent to one e-mail address per minute."),
    Limit(
        "resets_per_address",
        30,
        "Password links that one network address may request per minute.",
    ),
    Limit("password_link_hours", 72, "Lifetime of a link to set a password."),
    Limit("invitations_per_minute", 60, "Invitations by the admins of one tenant per minute."),
    Limit(
        "invitations_per_person",
        10,
        "Invitations of the same person by one tenant per minute.",
    ),
    Limit("requests_per_minute", 6_000, "REST requests per minute for one user."),
    Limit("body_bytes", 2_621_440, "Maximum size of a request body."),
    Limit(
        "bodies_bytes",
        67_108_864,
        "Bytes of large request bodies that a process receives at a time.",
    ),
    Limit("body_seconds", 30.0, "How long a request body may take to arrive."),
    Limit("body_values", 20_000, "Maximum number of values in a request's JSON."),
    Limit("page_size", 25, "Default number of entries on a page."),
    Limit(
        "page_size_max",
        100,
        "Most entries of a page that a client may ask for; lists of objects default to it.",
    ),
    Limit(
        "page_bytes", 4_194_304, "Maximum size of a page; a page with a single entry may be larger."
    ),
    Limit(
        "answers_bytes_per_user",
        16_777_216,
        "Bytes of large responses that one user has not read yet.",
    ),
    Limit(
        "answers_bytes_per_tenant",
        67_108_864,
        "Bytes of large responses that all users of one tenant have not read yet.",
    ),
    Limit(
        "answers_bytes",
        268_435_456,
        "Bytes of large responses that are not read yet, per process.",
    ),
)


def read_limits(environ: Mapping[str, str]) -> dict[str, Any]:
    """Return every limit by name; an empty variable counts as absent."""
    environ = ChainMap(limit_names.from_environ(environ), dict(environ))
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
"""The limits that a tenant may have for itself."""

OF_SERVER: Final = frozenset({"client_frame_bytes"})
"""The tenant's limits that the server applies first, before it knows the tenant."""


def limits(own: Mapping[str, Any] | None = None) -> Mapping[str, Any]:
    """Return every limit by name: a tenant's own, else `settings.EARSHOT`'s, else the default."""
    given = limit_names.by_new_names(getattr(settings, "EARSHOT", {}))
    return ChainMap(dict(own or {}), given, DEFAULTS)


def check_own(own: Any) -> None:
    """Raise ValidationError unless these are limits that a tenant may have for itself."""
    if not isinstance(own, dict):
        raise ValidationError("Must be an object of limits.")
    known = {limit.name: limit for limit in LIMITS if limit.name in OF_TENANT}
    for name, value in own.items():
        if name not in known:
            raise ValidationError(f"{name!r} is an unknown limit; use {', '.join(sorted(known))}.")
        if reason := known[name].why_not(value):
            raise ValidationError(reason)
        if name in OF_SERVER and value > (most := limits()[name]):
            raise ValidationError(f"{name} must be at most {most}, the server's own limit.")
