"""Builds the hypothesis from what somebody names, for the command and for REST alike."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from django.contrib.auth.models import Permission
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import ValidationError

from permissions.audiences import Audience, Resource
from permissions.review.hypotheses import (
    Declaring,
    Granting,
    Grouping,
    Hypothesis,
    Joining,
    Listing,
    Writing,
)
from permissions.review.subcommands import Unanswerable
from permissions.rows import Listed, listed
from permissions.subjects import Subject
from tenants.keys import Key
from tenants.models import GRANTABLE, Membership, Role, Tenant
from tenants.users import User


class Unusable(Unanswerable):
    """The parameter `name` does not say what is needed; the text says what would."""

    def __init__(self, name: str, text: str) -> None:
        self.name = name
        self.text = text
        super().__init__(f"{name}: {text}")


@dataclass(frozen=True, slots=True)
class Named:
    """What was named: things that were found, and words that are still to be interpreted."""

    tenant: Tenant
    user: User | None = None
    resource: Resource | None = None
    pk: Key | None = None
    group: str | None = None
    audience: str | None = None
    role: str | None = None
    column: str | None = None
    value: str | None = None
    holder: str | None = None
    permission: str | None = None
    rows: str | None = None
    team: str | None = None


def suppose(kind: str, named: Named) -> Hypothesis:
    """Return the hypothesis of this kind; raises Unusable."""
    match kind:
        case "grant" | "revoke":
            return _granting(kind, named)
        case "enter" | "quit":
            assert named.user is not None
            assert named.group is not None
            return Grouping(named.user.pk, named.group, kind == "enter")
        case "set":
            return _writing(named)
        case "widen":
            return _declaring(named)
        case "list" | "unlist":
            return _listing(kind, named)
    return _joining(kind, named)


def _granting(kind: str, named: Named) -> Granting:
    if (named.user is None) == (named.role is None):
        raise Unusable("user", "say a user or a role, and not both.")
    if named.role is not None:
        _one_of("role", named.role, GRANTABLE)
    assert named.resource is not None
    assert named.pk is not None
    audience = _audience(named.resource, named) if kind == "grant" else None
    subject = Subject(user_id=named.user.pk if named.user else None, role=named.role)
    return Granting(named.resource, named.pk, subject, audience)


def _joining(kind: str, named: Named) -> Joining:
    assert named.user is not None
    member = Membership.objects.filter(tenant=named.tenant, user=named.user).first()
    if named.role is not None:
        _one_of("role", named.role, Role.values)
    if kind == "join":
        kept = member.role if member else Role.MEMBER
        return Joining(named.user.pk, str(named.role or kept))
    if member is None:
        said = f"{named.user.get_username()!r} is no member of {named.tenant.slug}"
        raise Unusable("user", f"{said}; ask what joining would do.")
    if kind == "role":
        return Joining(named.user.pk, named.role if member.is_active else None)
    return Joining(named.user.pk, None, leaving=member.pk if kind == "leave" else None)


def _writing(named: Named) -> Writing:
    assert named.resource is not None
    assert named.pk is not None
    resource = named.resource
    _one_of("column", named.column, sorted({*resource.named, *resource.visible_by}))
    column: Any = resource.model._meta.get_field(str(named.column))
    return Writing(resource, named.pk, column.name, _value(column, named))


def _value(column: Any, named: Named) -> Any:
    """Return the value as the column takes it; a person is given as `user`."""
    if names_person(column):
        if named.user is None and not column.null:
            raise Unusable("value", "say which user; this column cannot be empty.")
        return named.user.pk if named.user else None
    try:
        return column.clean(named.value, None)
    except ValidationError as error:
        raise Unusable("value", " ".join(error.messages)) from error


def names_person(column: Any) -> bool:
    """Return whether a column names a user."""
    return bool(column.remote_field) and column.related_model is User


def _declaring(named: Named) -> Declaring:
    resource = named.resource
    assert resource is not None
    audience = _audience(resource, named)
    given = {n: v for n in ("role", "holder", "permission") if (v := getattr(named, n))}
    if len(given) != 1:
        raise Unusable("audience", "say by what it is wider: a role, a holder or a permission.")
    [(by, what)] = given.items()
    _one_of(by, what, _choices(resource)[by])
    if by == "role":
        return Declaring(resource, replace(resource, roles={**resource.roles, what: audience.name}))
    if by == "holder":
        holders = {**resource.holders, what: audience.name}
        return Declaring(resource, replace(resource, holders=holders))
    changed = replace(audience, permission=what)
    audiences = tuple(changed if each == audience else each for each in resource.audiences)
    return Declaring(resource, replace(resource, audiences=audiences))


def _listing(kind: str, named: Named) -> Listing:
    resource = named.resource
    assert resource is not None
    assert named.pk is not None
    sources = _sources(resource)
    _one_of("rows", named.rows, sources)
    each = sources[str(named.rows)]
    audience = None
    if kind == "list":
        _one_of("audience", named.audience, [audience.name for audience in each.given])
        audience = resource.declared(str(named.audience))
    return Listing(resource, each.number, named.pk, _listed(each, named), audience)


def _sources(resource: Resource) -> dict[str, Listed]:
    """Return the sources of rows by model; of one model, also by the field that names users."""
    found: dict[str, Listed] = {}
    for each in listed(resource):
        name = each.rows.model
        found[f"{name}.{each.rows.user}" if name in found else name] = each
    return found


def _listed(each: Listed, named: Named) -> Key:
    """Return the key of the user, or the team, that the row names."""
    if not each.rows.members:
        if named.user is None:
            raise Unusable("user", "say which user the row names.")
        return named.user.pk
    if named.team is None:
        raise Unusable("team", "say which team the row names, by its key.")
    try:
        key: Key = each.team._meta.pk.to_python(named.team)
    except ValidationError:
        key = None
    if not each.team._base_manager.filter(pk=key).exists():
        raise Unusable("team", f"there is no {each.team._meta.label} {named.team!r}.")
    return key


def _choices(resource: Resource) -> dict[str, list[str]]:
    columns = resource.model._meta.concrete_fields
    codes = Permission.objects.filter(
        content_type=ContentType.objects.get_for_model(resource.model)
    ).order_by("codename")
    return {
        "role": [str(role) for role in Role.values],
        "holder": [column.name for column in columns if names_person(column)],
        "permission": list(codes.values_list("codename", flat=True)),
    }


def _audience(resource: Resource, named: Named) -> Audience:
    _one_of("audience", named.audience, [audience.name for audience in resource.audiences])
    return resource.declared(str(named.audience))


def _one_of(name: str, given: str | None, known: Iterable[str]) -> None:
    choices = [str(each) for each in known]
    if given not in choices:
        raise Unusable(name, f"{given!r} is none of: {', '.join(choices) or 'nothing'}.")
