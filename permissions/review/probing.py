"""The probe: fills everything with canaries, shows it to every audience, and compares the payloads.

Whatever it writes is rolled back. Each column in turn gets another canary: what then differs in a
payload shows that column, even if code has shortened, counted or encoded it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import orjson
from django.db import transaction
from django.urls import URLResolver, get_resolver
from rest_framework.test import APIRequestFactory, force_authenticate

from permissions.audiences import Audience, Resource, registry
from permissions.loading import load
from permissions.read import read
from permissions.rendering import payload
from permissions.representation import ObjectKey
from permissions.rest import AudienceViewSet
from permissions.review.catalogue import column
from permissions.review.filling import is_traceable
from permissions.review.findings import Fault, Findings, declared, judge
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
    loaded = load(resource, resource.model._base_manager.filter(pk=obj.pk), savepoint=True)[obj.pk]
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
    """Check that REST, alone and in a list, and the socket show the same, and no other canary."""
    where = (resource.label, audience.name)
    reader = scene.reader(resource, audience, obj)
    if reader is None:
        findings.tried -= {each for each in findings.fields if each[:2] == where}
        findings.unfilled[where] = "nobody can be in this audience and in none before it"
        return
    pair = (reader.pk, ObjectKey(resource.label, obj.pk))
    pushed = read(scene.tenant.pk, [pair]).seen[pair]
    body = pushed.body if pushed is not None else None
    for door, answer in _doors(resource, scene, reader, obj):
        if not _holds(answer, body):
            findings.add(Fault(*where, "", f"{door} shows something else than the socket"))
        for canary in _foreign(resource, audience, scene, answer):
            findings.add(Fault(*where, "", f"{door} holds the canary of {canary}"))


def _doors(resource: Resource, scene: Scene, reader: Any, obj: Any) -> Iterator[tuple[str, bytes]]:
    """Yield the answers of the resource's own addresses, if it has any."""
    slug = type(scene.tenant).objects.values_list("slug", flat=True).get(pk=scene.tenant.pk)
    for view in _views(get_resolver(), resource):
        for door, options in (("retrieve", {"pk": opaque.encode(type(obj), obj.pk)}), ("list", {})):
            if view.actions.get("get") == door:
                request = APIRequestFactory().get("/", headers={"X-Tenant": slug})
                force_authenticate(request, user=reader)
                answer = view(request, **options).render()
                yield f"REST {door}", answer.content + repr(sorted(answer.items())).encode()


def _views(resolver: Any, resource: Resource) -> Iterator[Any]:
    for pattern in resolver.url_patterns:
        if isinstance(pattern, URLResolver):
            yield from _views(pattern, resource)
            continue
        view = getattr(pattern.callback, "cls", object)
        if issubclass(view, AudienceViewSet) and getattr(view, "resource", None) is resource:
            yield pattern.callback


def _holds(answer: bytes, body: bytes | None) -> bool:
    """Return whether the answer has this payload's bytes: a payload is rendered only once."""
    return body is not None and body in answer


def _foreign(resource: Resource, audience: Audience, scene: Scene, answer: bytes) -> Iterator[str]:
    """Yield the columns whose canaries are in the answer and that no field declares."""
    known = frozenset().union(*declared(resource, audience).values())
    for (source, _), (canary, _) in scene.values.items():
        if source not in known and is_traceable(canary) and canary.encode() in answer:
            yield ".".join(source)
