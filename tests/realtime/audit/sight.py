"""What the ledger has of sockets, for the tests of who saw what."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from permissions.models import AccessChange
from realtime.audit.models import Access, Push, Read
from realtime.audit.viewings import Applied, Viewing
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


def viewed(world: World, username: str, **values: Any) -> Viewing:
    """A window that somebody has, in a process that has applied everything just now."""
    tenant = world.tenants["acme"]
    now = AccessChange.objects.filter(tenant=tenant).count() + 100
    Applied.objects.create(tenant=tenant, process=3, revision=now, read=now, at=hours(4))
    return Viewing.objects.create(
        **{
            "tenant": tenant,
            "user_id": world.user(username).pk,
            "model": "resources.document",
            "where": {},
            "process": 3,
            "connection": "c",
            "began_at": timezone.now(),
            **values,
        }
    )
