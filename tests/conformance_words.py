"""What the tables of the protocol are written with: cases, frames and answers."""

from __future__ import annotations

from dataclasses import dataclass

from resources.models import Document
from tenants import opaque

DOCUMENT = '"model":"resources.document"'
CANONICAL = opaque.encode(Document, 7)
# Decodes to the same key, but is not its canonical spelling.
SHORT = next(
    CANONICAL[:n]
    for n in range(1, len(CANONICAL))
    if opaque._sqids("resources.document").decode(CANONICAL[:n]) == [7]
)
FRAME_BYTES = 16_384
BIG = 2**53


@dataclass(frozen=True)
class Case:
    """What is sent, one frame after the other's answer, and what comes: texts, or a close code."""

    name: str
    sent: tuple[str | bytes, ...]
    answers: tuple[str | int, ...]
    alone: bool


def once(name: str, sent: str, answer: str) -> Case:
    return Case(name, (sent,), (answer,), alone=True)


def live(name: str, sent: str | bytes, answer: str | int) -> Case:
    return Case(name, (sent,), (answer,), alone=False)


def steps(name: str, sent: tuple[str | bytes, ...], answers: tuple[str | int, ...]) -> Case:
    return Case(name, sent, answers, alone=False)


def invalid(detail: str, ref: str = "") -> str:
    ref = ref and f',"ref":{ref}'
    return f'{{"type":"ERROR","code":"invalid","detail":"{detail}"{ref}}}'


def not_found(id: str, ref: str = "", model: str = "resources.document") -> str:
    ref = ref and f',"ref":{ref}'
    return (
        '{"type":"ERROR","code":"not_found",'
        '"detail":"The object does not exist, or you may not see it.",'
        f'"model":"{model}","id":"{id}"{ref}}}'
    )


def unavailable(id: str, ref: str = "") -> str:
    ref = ref and f',"ref":{ref}'
    return (
        '{"type":"ERROR","code":"unavailable",'
        '"detail":"The object cannot be shown now; it will be sent as soon as it can be.",'
        f'{DOCUMENT},"id":"{id}"{ref}}}'
    )


def pong(ref: str = "") -> str:
    return '{"type":"PONG"' + (ref and f',"ref":{ref}') + "}"


def unsubscribed(id: str, ref: str = "") -> str:
    return f'{{"type":"UNSUBSCRIBED",{DOCUMENT},"id":"{id}"' + (ref and f',"ref":{ref}') + "}"


def subscribed(payload: bool = True, ref: str = "") -> str:
    return (
        f'{{"type":"SUBSCRIBED",{DOCUMENT},"id":"$document","audience":"viewer","etag":"$etag"'
        + (',"payload":$payload' if payload else "")
        + (ref and f',"ref":{ref}')
        + "}"
    )


def ping(ref: str) -> str:
    return f'{{"action":"ping","ref":{ref}}}'


def subscribe(id: str, more: str = "") -> str:
    return f'{{{DOCUMENT},"id":"{id}"{more}}}'


def unsubscribe(id: str, more: str = "") -> str:
    return f'{{"action":"unsubscribe",{DOCUMENT},"id":"{id}"{more}}}'


def padded(size: int, letter: str = "é") -> str:
    """A subscribe of this many bytes, in fewer characters."""
    start, end = f'{{{DOCUMENT},"id":"{SHORT}","etag":"', '"}'
    letters, rest = divmod(size - len(start) - len(end), len(letter.encode()))
    return start + letter * letters + end + " " * rest


NOT_JSON = invalid("Not JSON.")
NO_OBJECT = invalid("Must be a JSON object.")
NO_ACTION = invalid("action: unknown action.")
WRONG_REF = invalid("ref: Must be a string of at most 64 characters or an integer within ±2**53.")
NULL_REF = invalid("ref: This field may not be null.")
NO_KEYS = invalid("model: This field is required.")
NO_MODEL = invalid("model: Unknown model.")
BINARY = invalid("Binary frames are not supported.")
