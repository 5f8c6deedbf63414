"""The frames of the contract are those of the socket: no kind is missing, and none is made up."""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterator
from functools import wraps
from string import Template
from typing import Any

import pytest

from project.contracts import frames
from realtime.state import messages
from realtime.state.commands import InvalidFrame
from realtime.transport.parsing import parse
from tests.conformance import TABLE as OTHERS
from tests.conformance_windows import WINDOWS
from tests.contracts import contracts, mistake

NAMES = dict.fromkeys(
    ("document", "unknown", "deleted", "hidden", "foreign", "profile", "rival", "broken", "etag"),
    "YPZ3r7Kk",
)


def makers() -> set[str]:
    """Every function that makes a frame."""
    found = inspect.getmembers(messages, inspect.isfunction)
    return {name for name, made in found if made.__module__ == messages.__name__} - {
        name for name, _ in found if name.startswith("_")
    }


def test_each_frame_that_the_server_makes_is_in_the_contract(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made: set[str] = set()

    def noted(name: str) -> Any:
        make = getattr(messages, name)

        @wraps(make)
        def call(*args: Any, **given: Any) -> Any:
            made.add(name)
            return make(*args, **given)

        return call

    for name in makers():
        monkeypatch.setattr(messages, name, noted(name))
    payload = {"id": "YPZ3r7Kk"}
    assert list(frames.sent(lambda resource, audience: payload))
    assert made == makers()


def test_examples_are_what_the_contract_says() -> None:
    found = contracts()
    components = found.asyncapi["components"]["messages"]
    for operation in found.asyncapi["operations"].values():
        for each in operation["messages"]:
            example = components[each["$ref"].rpartition("/")[2]]["examples"][0]["payload"]
            if operation["action"] == "send":
                assert found.frame(json.dumps(example)) is None
            else:
                parse(json.dumps(example))
                assert [c for c in found.taken if mistake(c, example) is None] != []


def texts() -> Iterator[str]:
    """Each text that the table of the protocol has for a frame."""
    for case in (*OTHERS, *WINDOWS):
        yield from (Template(t).safe_substitute(NAMES) for t in case.sent if isinstance(t, str))


UNTOLD = ("1.0", "\\ud800")
"""JSON Schema tells no number from another way to write it, and knows texts only."""


def is_taken(text: str) -> bool:
    try:
        parse(text)
    except InvalidFrame:
        return False
    return True


def is_in_contract(text: str) -> bool:
    """Whether the text is a frame that the contract lets a client send."""
    try:
        frame = json.loads(text, parse_constant=lambda _: 1 / 0)
        text.encode()
        return any(check.is_valid(frame) for check in contracts().taken)
    except (ValueError, ZeroDivisionError, RecursionError):
        return False


def test_server_takes_what_the_contract_lets_clients_send_and_nothing_else() -> None:
    told = [text for text in texts() if not any(each in text for each in UNTOLD)]
    found = {text[:200]: (is_taken(text), is_in_contract(text)) for text in told}
    assert {text: pair for text, pair in found.items() if pair[0] is not pair[1]} == {}


@pytest.mark.parametrize(
    "lie",
    [
        '{"type":"PONG","ref":1.5}',
        '{"type":"PONG","more":1}',
        '{"type":"WELCOME"}',
        '{"type":"DELETE_DOCUMENT","model":"resources.profile","id":"x"}',
        '{"type":"ERROR","code":"not_found","detail":"x","model":"resources.document","id":"x"}',
        '{"type":"LEFT","model":"resources.document","id":"x"}',
        '{"type":"UNSUBSCRIBED","model":"resources.document","id":"x","window":"w"}',
    ],
)
def test_what_the_server_never_sends_is_not_in_the_contract(lie: str) -> None:
    assert contracts().frame(lie) is not None
