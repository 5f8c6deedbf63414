"""Migrations of rows: what an earlier version stored of defaults goes, and comes back."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db import connection
from guardian.shortcuts import assign_perm

from permissions import decision
from permissions.audiences import Audience
from resources.audiences import DOCUMENTS
from resources.models import (
    Document,
    DocumentGroupGrant,
    DocumentUserGrant,
    Profile,
    ProfileGroupGrant,
    ProfileUserGrant,
)
from tenants.models import Membership, Tenant, User
from tenants.roles import group_name, role_group
from tests.world import World

pytestmark = pytest.mark.django_db

TABLES: list[Any] = [DocumentUserGrant, DocumentGroupGrant, ProfileUserGrant, ProfileGroupGrant]
Rows = set[tuple[Any, ...]]


def migrate(*, backwards: bool = False) -> None:
    migration = import_module("resources.migrations.0005_derived_defaults").Migration
    [operation] = migration.operations
    with connection.cursor() as cursor:
        for statement in operation.reverse_sql if backwards else operation.sql:
            cursor.execute(statement)


def stored() -> Rows:
    """Every grant and every member of a group."""
    found: Rows = set()
    for table in TABLES:
        who = "user__username" if "user" in {f.name for f in table._meta.fields} else "group__name"
        rows = table.objects.values_list(who, "content_object", "permission__codename")
        found |= {(table.__name__, *row) for row in rows}
    joined = User.groups.through.objects.values_list("user__username", "group__name")
    return found | {("joined", *row) for row in joined}


def defaults() -> Rows:
    """What the earlier version stored for these objects and memberships."""
    found: Rows = set()
    for document in Document.objects.across_tenants():
        admins = group_name(document.tenant_id, "admin")
        found.add(("DocumentUserGrant", document.owner.username, document.pk, "own_document"))
        found.add(("DocumentGroupGrant", admins, document.pk, "audit_document"))
    for profile in Profile.objects.across_tenants():
        found.add(("ProfileUserGrant", profile.user.username, profile.pk, "own_profile"))
        for role, name in (("admin", "administer_profile"), ("member", "view_profile")):
            group = group_name(profile.tenant_id, role)
            found.add(("ProfileGroupGrant", group, profile.pk, name))
    for place in Membership.objects.filter(is_active=True):
        found.add(("joined", place.user.username, group_name(place.tenant_id, place.role)))
    return found


def decided() -> dict[tuple[int, int, int], Audience | None]:
    """Everybody's audience of every document, in every tenant."""
    users = User.objects.values_list("pk", flat=True)
    documents = Document.objects.across_tenants().values_list("pk", flat=True)
    pairs = [(user_id, pk) for user_id in users for pk in documents]
    return {
        (tenant_id, *pair): audience
        for tenant_id in Tenant.objects.values_list("pk", flat=True)
        for pair, audience in decision.audiences(DOCUMENTS, tenant_id, pairs).items()
    }


def differing(place: World) -> None:
    """What is no default, or was granted by somebody."""
    other = place.create(owner="member", title="Other")
    assign_perm("own_document", place.user("editor"), place.document)
    assign_perm("view_document", place.user("owner"), place.document)
    assign_perm("view_document", role_group(place.tenants["acme"].pk, "member"), other)
    assign_perm("audit_document", role_group(place.tenants["globex"].pk, "admin"), other)
    friends = Group.objects.create(name="friends")
    assign_perm("audit_document", friends, other)
    place.user("viewer").groups.add(friends)
    row: Any = assign_perm("own_document", place.user("member"), other)
    DocumentUserGrant.objects.filter(pk=row.pk).update(granted_by=place.user("admin"))


def test_migration_takes_what_the_declaration_gives_and_nothing_else(place: World) -> None:
    Membership.objects.filter(user=place.user("viewer")).update(is_active=False)
    differing(place)
    rest, before = stored(), decided()
    migrate(backwards=True)
    assert stored() == rest | defaults()
    assert decided() == before
    migrate()
    assert stored() == rest
    assert decided() == before


def test_migration_backwards_keeps_who_granted_what(place: World) -> None:
    differing(place)
    for _ in range(2):
        migrate(backwards=True)
    granted = DocumentUserGrant.objects.filter(granted_by=place.user("admin"))
    assert [grant.user for grant in granted] == [place.user("member")]


def test_migration_of_an_empty_database_does_nothing(db: None) -> None:
    migrate()
    migrate(backwards=True)
    assert stored() == set()
