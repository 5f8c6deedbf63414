"""Going on by a fresh credential in the same connection, before the one that opened it ends."""

from __future__ import annotations

import asyncio
import json
import ssl as tls
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from .closes import renew_after
from .stream import PATIENCE, close, refusal, request

PATH: Final = "/api/tickets/"


async def renew_before(
    expires: str, fresh: Callable[[], Awaitable[str | None]], send: Callable[[dict[str, Any]], None]
) -> None:
    """Send a fresh ticket before this time; where there is none, the end with 4401 tells.

    What fails is tried again in the time that is left.
    """
    while (delay := renew_after(seconds_until(expires))) is not None:
        await asyncio.sleep(delay)
        try:
            ticket = await fresh()
        except Exception:  # noqa: S112 - raised when it is asked again after the end
            continue
        if ticket is not None:
            send({"action": "renew", "ticket": ticket})
        return


def seconds_until(moment: str) -> float:
    """Return the seconds until a time of the protocol."""
    return (datetime.fromisoformat(moment) - datetime.now(UTC)).total_seconds()


async def ticket_of(socket_url: str, token: str, context: tls.SSLContext | None = None) -> str:
    """Return a ticket by this token, of the server and for the tenant of this address.

    Raise `Ended` if the server refuses, and OSError if there is none.
    """
    parts = urlsplit(socket_url)
    scheme = {"ws": "http", "wss": "https"}.get(parts.scheme, parts.scheme)
    url = parts._replace(scheme=scheme, path=PATH, query="")
    tenants = parse_qs(parts.query).get("tenant", [])
    headers = {"Authorization": f"Token {token}", "Content-Length": "0"}
    headers |= {"X-Tenant": tenants[0]} if tenants else {}
    async with asyncio.timeout(PATIENCE):
        answer = await request("POST", url, headers, context)
        body = await answer.body()
    await close(answer.writer)
    if answer.status != 201:
        raise refusal(answer)
    return str(json.loads(body)["ticket"])
