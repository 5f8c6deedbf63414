"""The AsyncAPI document: the socket's frames, its close codes and its limits."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any, Final

from django.conf import settings

from permissions.audiences import registry
from project.contracts import examples, frames, payloads
from project.contracts.frames import Message
from project.contracts.schemas import Schema, reachable
from realtime.state.codes import Close
from realtime.transport.conversation import WELCOME_LIMITS
from tenants.limits import LIMITS, limits

MESSAGES: Final = "#/components/messages/"
CHANNEL: Final = "#/channels/"

CHANNEL_ABOUT: Final = """\
Connect with one credential: `?ticket=`, the header `Authorization: Token …`, or the session cookie.
The first one present counts. The connection is always accepted. If you may not stay, it is closed
with a code before any frame. Frames are JSON in text frames.
"""
STREAM_ABOUT: Final = """\
GET, with the parameters and credentials of a socket: each frame is the data of an event, and the
last event is `close`, with the close code as `code`. `send=` is a frame to begin with, and may be
repeated. Whoever may not stay gets the status of an error in its place.
"""
COMMANDS_ABOUT: Final = """\
POST a frame; or, as `application/x-ndjson`, one in each line. Authorize it with the header
`Authorization: Stream <secret>`, with the `secret` of the stream's WELCOME. The answer is 202.
"""

SENT_ABOUT: Final = "Of each object that you subscribed to, as your audience sees it, in order."
TAKEN_ABOUT: Final = "Each is answered; `ref` comes back with the answer."


def document(schemas: Mapping[str, Schema]) -> dict[str, Any]:
    """Return the document; `schemas` are those of payloads, by name."""
    sent = list(frames.sent(partial(examples.payload, schemas=schemas)))
    taken = list(frames.taken())
    about = settings.SPECTACULAR_SETTINGS
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": f"{about['TITLE']}: the socket",
            "version": about["VERSION"],
            "description": "Live copies of the objects that you may see, and live lists of them.",
            "tags": [{"name": payloads.resource_name(resource)} for resource in registry],
        },
        "defaultContentType": "application/json",
        "channels": {
            "socket": _channel([*sent, *taken]),
            "stream": _stream("/api/stream/", STREAM_ABOUT, sent),
            "streamCommands": _stream("/api/stream/{connection}/", COMMANDS_ABOUT, taken)
            | {"parameters": {"connection": {"description": "Of the stream's WELCOME."}}},
        },
        "operations": {
            "send": _operation("send", sent, "What the server sends", SENT_ABOUT),
            "receive": _operation("receive", taken, "What clients send", TAKEN_ABOUT),
            "sendInStream": _operation("send", sent, "What a stream brings", SENT_ABOUT, "stream"),
            "receiveForStream": _operation(
                "receive", taken, "What clients send for it", TAKEN_ABOUT, "streamCommands"
            ),
        },
        "components": {
            "messages": {message.name: _message(message) for message in (*sent, *taken)},
            "schemas": reachable([message.schema for message in sent], schemas),
        },
    }


def _channel(messages: Iterable[Message]) -> dict[str, Any]:
    text = {"type": "string"}
    query = {
        "ticket": text | {"description": "From `POST /api/tickets/`; it names the tenant."},
        "tenant": text | {"description": "The tenant's slug, if you belong to several."},
    }
    return {
        "address": "/ws/",
        "title": "The socket",
        "description": CHANNEL_ABOUT,
        "messages": {m.name: {"$ref": MESSAGES + m.name} for m in messages},
        "bindings": {
            "ws": {
                "bindingVersion": "0.1.0",
                "method": "GET",
                "query": {"type": "object", "properties": query},
                "headers": {"type": "object", "properties": {"Authorization": text}},
            }
        },
        "x-close-codes": [
            {"code": int(code), "meaning": code.meaning, "do": code.do} for code in Close
        ],
        "x-limits": _limits(),
    }


def _stream(address: str, about: str, messages: Iterable[Message]) -> dict[str, Any]:
    """Return a channel of HTTP, by which the same messages go."""
    return {
        "address": address,
        "description": about,
        "messages": {m.name: {"$ref": MESSAGES + m.name} for m in messages},
    }


def _limits() -> list[dict[str, Any]]:
    """What WELCOME names, as this server has it; a tenant may have its own."""
    now = limits()
    told = [limit for limit in LIMITS if limit.name in WELCOME_LIMITS]
    return [{"name": x.name, "value": now[x.name], "purpose": x.purpose} for x in told]


def _operation(
    action: str,
    messages: Iterable[Message],
    summary: str,
    description: str,
    channel: str = "socket",
) -> dict[str, Any]:
    where = CHANNEL + channel
    found = [{"$ref": f"{where}/messages/{message.name}"} for message in messages]
    return {
        "action": action,
        "channel": {"$ref": where},
        "summary": summary,
        "description": description,
        "messages": found,
    }


def _message(message: Message) -> dict[str, Any]:
    tags = [{"name": payloads.resource_name(message.resource)}] if message.resource else []
    return {
        "name": message.name,
        "summary": message.summary,
        "contentType": "application/json",
        "payload": message.schema,
        "examples": [{"payload": message.example}],
        **({"tags": tags} if tags else {}),
    }
