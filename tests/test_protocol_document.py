"""docs/protocol.md is run: its rule for keeping copies, and its tables of close codes."""

from __future__ import annotations

import json
from string import Template
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect as open_socket

from realtime.state.codes import Close
from tests.client import connect, in_thread, quiet
from tests.conformance import TABLE
from tests.conftest import StartServer
from tests.documented import close_codes, rule
from tests.live import Program
from tests.world import World

apply = rule()
KEY = ("resources.document", "x")


# The rule for keeping copies


def frames_of_the_table() -> list[dict[str, Any]]:
    """Each frame that the conformance table has for an answer."""
    values = dict.fromkeys(("etag", "unknown", "deleted", "hidden", "foreign", "rival"), "x")
    values |= {"document": "x", "profile": "x", "payload": '{"title":"new"}'}
    answers = (answer for case in TABLE for answer in case.answers if isinstance(answer, str))
    return [json.loads(Template(answer).safe_substitute(values)) for answer in answers]


@pytest.mark.parametrize("frame", frames_of_the_table(), ids=lambda frame: str(frame)[:60])
def test_rule_makes_of_each_answer_what_it_means(frame: dict[str, Any]) -> None:
    key = frame.get("model"), frame.get("id")
    copies: dict[Any, Any] = {key: {"title": "old"}, KEY: {"title": "old"}}
    others = {other: copy for other, copy in copies.items() if other != key}
    apply(copies, frame)
    assert {other: copy for other, copy in copies.items() if other != key} == others
    if frame["type"] == "ERROR" and frame["code"] == "not_found":
        assert key not in copies
    else:
        assert copies[key] == frame.get("payload", {"title": "old"})


PUSHED = [
    ({"type": "UPDATE_DOCUMENT", "payload": {"title": "new"}}, {"title": "new"}),
    ({"type": "AUDIENCE_CHANGED", "payload": {"title": "new"}}, {"title": "new"}),
    ({"type": "DELETE_DOCUMENT"}, None),
    ({"type": "UNSUBSCRIBED"}, {"title": "old"}),
    ({"type": "ERROR", "code": "unavailable"}, {"title": "old"}),
    ({"type": "ERROR", "code": "not_found"}, None),
]


@pytest.mark.parametrize(("frame", "left"), PUSHED, ids=lambda part: str(part)[:60])
def test_rule_makes_of_each_pushed_frame_what_it_means(frame: Any, left: Any) -> None:
    copies: dict[Any, Any] = {KEY: {"title": "old"}}
    apply(copies, frame | {"model": KEY[0], "id": KEY[1]})
    assert copies.get(KEY) == left


async def test_copy_that_was_revoked_during_a_disconnection_goes_at_the_resubscribe(
    world: World,
) -> None:
    async with await in_thread(connect)(world, "viewer") as socket:
        answer = await socket.subscribe(world.id)
        copies = dict(socket.copies)
    assert copies
    await in_thread(world.revoke)("viewer")
    async with await in_thread(connect)(world, "viewer") as socket:
        socket.copies = copies
        again = await socket.subscribe(world.id, etag=answer["etag"])
        await quiet()
        assert again["code"] == "not_found"
        assert socket.copies == {}


# Close codes


def test_table_has_every_code_of_ours_and_of_the_servers() -> None:
    standard = {1001, 1002, 1006, 1007, 1009, 1011, 1012}
    assert close_codes().keys() == {int(code) for code in Close} | standard


MASK = b"\0\0\0\0"
RESERVED_BIT = b"\xa1\x82" + MASK + b"{}"
NOT_UTF8 = b"\x81\x82" + MASK + b"\xff\xff"
TOO_BIG = b"\x81\xff" + (2**24 + 1).to_bytes(8, "big") + MASK

FAULTS: list[tuple[Program, bytes, int]] = [
    ("uvicorn", RESERVED_BIT, 1002),
    ("uvicorn", NOT_UTF8, 1007),
    ("uvicorn", TOO_BIG, 1009),
    ("project", RESERVED_BIT, 1002),
    ("project", NOT_UTF8, 1007),
    ("project", TOO_BIG, 1009),
    ("daphne", RESERVED_BIT, 1006),
    ("daphne", NOT_UTF8, 1006),
    ("daphne", TOO_BIG, 1006),
]


@pytest.mark.parametrize("program", ["uvicorn", "project", "daphne"])
def test_servers_close_a_faulty_client_as_the_table_says(
    start_server: StartServer, world: World, program: Program
) -> None:
    server = start_server(program)
    headers = {"Authorization": f"Token {world.token('viewer')}"}
    met = []
    for _, fault, _code in (case for case in FAULTS if case[0] == program):
        with open_socket(server.socket_url, additional_headers=headers, proxy=None) as socket:
            assert json.loads(socket.recv(timeout=30))["type"] == "WELCOME"
            socket.socket.sendall(fault)
            with pytest.raises(ConnectionClosed) as closed:
                socket.recv(timeout=30)
        met.append(closed.value.rcvd.code if closed.value.rcvd else 1006)
    assert met == [code for name, _, code in FAULTS if name == program]
    assert set(met) <= close_codes().keys()
