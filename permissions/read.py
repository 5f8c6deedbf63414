"""The one read: what users see of objects, in one database snapshot, for REST and push alike."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from permissions import accesslog, decision
from permissions.audiences import Audience, Resource, registry
from permissions.loading import load_keys
from permissions.rendering import plainly, render, unobserved
from permissions.representation import ObjectKey, Representation
from permissions.snapshot import in_snapshot
from tenants.keys import Key

Pair = tuple[int, ObjectKey]


@dataclass(frozen=True, slots=True)
class Reading:
    """What a batch of (user id, key) pairs sees at the tenant's `revision`; None: no audience."""

    revision: int
    seen: Mapping[Pair, Representation | None]


def read(tenant_id: int, pairs: Collection[Pair]) -> Reading:
    """Read a batch of pairs of one tenant in a new snapshot.

    Takes a constant number of queries per resource, and one rendering per object and audience,
    however many users ask. Unknown models, other tenants' objects and forbidden objects all give
    None.
    """
    return in_snapshot(lambda guarded: read_within(tenant_id, pairs, guarded=guarded))


def read_within(
    tenant_id: int, pairs: Collection[Pair], *, guarded: bool, revision: int | None = None
) -> Reading:
    """Do `read` inside the caller's snapshot, in which the tenant's `revision` may be known;
    `guarded` adds savepoints."""
    if revision is None:
        revision = accesslog.revision(tenant_id)
    seen: dict[Pair, Representation | None] = dict.fromkeys(pairs)
    for label, wanted in _by_label(pairs).items():
        resource = registry.get(label)
        allowed = decision.audiences(resource, tenant_id, wanted)
        seen_by_some = {pk for (_, pk), a in allowed.items() if a}
        objects = objects_of(resource, tenant_id, seen_by_some, guarded=guarded)
        keys = {pk: ObjectKey(label, pk) for pk in objects}
        rendered = _rendered(resource, objects, allowed, revision, guarded)
        seen.update(
            {(user_id, keys[pk]): shown for (user_id, pk), shown in rendered.items() if pk in keys}
        )
    return Reading(revision, seen)


def read_across(
    wanted: Mapping[int, Collection[Pair]],
) -> dict[tuple[int, Pair], Representation | None]:
    """Read pairs of many tenants in one new snapshot, which has no tenant's revision.

    Takes two statements per resource, whatever the number of tenants.
    """
    return in_snapshot(lambda guarded: read_across_within(wanted, guarded=guarded))


@dataclass(frozen=True, slots=True)
class Again:
    """What `read_across` shows, and the tenants' access revisions in the same snapshot."""

    revisions: Mapping[int, int]
    seen: Mapping[tuple[int, Pair], Representation | None]


def read_again(wanted: Mapping[int, Collection[Pair]]) -> Again:
    """Read as a GET does, in one new snapshot; it counts as no read, and tells of no failure."""

    def work(guarded: bool) -> Again:
        return Again(accesslog.revisions(wanted), read_across_within(wanted, guarded=guarded))

    with unobserved():
        return in_snapshot(work)


def read_across_within(
    wanted: Mapping[int, Collection[Pair]], *, guarded: bool
) -> dict[tuple[int, Pair], Representation | None]:
    """Do `read_across` inside the caller's snapshot; `guarded` adds savepoints."""
    seen: dict[tuple[int, Pair], Representation | None] = {
        (tenant_id, pair): None for tenant_id, pairs in wanted.items() for pair in pairs
    }
    by_label: defaultdict[str, dict[int, set[tuple[int, Key]]]] = defaultdict(dict)
    for tenant_id, pairs in wanted.items():
        for label, some in _by_label(pairs).items():
            by_label[label][tenant_id] = some
    for label, asked in by_label.items():
        seen.update(_read_resource(registry.get(label), asked, guarded))
    return seen


def _read_resource(
    resource: Resource, asked: Mapping[int, Collection[tuple[int, Key]]], guarded: bool
) -> dict[tuple[int, Pair], Representation | None]:
    """Return what the pairs see of one resource, leaving out what they do not see."""
    answers = decision.ask_across(resource, asked)
    allowed = {
        (tenant_id, user_id, pk): audience
        for tenant_id, pairs in asked.items()
        for user_id, pk in pairs
        if (audience := answers[tenant_id].audience(user_id, pk))
    }
    tenant_ids = {tenant_id for tenant_id, _, _ in allowed}
    objects = load_keys(resource, tenant_ids, {pk for *_, pk in allowed}, savepoint=guarded)
    rendered = _rendered(resource, objects, allowed, 0, guarded)
    return {
        (tenant_id, (user_id, ObjectKey(resource.label, pk))): shown
        for (tenant_id, user_id, pk), shown in rendered.items()
    }


def _by_label(pairs: Iterable[Pair]) -> Mapping[str, set[tuple[int, Key]]]:
    by_label: defaultdict[str, set[tuple[int, Key]]] = defaultdict(set)
    for user_id, key in pairs:
        if key.model in registry:
            by_label[key.model].add((user_id, key.pk))
    return by_label


def objects_of(
    resource: Resource, tenant_id: int, pks: Iterable[Key], *, guarded: bool = False
) -> dict[Key, Any]:
    """Return the tenant's objects with these keys, with what their payloads need, in one query."""
    return load_keys(resource, [tenant_id], set(pks), savepoint=guarded)


Asker = TypeVar("Asker", bound=tuple[Any, ...])
"""Who asks for what: the last item is the object's key."""


def _rendered(
    resource: Resource,
    objects: dict[Key, Any],
    allowed: Mapping[Asker, Audience | None],
    revision: int,
    guarded: bool,
) -> dict[Asker, Representation | None]:
    """Return what everybody sees, each object rendered at most once per audience.

    An object is let go as soon as it was: it may be as large as what was made of it.
    """
    by_object: defaultdict[Key, list[Asker]] = defaultdict(list)
    for asker in allowed:
        by_object[asker[-1]].append(asker)
    seen: dict[Asker, Representation | None] = dict.fromkeys(allowed)
    with plainly():
        for pk, askers in by_object.items():
            obj = objects.pop(pk, None)
            done: dict[str, Representation] = {}
            for asker in askers:
                audience = allowed[asker]
                if obj is None or audience is None:
                    continue
                if audience.name not in done:
                    done[audience.name] = render(
                        resource, audience, obj, revision, savepoint=guarded
                    )
                seen[asker] = done[audience.name]
    return seen
