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
from realtime.transport.consumer import WELCOME_LIMITS
from tenants.limits import LIMITS, limits

MESSAGES: Final = "#/components/messages/"
CHANNEL: Final = "#/channels/socket"

CHANNEL_ABOUT: Final = """\
Connect with one credential: `?ticket=`, the header `Authorization: Token …`, or the session cookie.
The first one present counts. The connection is always accepted. If you may not stay, it is closed
with a code before any frame. Frames are JSON in text frames.
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
        "channels": {"socket": _channel([*sent, *taken])},
        "operations": {
            "send": _operation("send", sent, "What the server sends", SENT_ABOUT),
            "receive": _operation("receive", taken, "What clients send", TAKEN_ABOUT),
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


def _limits() -> list[dict[str, Any]]:
    """What WELCOME names, as this server has it; a tenant may have its own."""
    now = limits()
    told = [limit for limit in LIMITS if limit.name in WELCOME_LIMITS]
    return [{"name": x.name, "value": now[x.name], "purpose": x.purpose} for x in told]


def _operation(
    action: str, messages: Iterable[Message], summary: str, description: str
) -> dict[str, Any]:
    found = [{"$ref": f"{CHANNEL}/messages/{message.name}"} for message in messages]
    return {
        "action": action,
        "channel": {"$ref": CHANNEL},
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
