"""The protocol as one table: for each text a client may send, the exact bytes or the close code.

`$names` stand for what the world of the test decides, as its viewer sees it.
"""

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

TABLE = (
    # No command at all.
    once("nothing", "", NOT_JSON),
    once("white space", " \n", NOT_JSON),
    once("half an object", '{"action":"ping"', NOT_JSON),
    once("two objects", "{}{}", NOT_JSON),
    once("single quotes", "{'action':'ping'}", NOT_JSON),
    once("trailing comma", '{"action":"ping",}', NOT_JSON),
    once("not a number", '{"action":"ping","ref":NaN}', NOT_JSON),
    once("byte order mark", '\ufeff{"action":"ping"}', NOT_JSON),
    once("half a surrogate pair", '{"action":"ping","ref":"\\ud800"}', NOT_JSON),
    once("depth", "[" * FRAME_BYTES, NOT_JSON),
    once("list", '[{"action":"ping"}]', NO_OBJECT),
    once("string", '"ping"', NO_OBJECT),
    once("number", "5", NO_OBJECT),
    once("true", "true", NO_OBJECT),
    once("null", "null", NO_OBJECT),
    live("binary", b'{"action":"ping"}', BINARY),
    live("empty binary", b"", BINARY),
    # Actions and keys.
    once("unknown action", '{"action":"dance","ref":1}', invalid("action: unknown action.", "1")),
    once("empty action", '{"action":""}', NO_ACTION),
    once("action in capitals", '{"action":"PING"}', NO_ACTION),
    once("action with space", '{"action":"ping "}', NO_ACTION),
    once("number as action", '{"action":1}', NO_ACTION),
    once("list as action", '{"action":["ping"]}', NO_ACTION),
    once("null as action", '{"action":null}', NO_ACTION),
    once("key of nobody", '{"action":"ping","x":1}', invalid("x: Unknown key.")),
    once("key in capitals", '{"action":"ping","Ref":1}', invalid("Ref: Unknown key.")),
    once("type as key", '{"type":"ping","ref":1}', invalid("type: Unknown key.", "1")),
    once("ping of a model", f'{{"action":"ping",{DOCUMENT}}}', invalid("model: Unknown key.")),
    once("unsubscribe with etag", unsubscribe("x", ',"etag":""'), invalid("etag: Unknown key.")),
    # Models, ids and etags.
    once("no keys", "{}", NO_KEYS),
    once("no model", '{"id":"x","ref":"r"}', invalid("model: This field is required.", '"r"')),
    once("no id", f"{{{DOCUMENT}}}", invalid("id: This field is required.")),
    once(
        "unsubscribe without id",
        f'{{"action":"unsubscribe",{DOCUMENT},"ref":0}}',
        invalid("id: This field is required.", "0"),
    ),
    once("unknown model", '{"model":"earshot_tenants.user","id":"x"}', NO_MODEL),
    once("empty model", '{"model":"","id":"x"}', NO_MODEL),
    once("model with space", '{"model":"resources.document ","id":"x"}', NO_MODEL),
    once("model in capitals", '{"model":"resources.Document","id":"x"}', NO_MODEL),
    once("number as model", '{"model":1,"id":"x"}', invalid("model: Invalid type.")),
    once("list as model", '{"model":[],"id":"x"}', invalid("model: Invalid type.")),
    once("null as model", '{"model":null,"id":"x"}', invalid("model: This field may not be null.")),
    once("number as id", f'{{{DOCUMENT},"id":7}}', invalid("id: Invalid type.")),
    once("true as id", f'{{{DOCUMENT},"id":true}}', invalid("id: Invalid type.")),
    once("object as id", f'{{{DOCUMENT},"id":{{}}}}', invalid("id: Invalid type.")),
    once("null as id", f'{{{DOCUMENT},"id":null}}', invalid("id: This field may not be null.")),
    once("number as etag", subscribe("x", ',"etag":1'), invalid("etag: Invalid type.")),
    once(
        "null as etag", subscribe("x", ',"etag":null'), invalid("etag: This field may not be null.")
    ),
    # References.
    once("ping", '{"action":"ping"}', pong()),
    once("ping with spaces", ' { "ref" : "r" ,\n"action" : "ping" } ', pong('"r"')),
    once("empty ref", ping('""'), pong('""')),
    once("escaped ref", ping('"\\u00e9\\"\\n"'), pong('"é\\"\\n"')),
    once("ref of 64", ping('"' + "x" * 64 + '"'), pong('"' + "x" * 64 + '"')),
    once("ref of 64 beyond ASCII", ping('"' + "é" * 64 + '"'), pong('"' + "é" * 64 + '"')),
    once("ref of 65", ping('"' + "x" * 65 + '"'), WRONG_REF),
    once("zero", ping("0"), pong("0")),
    once("greatest ref", ping(str(BIG)), pong(str(BIG))),
    once("least ref", ping(str(-BIG)), pong(str(-BIG))),
    once("ref too great", ping(str(BIG + 1)), WRONG_REF),
    once("ref too small", ping(str(-BIG - 1)), WRONG_REF),
    once("ref beyond 64 bits", ping(str(2**64)), WRONG_REF),
    once("fraction as ref", ping("1.5"), WRONG_REF),
    once("whole fraction as ref", ping("1.0"), WRONG_REF),
    once("true as ref", ping("true"), WRONG_REF),
    once("false as ref", ping("false"), WRONG_REF),
    once("null as ref", ping("null"), NULL_REF),
    once("list as ref", ping("[1]"), WRONG_REF),
    once("object as ref", ping("{}"), WRONG_REF),
    once("wrong ref of a wrong frame", '{"action":"dance","ref":true}', NO_ACTION),
    # What is not there, not theirs, or not so spelled.
    once("empty id", subscribe(""), not_found("")),
    once("id that is none", subscribe("no id"), not_found("no id")),
    once("zero byte in id", subscribe("a\\u0000"), not_found("a\\u0000")),
    once("id not canonical", subscribe(SHORT, ',"ref":1'), not_found(SHORT, "1")),
    once("id with a space", subscribe(CANONICAL + " "), not_found(CANONICAL + " ")),
    once("id of endless length", subscribe("a" * 9000), not_found("a" * 9000)),
    live("unknown id", subscribe("$unknown", ',"ref":1'), not_found("$unknown", "1")),
    live("deleted id", subscribe("$deleted", ',"ref":1'), not_found("$deleted", "1")),
    live("foreign id", subscribe("$foreign", ',"ref":1'), not_found("$foreign", "1")),
    live("forbidden id", subscribe("$hidden", ',"ref":1'), not_found("$hidden", "1")),
    live("forbidden id with etag", subscribe("$hidden", ',"etag":""'), not_found("$hidden")),
    live("id of another model", subscribe("$profile"), not_found("$profile")),
    live(
        "foreign profile",
        '{"model":"resources.profile","id":"$rival"}',
        not_found("$rival", model="resources.profile"),
    ),
    # What cannot be shown.
    live("unavailable id", subscribe("$broken", ',"ref":1'), unavailable("$broken", "1")),
    steps(
        "unavailable, again, unsubscribe",
        (
            subscribe("$broken"),
            subscribe("$broken", ',"etag":"","ref":2'),
            unsubscribe("$broken", ',"ref":3'),
        ),
        (unavailable("$broken"), unavailable("$broken", "2"), unsubscribed("$broken", "3")),
    ),
    # Subscriptions.
    live("subscribe", subscribe("$document"), subscribed()),
    live(
        "subscribe in full",
        '{"ref":"r","id":"$document","etag":"old","model":"resources.document","action":"subscribe"}',
        subscribed(ref='"r"'),
    ),
    live(
        "subscribe with right etag",
        subscribe("$document", ',"etag":"$etag","ref":1'),
        subscribed(payload=False, ref="1"),
    ),
    live(
        "subscribe with etag in quotes",
        subscribe("$document", ',"etag":"\\"$etag\\""'),
        subscribed(),
    ),
    live("zero byte in etag", subscribe("$document", ',"etag":"\\u0000"'), subscribed()),
    steps(
        "subscribe twice",
        (subscribe("$document", ',"ref":1'), subscribe("$document", ',"ref":2')),
        (subscribed(ref="1"), subscribed(ref="2")),
    ),
    steps(
        "subscribe twice, then with etag",
        (subscribe("$document"), subscribe("$document", ',"etag":"$etag"')),
        (subscribed(), subscribed(payload=False)),
    ),
    steps(
        "not found twice",
        (subscribe("$hidden"), subscribe("$hidden")),
        (not_found("$hidden"), not_found("$hidden")),
    ),
    steps(
        "unsubscribe, and again, and subscribe",
        (
            subscribe("$document"),
            unsubscribe("$document", ',"ref":1'),
            unsubscribe("$document", ',"ref":2'),
            subscribe("$document"),
        ),
        (
            subscribed(),
            unsubscribed("$document", "1"),
            unsubscribed("$document", "2"),
            subscribed(),
        ),
    ),
    live(
        "unsubscribe of what was never subscribed",
        unsubscribe("$document"),
        unsubscribed("$document"),
    ),
    live("unsubscribe of what may not be seen", unsubscribe("$hidden"), unsubscribed("$hidden")),
    once(
        "unsubscribe of the unknown",
        unsubscribe(CANONICAL, ',"ref":""'),
        unsubscribed(CANONICAL, '""'),
    ),
    once("unsubscribe of no id", unsubscribe("no id"), unsubscribed("no id")),
    # Limits.
    steps(
        "nine invalid frames and a good one",
        ("[",) * 9 + (ping("1"),),
        (NOT_JSON,) * 9 + (pong("1"),),
    ),
    steps(
        "nine invalid frames twice, a good one between",
        (*("[",) * 9, subscribe(SHORT), *(b"x",) * 9),
        (*(NOT_JSON,) * 9, not_found(SHORT), *(BINARY,) * 9),
    ),
    steps("ten invalid frames", ("[",) * 10, (*(NOT_JSON,) * 10, 4400)),
    steps(
        "ten invalid frames of all kinds",
        ("[", "5", b"x", "{}", ping("null"), *('{"action":1}',) * 5),
        (
            NOT_JSON,
            NO_OBJECT,
            BINARY,
            NO_KEYS,
            NULL_REF,
            *(NO_ACTION,) * 5,
            4400,
        ),
    ),
    once("greatest frame", padded(FRAME_BYTES), not_found(SHORT)),
    live("frame too big in bytes, not in characters", padded(FRAME_BYTES + 1), 4413),
    live("frame far too big", "[" * 10**6, 4413),
    live("binary frame too big", b"x" * (FRAME_BYTES + 1), 4413),
    live("greatest binary frame", b"x" * FRAME_BYTES, BINARY),
)
