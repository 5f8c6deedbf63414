"""Frames, sockets and subscriptions for tests without a database."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from permissions.representation import NO_ETAG, ObjectKey, Representation
from realtime.state.frames import Frame
from realtime.state.mailbox import Mailbox
from realtime.state.sockets import Socket
from realtime.state.subscriptions import State, Subscription, Waiting
from resources.models import Document
from tenants import opaque
from tenants.credentials import Client, Credential, Identity
from tenants.limits import limits as tenant_limits

MODEL = "resources.document"
ID = opaque.encode(Document, 1)


def frame(version: int = 1, body: str | None = "{}", **seen: Any) -> Frame:
    """What viewers see of document 1: equal bodies of an audience have equal etags.

    Without a body it cannot be shown.
    """
    values: dict[str, Any] = {
        "tenant_id": 1,
        "key": ObjectKey(MODEL, 1),
        "audience": "viewer",
        "version": version,
        "revision": 0,
        "schema": "schema",
        "body": None if body is None else body.encode(),
        **seen,
    }
    values.setdefault("etag", NO_ETAG if body is None else f"{values['audience']}:{body}")
    return Frame(Representation(**values), ("title",))


def socket(
    user_id: int = 1,
    tenant_id: int = 1,
    name: str = "connection",
    limits: dict[str, int] | None = None,
) -> Socket:
    """A socket that nobody serves."""
    credential = Credential("token", f"key of {user_id}", None)
    own = tenant_limits(limits)
    identity = Identity(user_id, tenant_id, "acme", "member", credential, own)
    client = Client("127.0.0.1", "pytest")
    now = datetime(2030, 1, 31, tzinfo=UTC)
    mailbox = Mailbox(lambda: None)
    return Socket(name, identity, client, now, mailbox, lambda: None, lambda: 0, lambda _: None)


def subscription(
    of: Socket | None = None, *, pk: int = 1, audience: str | None = "viewer"
) -> Subscription:
    """A live subscription of document 1, as a viewer, that has got nothing yet."""
    of = of or socket()
    made = Subscription(of, ObjectKey(MODEL, pk), opaque.encode(Document, pk))
    made.state = State.LIVE
    made.audience = audience
    of.subscriptions[made.key] = made
    return made


def waiting(ref: str | int | None = None, etag: str | None = None) -> Waiting:
    """A subscribe that waits for its answer."""
    return Waiting(ref, etag)
