"""The frames of the socket: each message of both directions, with its schema and an example.

What the server sends is described by what `realtime.state.messages` makes of examples, and what it
takes by the serializers of `realtime.transport.parsing`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, get_args, get_type_hints

import orjson
from rest_framework import serializers

from permissions.audiences import Audience, Resource, registry
from permissions.filters import MOST_VALUES, types_of
from project.contracts.examples import KEY
from project.contracts.payloads import payload_name, resource_name
from project.contracts.schemas import Schema, closed, const, reference
from realtime.state import messages
from realtime.state.codes import Error
from realtime.state.commands import MAX_NAME, MAX_REF, MAX_REF_TEXT, MOST_HAVE, MOST_ROWS, ROWS
from realtime.transport import parsing
from realtime.transport.conversation import WELCOME_LIMITS
from tenants import opaque
from tenants.limits import limits
from tenants.models import User

TEXT: Final[Schema] = {"type": "string"}
REF: Final[Schema] = {
    "oneOf": [
        {"type": "string", "maxLength": MAX_REF_TEXT},
        {"type": "integer", "minimum": -MAX_REF, "maximum": MAX_REF},
    ],
    "description": "Your own mark on a frame, echoed in its answer.",
}
WINDOW: Final[Schema] = {
    "type": "string",
    "minLength": 1,
    "maxLength": MAX_NAME,
    "pattern": r"^[^\u0000-\u001f\u007f-\u009f]*$",
    "description": "Your name for the window.",
}
EXPIRES: Final[Schema] = {
    "type": ["string", "null"],
    "format": "date-time",
    "description": "When your credential ends, and with it the socket.",
}
ETAG: Final[Schema] = TEXT | {"description": "Names the payload; in REST it stands in quotes."}
PARTS: Final[dict[str, Schema]] = {
    "id": TEXT | {"description": "The object's id."},
    "ref": REF,
    "window": WINDOW,
    "etag": ETAG,
    "more": {"type": "boolean", "description": "Whether objects follow below the last row."},
    "cursor": {"type": ["string", "null"], "description": "The place after the last row."},
    "before": {
        "type": ["string", "null"],
        "description": "The id of the row above which it enters; null: at the end.",
    },
}
"""What the server's frames are made of, besides what is constant, by key."""
ABOUT: Final[Mapping[str, Schema]] = {
    "etag": {"description": "Of the payload that you hold: it is not sent again."},
    "ticket": {"description": "A ticket of yours for this socket's tenant."},
    "after": {"description": "A cursor of yours: what comes after it is shown."},
}
JSON_NAMES: Final = {bool: "boolean", int: "number", float: "number", str: "string"}
EXAMPLE_ETAG: Final = "cca373702bcb6df7c663095a85da94a1"

Sample = Callable[[Resource, Audience], Any]
"""Returns an example of what an audience sees."""


@dataclass(frozen=True)
class Message:
    """A frame: its name, when it is sent, its schema, an example, and whose model it is about."""

    name: str
    summary: str
    schema: Schema
    example: Any
    resource: Resource | None = None


def _frame(
    make: Callable[..., str],
    parts: Mapping[str, Schema],
    absent: Collection[str] = ("ref", "body"),
    **given: Any,
) -> tuple[Schema, Any]:
    """Return the schema and an example of what `make` returns for these arguments.

    Its keys are those of the frame: `parts` describe them, and others are constant. Those that are
    missing when an argument in `absent` is None, where it may be, are optional.
    """
    example = orjson.loads(make(**given))
    hints = get_type_hints(make)
    optional: set[str] = set()
    for name in given.keys() & set(absent):
        if type(None) in get_args(hints[name]):
            optional |= set(example) - set(orjson.loads(make(**given | {name: None})))
    properties = {key: parts.get(key) or const(value) for key, value in example.items()}
    return closed(properties, optional), example


# What the server sends.


def sent(sample: Sample) -> Iterator[Message]:
    """Yield each frame that the server sends; `sample` gives the examples' payloads."""
    yield _welcome()
    for resource in registry:
        for audience in resource.audiences:
            yield from _of_audience(resource, audience, sample(resource, audience))
        yield from _of_resource(resource)
    schema, example = _frame(messages.pong, PARTS, ref=2)
    yield Message("Pong", "The answer to a ping.", schema, example)
    schema, example = _frame(
        messages.renewed, PARTS | {"expires": EXPIRES}, expires="2026-11-23T10:48:40.483017Z", ref=3
    )
    yield Message("Renewed", "The socket goes on by another credential.", schema, example)
    yield from _refusals()


