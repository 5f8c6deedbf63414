"""On SQLite, OR REPLACE deletes rows that no trigger is told of: their intervals end all the same,
whichever unique column the rows were replaced by, and only if they were."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Group
from django.db import connection
from django.utils import timezone
from guardian.shortcuts import assign_perm

from realtime.models import Belongs, Held, Replaced
from resources.models import Document, DocumentGroupGrant, DocumentUserGrant, Profile
from tenants.models import Membership, Tenant, User
from tests.databases import only_on
from tests.realtime.capture.kept import unkept
from tests.world import World

# For PostgreSQL there is no such statement; the run on SQLite is the half that has these tests.
pytestmark = [
    only_on("sqlite", "PostgreSQL has no INSERT OR REPLACE."),
    pytest.mark.django_db,
]
RECURSIVE = pytest.mark.parametrize("recursive", [False, True], ids=["", "recursive triggers"])


@pytest.fixture
def place(transactional_db: None) -> World:
    world = World()
    assert unkept() == []
    return world


def run(*statements: str, recursive: bool = False) -> None:
    """Run these as another program does, which minds no references."""
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA foreign_keys = OFF")
        cursor.execute(f"PRAGMA recursive_triggers = {'ON' if recursive else 'OFF'}")
        try:
            for statement in statements:
                cursor.execute(statement)
        finally:
            cursor.execute("PRAGMA recursive_triggers = OFF")
            cursor.execute("PRAGMA foreign_keys = ON")


def copy(model: type, pk: int, verb: str = "INSERT OR REPLACE", **changed: str) -> str:
    """The statement that writes a row once more under another key."""
    columns = [f.column for f in model._meta.concrete_fields]  # type: ignore[attr-defined]
    table = model._meta.db_table  # type: ignore[attr-defined]
    changed = {"id": f"(SELECT max(id) + 1 FROM {table})", **changed}
    values = ", ".join(changed.get(name, f'"{name}"') for name in columns)
    names = ", ".join(f'"{name}"' for name in columns)
    return f"{verb} INTO {table} ({names}) SELECT {values} FROM {table} WHERE id = {pk}"


@RECURSIVE
@pytest.mark.parametrize("verb", ["INSERT OR REPLACE", "REPLACE"])
def test_intervals_of_rows_that_a_row_of_another_key_replaces_end(
    place: World, verb: str, *, recursive: bool
) -> None:
    crowd = Group.objects.create(name="crowd")
    assign_perm("view_document", crowd, place.document)
    place.user("member").groups.add(crowd)
    through = User.groups.through
    rows = (
        (DocumentUserGrant, DocumentUserGrant.objects.get(user=place.user("viewer")).pk),
        (DocumentGroupGrant, DocumentGroupGrant.objects.get(group=crowd).pk),
        (Membership, Membership.objects.get(user=place.user("member")).pk),
        (through, through.objects.get(user=place.user("member"), group=crowd).pk),
    )
    for model, pk in rows:
        run(copy(model, pk, verb), recursive=recursive)
        assert unkept() == [], model
    assert not Replaced.objects.exists()


@RECURSIVE
def test_of_users_and_tenants_too(place: World, *, recursive: bool) -> None:
    User.objects.filter(username="viewer").update(is_active=False)
    Tenant.objects.filter(slug="globex").update(is_active=False)
    for model, of in (
        (User, {"pk": place.user("viewer").pk}), (Tenant, {"slug": "globex"}),
    ):  # fmt: skip
        run(copy(model, model.objects.get(**of).pk), recursive=recursive)
        assert unkept() == [], model


@RECURSIVE
def test_of_a_group_whose_grants_are_left_over(place: World, *, recursive: bool) -> None:
    crowd = Group.objects.create(name="crowd")
    assign_perm("view_document", crowd, place.document)
    run(copy(Group, crowd.pk), recursive=recursive)
    assert unkept() == []
    assert Held.objects.exclude(ended_at=None).filter(principal=f"group:{crowd.pk}").exists()


@RECURSIVE
def test_of_an_object_that_another_one_replaces(place: World, *, recursive: bool) -> None:
    profile = place.profile("viewer")
    run(copy(Profile, profile.pk), recursive=recursive)
    assert unkept() == []


def test_of_an_object_that_one_in_a_tenant_that_is_being_deleted_replaces(place: World) -> None:
    there = place.tenants["globex"]
    Tenant.objects.filter(pk=there.pk).update(is_active=False, deleting_since=timezone.now())
    key = str(place.document.pk)
    run(copy(Document, place.document.pk, id=key, tenant_id=str(there.pk)))
    of = {"model": "resources.document", "object_id": place.document.pk}
    owned = Held.objects.filter(**of, source="resources_document.owner_id")
    assert [each.ended for each in owned] == ["replaced"]


@RECURSIVE
def test_update_that_replaces_ends_them_too(place: World, *, recursive: bool) -> None:
    first, second = (
        DocumentUserGrant.objects.get(user=place.user(name)) for name in ("viewer", "editor")
    )
    table = DocumentUserGrant._meta.db_table
    run(
        f"UPDATE OR REPLACE {table} SET user_id = {first.user_id},"
        f" permission_id = {first.permission_id} WHERE id = {second.pk}",
        recursive=recursive,
    )
    assert unkept() == []
    place.grant("editor", "editor")
    third = DocumentUserGrant.objects.get(user=place.user("editor"))
    run(f"UPDATE OR REPLACE {table} SET id = {third.pk} WHERE id = {second.pk}",
        recursive=recursive)  # fmt: skip
    assert unkept() == []


def test_rename_that_replaces_a_deactivated_user_ends_what_they_were(place: World) -> None:
    User.objects.filter(username="viewer").update(is_active=False)
    run("UPDATE OR REPLACE earshot_tenants_user SET username = 'viewer' WHERE username = 'editor'")
    assert unkept() == []
    assert not Belongs.objects.filter(principal="deactivated", ended_at=None).exists()


def test_row_that_is_ignored_or_updated_instead_goes_on(place: World) -> None:
    grant = DocumentUserGrant.objects.get(user=place.user("viewer"))
    held = Held.objects.get(source_id=grant.pk, source=DocumentUserGrant._meta.db_table)
    upsert = " ON CONFLICT (user_id, permission_id, content_object_id) DO UPDATE SET granted_at = 1"
    run(
        copy(DocumentUserGrant, grant.pk, "INSERT OR IGNORE"),
        copy(DocumentUserGrant, grant.pk, "INSERT OR IGNORE"),
        copy(DocumentUserGrant, grant.pk, "INSERT") + upsert,
    )
    held.refresh_from_db()
    assert held.ended_at is None
    assert unkept() == []
    place.grant("member", "viewer")
    held.refresh_from_db()
    assert held.ended_at is None
    assert not Replaced.objects.exists()
