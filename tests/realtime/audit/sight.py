"""What the ledger has of sockets, for the tests of who saw what."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from realtime.audit.models import Access, Push, Read
from tests.world import World


def had(world: World, username: str, audience: str, **values: Any) -> Access:
    """A live copy that somebody's socket has had of the document since now, or has."""
    return Access.objects.create(
        **{
            "tenant": world.tenants["acme"],
            "user_id": world.user(username).pk,
            "model": "resources.document",
            "object_id": world.document.pk,
            "audience": audience,
            "began_at": timezone.now(),
            "began": "subscribed",
            "process": 1,
            "connection": "c",
            **values,
        }
    )


def read(world: World, username: str, audience: str, minute: datetime) -> Read:
    """A read of the document over REST in this minute."""
    return Read.objects.create(
        tenant=world.tenants["acme"],
        user_id=world.user(username).pk,
        model="resources.document",
        object_id=world.document.pk,
        audience=audience,
        minute=minute,
    )


def pushed(world: World, etag: str, version: int, ago: float, audience: str = "viewer") -> Push:
    """A version that was pushed so many hours ago."""
    push = Push.objects.create(
        tenant=world.tenants["acme"],
        model="resources.document",
        object_id=world.document.pk,
        audience=audience,
        version=version,
        fields=[],
        etag=etag,
        size=1,
    )
    Push.objects.filter(pk=push.pk).update(at=timezone.now() - timedelta(hours=ago))
    return push


def hours(ago: float) -> Any:
    return timezone.now() - timedelta(hours=ago)
