"""The probe: fills everything with canaries, shows it to every audience, and compares the payloads.

Whatever it writes is rolled back. Each column in turn gets another canary: what then differs in a
payload shows that column, even if code has shortened, counted or encoded it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import orjson
from django.db import transaction
from django.db.models import QuerySet

from permissions.audiences import Audience, Resource, registry
from permissions.loading import load
from permissions.read import read
from permissions.rendering import payload
from permissions.representation import ObjectKey
from permissions.review import doors
from permissions.review.deciding_code import column
from permissions.review.doors import Shown
from permissions.review.filling import is_traceable
from permissions.review.findings import Fault, Findings, declared, judge
from permissions.review.rest_doors import over_rest
from permissions.review.scene import Scene, columns, values_of
from permissions.snapshot import rehearsal
from tenants import opaque
from tenants.encoding import dumps

Payloads = dict[str, dict[str, Any]]
"""By audience, what it is shown."""


def probe(resources: Iterable[Resource] = registry) -> Findings:
    """Probe these resources on the default database, which is unchanged when this returns."""
    findings = Findings()
    for resource in resources:
        with rehearsal():
            _probe(resource, Scene(findings), findings)
    return findings


def _probe(resource: Resource, scene: Scene, findings: Findings) -> None:
    obj = scene.object(resource)
    rows = list(scene.around(resource, obj))
    for row in rows:
        scene.fill(row)
    for audience in resource.audiences:
        shown = declared(resource, audience)
        findings.fields |= {(resource.label, audience.name, f): of for f, of in shown.items()}
    before = _payloads(resource, obj, findings)
    for row in rows:
        for field in columns(row):
            _move(resource, scene, obj, row, field.name, before)
    for audience in resource.audiences:
        if audience.name in before:
            _check_ids(resource, audience, obj, before[audience.name], findings)
            _check_doors(resource, audience, scene, obj, findings)


def _fields(audience: Audience) -> Any:
    return audience.serializer().fields.items()


def _payloads(resource: Resource, obj: Any, findings: Findings) -> Payloads:
    """Return what each audience is shown now; a serializer that fails is a fault."""
    row: QuerySet[Any] = QuerySet(resource.model).filter(pk=obj.pk)  # whatever managers hide
    loaded = load(resource, row, savepoint=True)[obj.pk]
    shown: Payloads = {}
    for audience in resource.audiences:
        try:
            shown[audience.name] = orjson.loads(dumps(payload(audience, loaded)))
        except Exception as error:  # a serializer may raise anything
            text = f"cannot be shown: {type(error).__name__}: {error}"
            findings.add(Fault(resource.label, audience.name, "", text))
    return shown


def _move(
    resource: Resource, scene: Scene, obj: Any, row: Any, name: str, before: Payloads
) -> None:
    """Write the alternative canary to one column, judge every payload, and take it back."""
    key = ((row._meta.label_lower, name), row.pk)
    if key not in scene.values:
        return
    stored = values_of(obj) | values_of(row)
    with transaction.atomic():
        if scene.set(row, name, scene.values[key][1]):
            now = values_of(obj) | values_of(row)
            changed = {each for each in now if now[each] != stored[each]}
            if key[0] not in changed:
                scene.findings.unfilled[key[0]] = "the database keeps it as it is"
            after = _payloads(resource, obj, scene.findings)
            for audience in resource.audiences:
                if audience.name in before and audience.name in after:
                    seen = before[audience.name], after[audience.name]
                    judge(resource, audience, changed, *seen, scene.findings)
        transaction.set_rollback(True)


def _check_ids(
    resource: Resource, audience: Audience, obj: Any, shown: dict[str, Any], findings: Findings
) -> None:
    """Check the key's field: the key cannot change, so any field but the opaque id is a fault."""
    for name, bound in _fields(audience):
        own = column(resource, bound)
        if own is not None and own.primary_key:
            if shown.get(name) == opaque.encode(resource.model, obj.pk):
                findings.tried.add((resource.label, audience.name, name))
            else:
                text = "shows the key, and not the opaque id"
                findings.add(Fault(resource.label, audience.name, name, text))


def _check_doors(
    resource: Resource, audience: Audience, scene: Scene, obj: Any, findings: Findings
) -> None:
    """Check that every door shows what is read, and nothing that follows from anything else."""
    where = (resource.label, audience.name)
    reader = scene.reader(resource, audience, obj)
    if reader is None:
        findings.tried -= {each for each in findings.fields if each[:2] == where}
        findings.unfilled[where] = "nobody can be in this audience and in none before it"
        return
    pair = (reader.pk, ObjectKey(resource.label, obj.pk))
    pushed = read(scene.tenant.pk, [pair]).seen[pair]
    body = pushed.body if pushed is not None else None
    for door, answer in _shown(resource, scene, reader, obj):
        if not _holds(answer, body):
            findings.add(Fault(*where, "", f"{door} shows something else than is read"))
        for canary in _foreign(resource, audience, scene, answer):
            findings.add(Fault(*where, "", f"{door} holds the canary of {canary}"))
    for door, names in _traces(resource, audience, scene, reader, obj):
        text = f"{door} differs with {names}, which nobody declared"
        findings.add(Fault(*where, "", text))


def _shown(resource: Resource, scene: Scene, reader: Any, obj: Any) -> Iterator[Shown]:
    """Yield what the reader is shown of the object, door by door."""
    for door in (over_rest, *doors.registered()):
        yield from door(resource, scene.tenant.pk, reader, obj.pk)


def _traces(
    resource: Resource, audience: Audience, scene: Scene, reader: Any, obj: Any
) -> Iterator[tuple[str, str]]:
    """Yield the doors at which a change of what the audience is not shown leaves a trace, and of
    which columns: also where it is a number, a length or an order, and no canary."""
    known = frozenset().union(*declared(resource, audience).values())
    own = {(resource.label, name) for name in resource.visible_by}
    rows = [obj, *(row for show in resource.shows for row in scene.shown(show, obj))]
    by_key = {(row._meta.label_lower, row.pk): row for row in rows}
    hidden = [
        (by_key[source[0], pk], source[1], values[1])
        for (source, pk), values in scene.values.items()
        if (source[0], pk) in by_key and source not in known | own
    ]
    before = dict(_shown(resource, scene, reader, obj))
    if hidden and _after(resource, scene, reader, obj, hidden) != before:
        for each in hidden:
            after = _after(resource, scene, reader, obj, [each])
            name = f"{each[0]._meta.label_lower}.{each[1]}"
            yield from ((door, name) for door in before if after[door] != before[door])


def _after(
    resource: Resource, scene: Scene, reader: Any, obj: Any, written: Iterable[tuple[Any, str, Any]]
) -> dict[str, bytes]:
    """Return what the reader is shown when these columns of rows have these values."""
    with transaction.atomic():
        for row, name, value in written:
            scene.set(row, name, value)
        found = dict(_shown(resource, scene, reader, obj))
        transaction.set_rollback(True)
    return found


def _holds(answer: bytes, body: bytes | None) -> bool:
    """Return whether the answer has this payload's bytes: a payload is rendered only once."""
    return body is not None and body in answer


def _foreign(resource: Resource, audience: Audience, scene: Scene, answer: bytes) -> Iterator[str]:
    """Yield the columns whose canaries are in the answer and that no field declares."""
    known = frozenset().union(*declared(resource, audience).values())
    for (source, _), (canary, _) in scene.values.items():
        if source not in known and is_traceable(canary) and canary.encode() in answer:
            yield ".".join(source)
