"""All that belongs to one tenant, whichever apps there are: found by keys, not by names."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any, Final

from django.apps import apps
from django.contrib.auth.models import Group
from django.db.models import QuerySet

from permissions.models import GroupGrant, UserGrant
from permissions.stored import in_tenant
from realtime.models import ChainEntry, ChainHead
from tenants.models import Membership, Revocation, Role, Tenant, Ticket, User
from tenants.roles import group_name

CREDENTIALS: Final = (Ticket, Revocation)
CHAIN: Final = (ChainEntry, ChainHead)
"""What seals the ledger, which `manage.py review export` writes."""
SECRETS: Final = frozenset({"digest", "key", "password", "token", "token_key"})
OF_THE_TENANT: Final = (
    "id", "slug", "name", "is_active", "record_payloads", "purpose", "record_reads",
    "limits",
)  # fmt: skip
OF_A_USER: Final = (
    "id", "username", "first_name", "last_name", "email", "is_active", "date_joined",
)  # fmt: skip
OF_THE_INVITED: Final = ("id", "username")


def rows(tenant: Tenant) -> Iterator[QuerySet[Any]]:
    """The rows of every model that has a key to the tenant, and the grants on those."""
    for model in apps.get_models():
        if not model._meta.proxy and (condition := _condition(model, tenant)):
            yield model._base_manager.filter(**condition).order_by("pk")


def _condition(model: Any, tenant: Tenant) -> dict[str, Any]:
    """Say which rows of a model are the tenant's: none, if nothing is said."""
    if issubclass(model, UserGrant | GroupGrant):
        target = model._meta.get_field("content_object").related_model
        return {"content_object__in": in_tenant(target, tenant.pk)}
    keys = (field.name for field in model._meta.fields if field.related_model is Tenant)
    return dict.fromkeys(islice(keys, 1), tenant.pk)


def members(tenant: Tenant) -> QuerySet[User]:
    """The users who are members of it, active or not."""
    return _users(tenant.memberships.joined())


def _users(places: QuerySet[Membership]) -> QuerySet[User]:
    return User.objects.filter(pk__in=places.values("user")).order_by("pk")


def only_here(tenant: Tenant) -> QuerySet[User]:
    """Its members who are in no other tenant."""
    elsewhere = User.objects.filter(earshot_memberships__in=_others(tenant))
    return members(tenant).exclude(pk__in=elsewhere.values("pk"))


def _others(tenant: Tenant) -> QuerySet[Any]:
    return tenant.memberships.model.objects.exclude(tenant=tenant)


def role_groups(tenant: Tenant) -> QuerySet[Group]:
    """The groups of its roles."""
    return Group.objects.filter(name__in=[group_name(tenant.pk, role) for role in Role.values])


def export(tenant: Tenant) -> Iterator[dict[str, Any]]:
    """It, its members and all its rows, each as `{"model", "row"}`; no password, no credential."""
    yield from _exported(Tenant.objects.filter(pk=tenant.pk), OF_THE_TENANT)
    yield from _exported(members(tenant), OF_A_USER)
    yield from _exported(_users(tenant.memberships.invited()), OF_THE_INVITED)
    for queryset in rows(tenant):
        if queryset.model not in (*CREDENTIALS, *CHAIN):
            yield from _exported(queryset, None)


def _exported(queryset: QuerySet[Any], names: tuple[str, ...] | None) -> Iterator[dict[str, Any]]:
    model = queryset.model
    names = names or tuple(field.attname for field in model._meta.concrete_fields)
    shown = [name for name in names if name not in SECRETS]
    for row in queryset.values(*shown).iterator():
        yield {"model": model._meta.label_lower, "row": row}
