"""The one read: what users see of objects, in one database snapshot, for REST and push alike."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from permissions import accesslog, decision
from permissions.audiences import Resource, registry
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
        answer = decision.ask(resource, tenant_id, [(user_id, key.pk) for user_id, key in wanted])
        readers = _readers(answer, wanted)
        objects = objects_of(resource, tenant_id, readers, guarded=guarded)
        with plainly():
            seen.update(_rendered(resource, objects, readers, revision, guarded))
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
    by_label: defaultdict[str, dict[int, list[Pair]]] = defaultdict(dict)
    for tenant_id, pairs in wanted.items():
        for label, some in _by_label(pairs).items():
            by_label[label][tenant_id] = some
    for label, asked in by_label.items():
        seen.update(_read_resource(registry.get(label), asked, guarded))
    return seen


def _read_resource(
    resource: Resource, asked: Mapping[int, Collection[Pair]], guarded: bool
) -> dict[tuple[int, Pair], Representation | None]:
    """Return what the pairs see of one resource, leaving out what they do not see."""
    wanted = {t: [(user_id, key.pk) for user_id, key in pairs] for t, pairs in asked.items()}
    answers = decision.ask_across(resource, wanted)
    readers = {t: found for t, pairs in asked.items() if (found := _readers(answers[t], pairs))}
    pks = {pk for found in readers.values() for pk in found}
    objects = load_keys(resource, readers.keys(), pks, savepoint=guarded)
    with plainly():
        return {
            (tenant_id, pair): shown
            for tenant_id, found in readers.items()
            for pair, shown in _rendered(resource, objects, found, 0, guarded).items()
        }


def _by_label(pairs: Iterable[Pair]) -> Mapping[str, list[Pair]]:
    by_label: defaultdict[str, list[Pair]] = defaultdict(list)
    for pair in pairs:
        by_label[pair[1].model].append(pair)
    return {label: some for label, some in by_label.items() if label in registry}


Readers = Mapping[Key, Mapping[str, list[Pair]]]
"""The pairs that see something: by the object's key, then by the name of their audience."""


def _readers(answer: decision.Answer, pairs: Iterable[Pair]) -> Readers:
    readers: defaultdict[Key, defaultdict[str, list[Pair]]] = defaultdict(lambda: defaultdict(list))
    for pair in pairs:
        user_id, key = pair
        audience = answer.audience(user_id, key.pk)
        if audience is not None:
            readers[key.pk][audience.name].append(pair)
    return readers


def objects_of(
    resource: Resource, tenant_id: int, pks: Iterable[Key], *, guarded: bool = False
) -> dict[Key, Any]:
    """Return the tenant's objects with these keys, with what their payloads need, in one query."""
    return load_keys(resource, [tenant_id], set(pks), savepoint=guarded)


def _rendered(
    resource: Resource, objects: dict[Key, Any], readers: Readers, revision: int, guarded: bool
) -> dict[Pair, Representation]:
    """Return what these readers see, each object rendered once per audience.

    An object is let go as soon as it was: it may be as large as what was made of it.
    """
    seen: dict[Pair, Representation] = {}
    for pk in [pk for pk in readers if pk in objects]:
        obj = objects.pop(pk)
        for name, pairs in readers[pk].items():
            audience = resource.declared(name)
            shown = render(resource, audience, obj, revision, savepoint=guarded)
            seen.update(dict.fromkeys(pairs, shown))
    return seen