def _welcome() -> Message:
    numbers = {name: {"type": "number"} for name in WELCOME_LIMITS}
    parts = {
        "protocol": {"type": "integer", "const": 1},
        "tenant": TEXT | {"description": "The tenant's slug."},
        "user": TEXT | {"description": "Your id."},
        "connection": TEXT | {"description": "This socket's id, as the tenant's admins see it."},
        "expires": EXPIRES,
        "heartbeat": {"type": "number", "description": "Seconds between the server's pings."},
        "limits": closed(numbers) | {"description": "What applies to this socket."},
        "retry": closed({"min": {"type": "number"}, "max": {"type": "number"}})
        | {"description": "The window, in seconds, in which to reconnect."},
        "secret": TEXT | {"description": "Of a stream: what its POSTs are authorised by."},
    }
    now = limits()
    schema, example = _frame(
        messages.welcome,
        parts,
        ("secret",),
        tenant="acme",
        user=opaque.encode(User, KEY),
        connection="MW3nUEm7lQPbkrek",
        expires="2026-11-23T00:48:40.483017Z",
        heartbeat=now["ping_seconds"],
        limits={name: now[name] for name in WELCOME_LIMITS},
        retry={"min": now["retry_min_seconds"], "max": now["retry_max_seconds"]},
        secret="WyJNVzNuVUVtN2xRUGJrcmVr",  # noqa: S106 - an example
    )
    return Message("Welcome", "The first frame of each socket.", schema, example)


def _of_audience(resource: Resource, audience: Audience, payload: Any) -> Iterator[Message]:
    parts = PARTS | {
        "payload": reference(payload_name(resource, audience)),
        "changed": {
            "type": "array",
            "items": {"type": "string", "enum": list(audience.fields)},
            "minItems": 1,
            "uniqueItems": True,
            "description": "The fields that this version changed, in the payload's order.",
        },
    }
    shown = {
        "model": resource.label,
        "id": payload["id"],
        "audience": audience.name,
        "etag": EXAMPLE_ETAG,
        "body": orjson.dumps(payload),
    }
    changed = {**shown, "changed": audience.fields[1:2] or audience.fields}
    window = {"window": "drafts", "before": None}
    frames: tuple[tuple[str, str, Callable[..., str], dict[str, Any]], ...] = (
        ("Subscribed", "A subscription is live; without payload, yours is right.",
         messages.subscribed, {**shown, "ref": 1}),
        ("Updated", "Your payload has changed: this is the whole of it.",
         messages.updated, changed),
        ("AudienceChanged", "You see other fields now: replace the object.",
         messages.audience_changed, shown),
        ("Entered", "The object is in a window; without payload, yours is right.",
         _entered, shown | window),
    )  # fmt: skip
    for name, summary, make, given in frames:
        schema, example = _frame(make, parts, **given)
        title = payload_name(resource, audience) + name
        yield Message(title, summary, schema, example, resource)


def _entered(body: bytes | None, window: str, before: str | None, **shown: Any) -> str:
    return messages.in_window(messages.entered(**shown, body=body), window, before)


def _of_resource(resource: Resource) -> Iterator[Message]:
    id = opaque.encode(resource.model, KEY)
    target = {"model": resource.label, "id": id}
    window = {"model": resource.label, "window": "drafts"}
    below = {"more": True, "cursor": f"{id}.Q5eX"}
    frames: tuple[tuple[str, str, Callable[..., str], dict[str, Any]], ...] = (
        ("Deleted", "The object is gone from your view, and so is the subscription.",
         messages.deleted, target),
        ("Unsubscribed", "The subscription has ended, if there was one.",
         messages.unsubscribed, target | {"ref": 1}),
        ("Left", "The object is in this window no more.",
         messages.left, target | {"window": "drafts"}),
        ("WindowSubscribed", "A window's first rows have been sent.",
         messages.window_subscribed, window | below | {"ref": 1}),
        ("More", "Whether objects follow below a window's rows has changed.",
         messages.more, window | below),
        ("WindowUnsubscribed", "The window has ended, if there was one.",
         messages.window_unsubscribed, window | {"ref": 1}),
        ("NotFound", "The object does not exist, or you may not see it.",
         messages.error, target | {"code": Error.NOT_FOUND, "ref": 1}),
        ("Unavailable", "The object cannot be shown now; the subscription stays.",
         messages.error, target | {"code": Error.UNAVAILABLE, "ref": 1}),
        ("TooManySubscriptions", "You have as many subscriptions as you may.",
         messages.error, target | {"code": Error.TOO_MANY_SUBSCRIPTIONS, "ref": 1}),
        ("TooManyWindows", "You have as many windows, or rows in them, as you may.",
         messages.error, window | {"code": Error.TOO_MANY_SUBSCRIPTIONS, "ref": 1}),
    )  # fmt: skip
    for name, summary, make, given in frames:
        schema, example = _frame(make, PARTS, **given)
        yield Message(resource_name(resource) + name, summary, schema, example, resource)


