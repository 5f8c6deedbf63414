"""Conformance to the protocol: `tests.conformance.TABLE`, and what follows from it.

What needs no database is run against the parser alone, and everything through a viewer's socket.
"""

from __future__ import annotations

from string import Template
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from project.asgi import application
from realtime.state import messages
from realtime.state.codes import Error
from realtime.state.commands import (
    CloseWindow,
    InvalidFrame,
    OpenWindow,
    Ping,
    Renew,
    Subscribe,
    Unsubscribe,
)
from realtime.transport.parsing import parse
from resources.models import Document, Profile
from tenants import opaque
from tests.client import in_thread
from tests.conformance import TABLE as OTHERS
from tests.conformance_renewing import FOREIGN_TICKET, RENEWING
from tests.conformance_windows import WINDOWS
from tests.conformance_words import SHORT, Case, ping, pong, subscribe
from tests.streams import communicator
from tests.unshowable import spoil
from tests.world import World

TABLE = (*OTHERS, *RENEWING, *WINDOWS)


def by_name(cases: list[Case]) -> Any:
    return pytest.mark.parametrize("case", cases, ids=[case.name for case in cases])


def test_names_of_cases_are_unique() -> None:
    assert len({case.name for case in TABLE}) == len(TABLE)


# The parser alone.


def answer(text: str | bytes) -> str:
    """What is answered to a frame for which nobody needs to be asked."""
    try:
        match parse(text):
            case Ping(ref):
                return messages.pong(ref)
            case Unsubscribe(target, ref):
                return messages.unsubscribed(target.model, target.id, ref)
            case Subscribe(target, _, ref):
                assert target.pk is None
                return messages.error(Error.NOT_FOUND, ref, model=target.model, id=target.id)
            case Renew(_, ref):
                return messages.error(Error.INVALID, ref, detail=FOREIGN_TICKET)
            case CloseWindow(model, window, ref) | OpenWindow(model, window, ref=ref):
                return messages.window_unsubscribed(model, window, ref)
    except InvalidFrame as refused:
        return messages.error(
            Error.INVALID, refused.ref, detail=refused.detail, window=refused.window
        )


@by_name([case for case in TABLE if case.alone])
def test_parser_answers_exactly(case: Case) -> None:
    assert tuple(answer(text) for text in case.sent) == case.answers


@given(st.text() | st.binary())
def test_parser_answers_whatever_is_sent(text: str | bytes) -> None:
    assert answer(text).startswith('{"type":')


# Through a socket.


def names(world: World) -> dict[str, str]:
    """What the `$names` of the table stand for, seen by the viewer."""
    response = world.rest("viewer").get(world.url)
    deleted = world.create()
    deleted_id = opaque.encode(Document, deleted.pk)
    deleted.delete()
    broken = world.create()
    world.grant("viewer", "viewer", broken)
    spoil(broken, "updated_at")
    return {
        "document": world.id,
        "broken": opaque.encode(Document, broken.pk),
        "etag": response["ETag"].strip('"'),
        "payload": response.content.decode(),
        "unknown": opaque.encode(Document, 10**9),
        "deleted": deleted_id,
        "hidden": opaque.encode(Document, world.create().pk),
        "foreign": opaque.encode(Document, world.create("globex", "rival").pk),
        "profile": opaque.encode(Profile, world.profile("viewer").pk),
        "rival": opaque.encode(Profile, world.profile("rival", "globex").pk),
    }


class Viewer:
    """The viewer's socket, as bytes."""

    def __init__(self, token: str, names: dict[str, str]) -> None:
        self.names = names
        headers = [(b"authorization", f"Token {token}".encode())]
        self.communicator: Any = communicator(application, "/ws/", headers)

    async def __aenter__(self) -> Viewer:
        await self.communicator.connect(timeout=5)
        assert '"WELCOME"' in str(await self.receive())
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.communicator.disconnect(timeout=5)

    async def send(self, frame: str | bytes) -> None:
        """As servers give it to an application: text or bytes."""
        if isinstance(frame, bytes):
            event = {"type": "websocket.receive", "bytes": frame}
        else:
            event = {"type": "websocket.receive", "text": self.fill(frame)}
        await self.communicator.send_input(event)

    async def receive(self) -> str | int:
        event = await self.communicator.receive_output(5)
        received: str | int = event.get("text") or event["code"]
        return received

    def fill(self, expected: str | int) -> Any:
        return Template(expected).substitute(self.names) if isinstance(expected, str) else expected

    async def converse(self, case: Case) -> list[str | int]:
        """What comes of a case; a ping shows that nothing more does."""
        received = []
        for frame in case.sent:
            await self.send(frame)
            received.append(await self.receive())
        if isinstance(case.answers[-1], int) and len(case.answers) > len(case.sent):
            received.append(await self.receive())
        if not isinstance(received[-1], int):
            await self.send(ping('"end"'))
            last = await self.receive()
            if last != pong('"end"'):
                received.append(last)
        return received


@pytest.mark.django_db(transaction=True)
async def test_socket_and_stream_answer_exactly(world: World, transport: str) -> None:
    """Bodies are text: what is said of binary frames is said of sockets alone."""
    known = await in_thread(names)(world)
    token = await in_thread(world.token)("viewer")
    wrong = {}
    async with Viewer(token, known):  # else the hub ends with each case, and starts with the next
        for case in TABLE:
            if transport == "stream" and any(isinstance(frame, bytes) for frame in case.sent):
                continue
            async with Viewer(token, known) as viewer:
                received = await viewer.converse(case)
                expected = [viewer.fill(answer) for answer in case.answers]
            if received != expected:
                wrong[case.name] = (received, expected)
    assert wrong == {}


@pytest.mark.django_db(transaction=True)
async def test_unknown_foreign_forbidden_and_misspelled_objects_give_the_same_bytes(
    world: World,
) -> None:
    known = await in_thread(names)(world)
    ids = [known[name] for name in ("unknown", "deleted", "foreign", "hidden")] + [SHORT, "", "?"]
    answers = set()
    async with Viewer(await in_thread(world.token)("viewer"), known) as viewer:
        for ref, id in enumerate(ids):
            await viewer.send(subscribe(id, f',"ref":{ref}'))
            text = await viewer.receive()
            assert isinstance(text, str)
            assert text.endswith(f'"id":"{id}","ref":{ref}}}')
            answers.add(text.replace(f'"id":"{id}","ref":{ref}}}', ""))
    assert len(answers) == 1
