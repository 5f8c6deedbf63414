"""System checks of what serializers and resources declare for reviewers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from django.conf import settings
from django.core import checks

from permissions.audiences import Audience, Resource, registry
from permissions.payload_checks import why_not_built
from permissions.review.entries import UNDECLARED
from permissions.review.never import broken
from permissions.review.sensitivity import LABELS, declared, label, several
from tenants.problems import problem


def check_declarations(**_: Any) -> list[checks.CheckMessage]:
    """Check that labels and `never` name what exists, agree with each other, and are kept."""
    found: list[checks.CheckMessage] = []
    for resource in registry:
        if not all(map(_is_built, resource.audiences)):
            continue  # `permissions.checks` reports it
        for audience in resource.audiences:
            found.extend(_check_labels(resource, audience))
        found.extend(_check_agreement(resource))
        found.extend(_check_never(resource))
    return found


def _is_built(audience: Audience) -> bool:
    listed = isinstance(getattr(audience.serializer.Meta, "fields", None), list | tuple)
    return listed and not why_not_built(audience)


def _check_labels(resource: Resource, audience: Audience) -> Iterator[checks.CheckMessage]:
    serializer = audience.serializer
    for name, given in declared(serializer).items():
        if name not in audience.fields:
            yield problem(
                80,
                f"{serializer.__name__} labels {name!r}, which its payload does not have.",
                "Take it out of Meta.sensitivity, or add it to Meta.fields.",
                serializer,
            )
        if given not in LABELS:
            yield problem(
                80,
                f"{serializer.__name__} labels {name!r} as {given!r}, which is no label.",
                f"Say one of: {', '.join(LABELS)}.",
                serializer,
            )
    bare = [name for name in audience.fields if label(serializer, name) == UNDECLARED]
    if bare and getattr(settings, "REQUIRE_SENSITIVITY", False):
        yield problem(
            81,
            f"{serializer.__name__} does not say how sensitive these are: {', '.join(bare)}.",
            "Label each of them in Meta.sensitivity, or unset EARSHOT_REQUIRE_SENSITIVITY.",
            serializer,
        )


def _check_agreement(resource: Resource) -> Iterator[checks.CheckMessage]:
    """Check that no field has two labels: a reader of one serializer would rely on that one."""
    labels: dict[str, set[str]] = {}
    for audience in resource.audiences:
        for name, given in declared(audience.serializer).items():
            labels.setdefault(name, set()).add(given)
    for name, given_by_some in labels.items():
        if len(given_by_some) > 1:
            yield problem(
                82,
                f"{resource.label}.{name} has several labels: {', '.join(several(given_by_some))}.",
                "Give a field the same label in the serializers of all audiences.",
                resource.model,
            )


def _check_never(resource: Resource) -> Iterator[checks.CheckMessage]:
    columns = {column.name for column in resource.model._meta.concrete_fields}
    fields = columns.union(*(audience.fields for audience in resource.audiences))
    yield from _check_names(resource, "never", resource.never, fields)
    yield from _check_names(resource, "never_label", resource.never_label, set(LABELS))
    for each in broken(resource):
        yield problem(
            84,
            f"{resource.label} shows {each.field!r} to {each.audience.name}: it is {each.rule}.",
            f"Take it out of {each.audience.serializer.__name__}, or change the declaration.",
            each.audience.serializer,
        )


def _check_names(
    resource: Resource, what: str, rules: Mapping[str, Any], known: set[str]
) -> Iterator[checks.CheckMessage]:
    for subject, audiences in rules.items():
        unknown = [] if subject in known else [subject]
        if isinstance(audiences, str):  # its letters would be taken for names
            unknown.append(audiences)
        else:
            unknown += [name for name in audiences if resource.audience(name) is None]
        for name in unknown:
            yield problem(
                83,
                f"{resource.label} says `{what}` of {name!r}, which there is not.",
                'Write it like {"budget": ("viewer", "auditor")}: what, and which audiences.',
                resource.model,
            )
