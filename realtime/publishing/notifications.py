"""Notifications: what is sent after a commit, to whom, and what front ends make of it.

What a client receives maps to Redux actions by its `type` (see `messages`):

- `UPDATE_<MODEL>`: replace the object's payload; `changed` names the fields that moved.
- `AUDIENCE_CHANGED`: replace the whole object, its fields may be others now.
- `DELETE_<MODEL>`: remove the object.

What travels between processes are three messages: `hub.frame` to the group of an object's
audience, `hub.notice` to the group of a tenant whose access revision rose, and `hub.move` to the
group of a model of which some process has windows.
"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final, NamedTuple

from channels.layers import get_channel_layer
from django.db import close_old_connections, connection

from permissions.audiences import Resource, registry
from permissions.models import AccessRevision, Guarded
from permissions.read import objects_of
from permissions.rendering import render
from permissions.representation import ObjectKey
from permissions.snapshot import in_snapshot
from permissions.stored import version_of
from realtime.audit import ledger
from realtime.audit.models import Watch
from realtime.capture import changes, dependents
from realtime.capture.changes import Since
from realtime.capture.committed import Committed
from realtime.failures import broker, database, log_broken, log_failure
from realtime.metrics import PUBLISH_FAILURES
from realtime.publishing import framing, groups, layer_messages, moves
from realtime.publishing.layer_messages import Announcement, Layer
from realtime.publishing.moves import Move
from realtime.state.frames import Frame
from tenants.keys import Key
from tenants.limits import limits
from tenants.models import Tenant

logger = logging.getLogger(__name__)

Sent = tuple[str, Announcement]
"""A group, and a message to it."""

# Asked at each announcement: the ORM would take five times as long.
FACTS: Final = f"""
SELECT
  coalesce((SELECT revision FROM {AccessRevision._meta.db_table} WHERE tenant_id = t.id), 0),
  EXISTS (SELECT 1 FROM {Watch._meta.db_table} WHERE tenant_id = t.id AND model = %s),
  t.record_payloads
FROM {Tenant._meta.db_table} t WHERE t.id = %s
"""  # noqa: S608 - ours


class Facts(NamedTuple):
    """What must be known of a tenant before a change is announced: its access revision, whether any
    process has windows of the model, and whether the ledger keeps payloads."""

    revision: int = 0
    watched: bool = False
    payloads: bool = False


def publish(committed: Committed) -> list[Sent]:
    """Return the group messages that announce what committed.

    Reads each resource of each tenant in one snapshot, and serializes an object once for each
    audience that can see a difference. Objects that show a changed row are raised here too, in
    transactions of their own. A failing resource of a tenant does not stop the others.
    """
    by_resource: defaultdict[tuple[int, str], dict[Key, int]] = defaultdict(dict)
    for (tenant_id, key), version in committed.changed.items():
        if key.model in registry:
            by_resource[tenant_id, key.model][key.pk] = version
    messages = _notices(committed.noticed)
    for (tenant_id, label), versions in by_resource.items():
        messages += _attempt(_frames, registry.get(label), tenant_id, versions)
        _attempt(dependents.raise_shown, label, tenant_id, versions)
    if committed.noted:
        _attempt(dependents.raise_noted, committed.noted)
    close_old_connections()
    return messages


def _attempt(work: Callable[..., list[Sent] | None], *args: object) -> list[Sent]:
    """Return what the work returns; nothing if it fails: every hub's tail finds the changes."""
    try:
        done = work(*args) or []
        database.over()
        return done
    except Exception as error:
        PUBLISH_FAILURES.inc()
        log_failure(logger, "A change could not be announced; the tail finds it", error)
        close_old_connections()  # what failed may be the connection
        return []


def _notices(revisions: Mapping[int, int]) -> list[Sent]:
    return [
        (groups.of_tenant(tenant_id), {"type": "hub.notice", "tenant": tenant_id, "revision": r})
        for tenant_id, r in revisions.items()
    ]


def _frames(resource: Resource, tenant_id: int, versions: Mapping[Key, int]) -> list[Sent]:
    """Return the frames of changed objects; none of new ones, which nobody can subscribe to yet.

    Where some process has windows of the model, its group is told of new ones too.
    """

    def work(guarded: bool) -> tuple[Facts, Since, dict[Key, set[str] | None], dict[Key, Guarded]]:
        facts = facts_of(tenant_id, resource.label)
        since = changes.since(resource.label, versions)
        fields = {pk: since.fields(pk, creations=False) for pk in versions}
        changed = {pk: names for pk, names in fields.items() if names != set()}
        return facts, since, changed, objects_of(resource, tenant_id, changed, guarded=guarded)

    facts, since, changed, objects = in_snapshot(work)
    made = [
        framing.make(
            resource,
            render(resource, audience, obj, facts.revision),
            since.exact(obj.pk, version_of(obj)),
        )
        for obj in (objects[pk] for pk in versions if pk in objects)
        for audience in resource.audiences
        if resource.changed(audience, changed[obj.pk])
    ]
    ledger.write_pushes(tenant_id, made, payloads=facts.payloads)
    messages: list[Sent] = [
        (groups.of_object(tenant_id, f.key, f.seen.audience), layer_messages.to_layer(f))
        for f in made
    ]
    if facts.watched:
        group = groups.of_model(tenant_id, resource.label)
        told = _moves(resource, tenant_id, facts.revision, versions, since, made)
        messages += [(group, moves.to_layer(move)) for move in told]
    return messages


def facts_of(tenant_id: int, model: str) -> Facts:
    """Return what is so in the current snapshot; nothing is of a tenant that is gone."""
    with connection.cursor() as cursor:
        cursor.execute(FACTS, [model, tenant_id])
        row = cursor.fetchone()
    return Facts(row[0], bool(row[1]), bool(row[2])) if row else Facts()


def _moves(
    resource: Resource,
    tenant_id: int,
    revision: int,
    keys: Iterable[Key],
    since: Since,
    made: Iterable[Frame],
) -> Iterator[Move]:
    """Return what windows are told: of what was created, and of what some audience sees changed."""
    frames: defaultdict[Key, list[Frame]] = defaultdict(list)
    for frame in made:
        frames[frame.key.pk].append(frame)
    for pk in keys:
        created = since.is_created(pk)
        if created or frames[pk]:
            fields = since.fields(pk, creations=False)
            yield Move(
                tenant_id,
                ObjectKey(resource.label, pk),
                revision,
                None if fields is None else frozenset(fields),
                created,
                tuple(frames[pk]),
            )


def date(messages: Iterable[Sent], committed: float | None) -> None:
    """Note in each frame when the first of the commits that it may announce committed."""
    for _, message in messages:
        if message["type"] == "hub.frame":
            message["committed"] = committed


async def send(messages: list[Sent]) -> None:
    """Send to the broker; if it fails or hangs, log, count and leave the rest to the tail."""
    layer: Layer = get_channel_layer()
    for sent, (group, message) in enumerate(messages):
        try:
            async with asyncio.timeout(limits()["broker_timeout_seconds"]):
                await layer.group_send(group, message)
        except Exception as error:  # redis, sockets and layers raise what they like
            PUBLISH_FAILURES.inc(len(messages) - sent)
            log_broken(
                logger,
                f"The broker took {sent} of {len(messages)} messages; the tail delivers the rest",
                error,
            )
            return
    if messages:
        broker.over()
