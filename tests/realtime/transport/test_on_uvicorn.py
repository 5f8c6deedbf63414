"""What uvicorn's protocol does with clients that break the bounds, over real connections."""

from __future__ import annotations

import zlib

import pytest
from pytest_django import Settings
from websockets.frames import Opcode

from realtime.metrics import CLOSES
from realtime.state.codes import Close
from realtime.transport import on_uvicorn
from tests.realtime.raw import DEFLATE, Application, Raw, masked, raw, until
from tests.realtime.wire import limit

HALF = masked(b"half of it", fin=False)
REST = masked(b" and the rest", Opcode.CONT)


@pytest.fixture
def application() -> Application:
    return Application()


def deflated(text: bytes) -> bytes:
    """A client's frame of a compressed message."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -12)
    packed = packer.compress(text) + packer.flush(zlib.Z_SYNC_FLUSH)
    frame = bytearray(masked(packed[:-4]))
    frame[0] |= 0b0100_0000
    return bytes(frame)


def armed(client: Raw) -> bool:
    return client.protocol._deadline is not None


# Messages that do not arrive whole.


@pytest.mark.parametrize(
    "begun",
    [HALF, HALF[:-1], HALF[:1], HALF[:3], HALF + masked(b"", Opcode.CONT, fin=False), REST[:1]],
    ids=["fragment", "frame", "header", "mask", "fragments", "control"],
)
async def test_message_that_does_not_arrive_whole_ends_the_socket(
    begun: bytes, application: Application, settings: Settings
) -> None:
    limit(settings, message_seconds=0.05)
    before = CLOSES.labels(4408)._value.get()
    async with raw(application) as client:
        client.write(begun)
        assert await client.closed() == 4408
        event = await application.event()
    assert (event["type"], event["code"]) == ("websocket.disconnect", 4408)
    assert CLOSES.labels(4408)._value.get() == before + 1


async def test_pings_within_a_message_do_not_prolong_it(application: Application) -> None:
    async with raw(application) as client:
        client.write(HALF)
        await client.pong()
        deadline = client.protocol._deadline
        assert deadline is not None
        client.write(masked(b"more", Opcode.CONT, fin=False))
        await client.pong()
        assert client.protocol._deadline is deadline
        client.write(REST)
        await client.pong()
        assert not armed(client)
        assert (await application.event())["text"] == "half of itmore and the rest"


async def test_time_runs_anew_for_each_message(application: Application) -> None:
    """A client that is always in the middle of one, as when it sends many, is not ended."""
    async with raw(application) as client:
        client.write(masked(b"one") + HALF[:4])
        assert (await application.event())["text"] == "one"
        await until(lambda: armed(client))
        first = client.protocol._deadline
        client.write(HALF[4:] + REST + HALF[:4])
        assert (await application.event())["text"] == "half of it and the rest"
        await until(lambda: armed(client))
        assert client.protocol._deadline is not first


async def test_whole_messages_and_pings_leave_no_deadline(application: Application) -> None:
    async with raw(application) as client:
        await client.pong()
        assert not armed(client)
        client.write(masked(b"", Opcode.PONG) + masked(b"text") + masked(b"x", Opcode.BINARY))
        assert (await application.event())["text"] == "text"
        assert (await application.event())["bytes"] == b"x"
        await client.pong()
        assert not armed(client)


async def test_time_does_not_run_while_the_application_takes_nothing(
    application: Application,
) -> None:
    """As while a socket's credential is looked at: what is unread is not the client's delay."""
    async with raw(application) as client:
        application.taking.clear()
        client.write(masked(b"one") + HALF[:4])
        await until(lambda: client.protocol.read_paused)
        assert not armed(client)
        application.taking.set()
        await until(lambda: armed(client))


async def test_socket_that_is_closing_is_not_failed_again(
    application: Application, settings: Settings
) -> None:
    limit(settings, message_seconds=0.05)
    async with raw(application) as client:
        client.write(HALF)
        await client.pong()
        await application.send({"type": "websocket.close", "code": 4401})
        assert await client.closed() == 4401
        client.protocol._fail(Close.TOO_SLOW, "")
        assert (await application.event())["code"] == 4401


# Too much.


@pytest.mark.parametrize(
    "sent",
    [
        [masked(b"x" * 1001)],
        [masked(b"x" * 501, fin=False), masked(b"x" * 500, Opcode.CONT)],
        [masked(b"x" * 1000, fin=False), masked(b"x", Opcode.CONT, fin=False)],
        [masked(b"x" * 1001)[:4]],
    ],
    ids=["whole", "fragments", "unfinished", "header"],
)
async def test_message_above_the_size_is_refused_while_it_arrives(
    sent: list[bytes], application: Application
) -> None:
    async with raw(application, ws_max_size=1000) as client:
        for frame in sent:
            client.write(frame)
        assert await client.closed() == 1009
        assert (await application.event())["code"] == 1009


async def test_bomb_is_refused_before_it_is_inflated(application: Application) -> None:
    async with raw(application, headers=DEFLATE, ws_max_size=16_384) as client:
        bomb = deflated(b"x" * 15_000_000)
        assert len(bomb) < 16_384
        client.write(bomb)
        assert await client.closed() == 1009


async def test_greatest_compressed_message_is_taken(application: Application) -> None:
    async with raw(application, headers=DEFLATE, ws_max_size=16_384) as client:
        client.write(deflated(b"x" * 16_384))
        assert (await application.event())["text"] == "x" * 16_384


@pytest.mark.parametrize(
    "frame",
    [masked(b"", Opcode.PING), masked(b"", Opcode.PONG), masked(b"", Opcode.CONT, fin=False)],
    ids=["pings", "pongs", "empty fragments"],
)
async def test_frames_that_are_no_messages_are_bounded_too(
    frame: bytes, application: Application, settings: Settings
) -> None:
    limit(settings, frames_per_second=0.001, frames_burst=100)
    async with raw(application) as client:
        client.write(HALF + frame * 99)
        await client.writer.drain()
        client.write(frame)
        while (answer := await client.frame()).opcode is not Opcode.CLOSE:
            assert answer.opcode is Opcode.PONG
        assert (await application.event())["code"] == 4429


async def test_messages_that_are_not_taken_lie_unparsed(application: Application) -> None:
    """Of many small ones, as many as one piece has are in the queue, and nothing more is read."""
    async with raw(application) as client:
        application.taking.clear()
        many = 50_000
        client.write(masked(b"x") * many)
        await until(lambda: bool(client.protocol._unread))
        assert 0 < client.protocol.queue.qsize() <= on_uvicorn.PIECE / 7 + 1
        assert len(client.protocol._unread) <= 2**18
        application.taking.set()
        for _ in range(many):
            assert (await application.event())["text"] == "x"
        await client.pong()


async def test_pings_whose_answers_are_not_taken_are_not_answered(
    application: Application, settings: Settings
) -> None:
    limit(settings, frames_burst=10**6)
    async with raw(application) as client:
        client.protocol.writable.clear()
        client.write(masked(b"unanswered", Opcode.PING) * 100 + masked(b"taken"))
        assert (await application.event())["text"] == "taken"
        client.protocol.writable.set()
        await client.pong()


async def test_others_have_their_turn_between_the_pieces(
    application: Application, settings: Settings
) -> None:
    limit(settings, frames_burst=10**6)
    async with raw(application) as client:
        pieces: list[int] = []
        parse = client.protocol._parse

        def noted() -> None:
            pieces.append(len(client.protocol._unread))
            parse()

        client.protocol._parse = noted  # type: ignore[method-assign]
        client.protocol.data_received(masked(b"", Opcode.PONG) * 3000)
        assert len(pieces) == 1
        await client.pong()
        assert len(pieces) >= 3000 * 6 // on_uvicorn.PIECE


async def test_client_that_goes_in_the_middle_leaves_no_deadline(application: Application) -> None:
    async with raw(application) as client:
        client.write(HALF)
        await client.pong()
        client.writer.close()
        assert (await application.event())["type"] == "websocket.disconnect"
        assert not armed(client)


# Pings.


async def test_sockets_are_pinged_at_the_same_moments(application: Application) -> None:
    async with raw(application) as one, raw(application) as two:
        moments = set()
        for client, since in ((one, 0.0), (two, 0.01)):
            protocol = client.protocol
            protocol.ping_interval = 200.0
            protocol.last_ping_rtt = since  # as if it had been pinged so much earlier
            protocol.schedule_ping()
            assert protocol.ping_timer is not None
            moments.add(protocol.ping_timer.when())
            late = protocol.ping_timer.when() - protocol.loop.time()
            assert 199 < late < 202
            protocol.stop_keepalive()
        assert all(moment % 1 == 0 for moment in moments)
        assert max(moments) - min(moments) <= 1