def _refusals() -> Iterator[Message]:
    said = {"code": Error.INVALID, "detail": "id: This field is required.", "ref": 1}
    detail = PARTS | {"detail": TEXT | {"description": "What is wrong with the frame."}}
    schema, example = _frame(messages.error, detail, ("ref", "window"), **said, window="drafts")
    yield Message("Invalid", "Your frame was not understood.", schema, example)
    schema, example = _frame(messages.error, PARTS, code=Error.RATE_LIMITED)
    yield Message("RateLimited", "Too many frames: this one was not read.", schema, example)


# What the server takes.


def taken() -> Iterator[Message]:
    """Yield each frame that a client may send."""
    for resource in registry:
        target = {"model": resource.label, "id": opaque.encode(resource.model, KEY)}
        name, window = resource_name(resource), {"model": resource.label, "window": "drafts"}
        commands: tuple[tuple[str, str, Any, dict[str, Any]], ...] = (
            ("Subscribe", "Ask for a live copy of an object.",
             parsing.SERIALIZERS["subscribe"], target | {"etag": EXAMPLE_ETAG, "ref": 1}),
            ("Unsubscribe", "End the subscription of an object.",
             parsing.SERIALIZERS["unsubscribe"], {"action": "unsubscribe"} | target),
            ("OpenWindow", "Ask for a live list.",
             parsing.OF_WINDOWS["subscribe"], window | {"limit": 50, "ref": 3}),
            ("CloseWindow", "End a live list.",
             parsing.OF_WINDOWS["unsubscribe"], {"action": "unsubscribe"} | window),
        )  # fmt: skip
        for verb, summary, serializer, example in commands:
            schema = _command(serializer, resource, example.get("action"))
            yield Message(verb + name, summary, schema, example, resource)
    schema = _command(parsing.SERIALIZERS["ping"], None, "ping")
    yield Message("Ping", "Ask for a pong.", schema, {"action": "ping", "ref": 2})
    schema = _command(parsing.SERIALIZERS["renew"], None, "renew")
    renew = {"action": "renew", "ticket": "9mZk1dT5sX", "ref": 3}
    yield Message("Renew", "Go on by another credential of yours.", schema, renew)


def _command(serializer: Any, resource: Resource | None, action: str | None) -> Schema:
    """Return the schema of what a serializer takes; without an action it is a subscribe."""
    properties = {name: _part(f, name, resource) for name, f in serializer.fields.items()}
    properties["action"] = const(action or "subscribe")
    optional = {name for name, field in serializer.fields.items() if not field.required}
    return closed(properties, optional - ({"action"} if action else set()))


def _part(field: Any, name: str, resource: Resource | None) -> Schema:
    match field:
        case parsing.ReferenceField():
            return REF
        case parsing.WindowField():
            return WINDOW
        case parsing.RowsField():
            return {"type": "integer", "minimum": 1, "maximum": MOST_ROWS, "default": ROWS}
        case parsing.HaveField():
            etags = {"type": "object", "maxProperties": MOST_HAVE, "additionalProperties": TEXT}
            return etags | {"description": "The etags of payloads that you hold, by id."}
        case parsing.ModelField() if resource is not None:
            return const(resource.label)
        case serializers.JSONField() if resource is not None:
            return where(resource)
    return TEXT | ABOUT.get(name, {})


def where(resource: Resource) -> Schema:
    """Return the schema of filters: for each declared field a value, or a list of values."""
    properties: dict[str, Schema] = {}
    for name in resource.filters:
        value = {"type": sorted({JSON_NAMES[t] for t in types_of(resource, name)} | {"null"})}
        values = {"type": "array", "items": value, "minItems": 1, "maxItems": MOST_VALUES}
        properties[name] = {"oneOf": [value, values]}
    return closed(properties, properties)
