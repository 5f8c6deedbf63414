"""The Python client goes on by a fresh credential before the one that it has ends."""

from __future__ import annotations

import ssl as tls
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from realtime.client import connection, renewing
from realtime.client.closes import Ended
from realtime.client.renewing import renew_before, ticket_of
from tests.realtime.client.scripted import MODEL, scripted, welcome
from tests.realtime.client.test_connection import client
from tests.realtime.client.test_stream import chunk, refusal
from tests.realtime.client.test_stream import scripted as scripted_http

TICKET = chunk(b'{"ticket": "fresh",') + chunk(b' "expires_in": 30}') + b"0\r\n\r\n"
MADE = b"HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n" + TICKET


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nine tenths are over at once."""
    monkeypatch.setattr(renewing, "renew_after", lambda left: 0.001 if left > 1 else None)


def ends_after(seconds: float) -> str:
    return (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat().replace("+00:00", "Z")


async def test_connection_goes_on_by_each_fresh_ticket(monkeypatch: pytest.MonkeyPatch) -> None:
    """In the same socket, without subscribing again; after RENEWED the new end counts."""
    asked: list[Any] = []

    async def ticket(url: str, token: str, context: tls.SSLContext | None) -> str:
        asked.append((url, token))
        return f"ticket {token}"

    def credentials(renew: bool) -> str:
        asked.append(renew)
        return f"t{len(asked)}"

    monkeypatch.setattr(connection, "ticket_of", ticket)
    async with scripted() as server:
        earshot, statuses = client(server.url, tenant="acme", credentials=credentials)
        async with earshot:
            line = await server.line()
            await line.say(welcome() | {"expires": ends_after(100)})
            assert await line.hear() == {"action": "renew", "ticket": "ticket t2"}
            await line.say({"type": "RENEWED", "expires": ends_after(100)})
            assert await line.hear() == {"action": "renew", "ticket": "ticket t4"}
            await line.say({"type": "RENEWED", "expires": None})
            copies = aiter(earshot.object(MODEL, "a"))
            await anext(copies)
            await line.subscribed()
            assert (await anext(copies)).state == "live"
            await copies.aclose()  # type: ignore[attr-defined]
    url = f"{server.url}?tenant=acme"
    assert asked == [False, True, (url, "t2"), True, (url, "t4")]
    assert [status.state for status in statuses.all] == ["connecting", "open", "closed"]


@pytest.mark.parametrize("credentials", ["t", lambda renew: None if renew else "t"])
async def test_without_a_fresh_credential_nothing_is_sent(credentials: Any) -> None:
    async with scripted() as server:
        earshot, _ = client(server.url, credentials=credentials)
        async with earshot:
            line = await server.line()
            await line.say(welcome(heartbeat=0.2) | {"expires": ends_after(100)})
            assert (await line.hear())["action"] == "ping"


async def test_what_fails_is_tried_again_until_it_is_too_late() -> None:
    failures = [RuntimeError(), OSError(), Ended(4429)]
    sent: list[Any] = []

    async def fresh() -> str:
        if failures:
            raise failures.pop()
        return "ticket"

    await renew_before(ends_after(0.5), fresh, sent.append)
    assert (len(failures), sent) == (3, [])
    await renew_before(ends_after(100), fresh, sent.append)
    assert (failures, sent) == ([], [{"action": "renew", "ticket": "ticket"}])


async def test_ticket_is_asked_for_by_the_token_for_the_tenant_of_the_socket() -> None:
    async with scripted_http(frames=MADE) as script:
        assert await ticket_of(f"{script.url}?tenant=acme", "t") == "fresh"
        assert await ticket_of(script.url, "t") == "fresh"
    first, second = script.asked
    assert first.startswith("POST /api/tickets/ HTTP/1.1\r\n")
    assert "Authorization: Token t\r\n" in first
    assert "X-Tenant: acme\r\n" in first
    assert "X-Tenant" not in second


async def test_refused_ticket_is_no_ticket() -> None:
    async with scripted_http(frames=refusal(401)) as script:
        with pytest.raises(Ended) as ended:
            await ticket_of(script.url, "t")
    assert ended.value.code == 4401
