"""What is known of the server behind a send, and what is said of it."""

from __future__ import annotations

from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest

from realtime.transport import servers


class Serving:
    """A protocol of a server's, with what is `known` of it."""

    def __init__(self, **known: Any) -> None:
        self.__dict__.update(known)

    async def send(self, event: Any) -> None:
        """The ASGI send."""


def uvicorn(size: int, **more: Any) -> Any:
    return Serving(config=SimpleNamespace(ws_max_size=size), **more).send


def daphne(size: int, **more: Any) -> Any:
    return partial(print, Serving(maxMessagePayloadSize=size, **more))


@pytest.fixture(autouse=True)
def untold(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(servers, "_told", set())


@pytest.mark.parametrize("server", [uvicorn, daphne])
def test_server_that_takes_more_is_told_once(server: Any, caplog: pytest.LogCaptureFixture) -> None:
    for _ in range(2):
        servers.check(server(2**24, ends_unfinished=True), 16_384)
    (record,) = caplog.records
    assert "accepts messages of 16777216 bytes, more than the allowed 16384" in record.message
    assert "--ws-max-size 16384 --ws realtime.transport.on_uvicorn:Protocol" in record.message


@pytest.mark.parametrize("server", [uvicorn, daphne])
def test_server_that_waits_for_ever_is_told(server: Any, caplog: pytest.LogCaptureFixture) -> None:
    servers.check(server(16_384), 16_384)
    (record,) = caplog.records
    assert "does not arrive completely" in record.message


@pytest.mark.parametrize("send", [uvicorn(16_384, ends_unfinished=True), print, partial(print)])
def test_server_within_the_bounds_or_unknown_is_told_nothing(
    send: Any, caplog: pytest.LogCaptureFixture
) -> None:
    servers.check(send, 16_384)
    assert not caplog.records


def test_transport_is_the_servers_or_what_stands_for_it() -> None:
    of_asyncio = SimpleNamespace(get_write_buffer_size=lambda: 1)
    assert servers.server_transport(Serving(transport=of_asyncio).send) is of_asyncio
    assert servers.server_transport(daphne(1, outlet=of_asyncio, transport=object())) is of_asyncio
    assert servers.server_transport(daphne(1, transport=object())) is None
    assert servers.server_transport(print) is None
