"""Writes that only the database sees: replacements, truncation, cascades, others' rights."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission
from django.db import connection

from permissions.models import AccessChange
from resources.models import DocumentUserGrant
from tenants.models import Membership, Tenant, User
from tests.databases import on_postgresql, only_on
from tests.world import World

pytestmark = pytest.mark.django_db

on_sqlite = only_on("sqlite", "PostgreSQL has no INSERT OR REPLACE.")


class Rows:
    """The log's rows from now on."""

    def __init__(self) -> None:
        self.start = max(AccessChange.objects.values_list("pk", flat=True), default=0)

    def new(self) -> list[tuple[Any, ...]]:
        rows = AccessChange.objects.filter(pk__gt=self.start).order_by("pk")
        return list(rows.values_list("tenant_id", "user_id", "object_id", "cause"))


def run(*statements: str) -> None:
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


@pytest.fixture
def place(db: None) -> World:
    return World()


def member(world: World, username: str) -> Membership:
    return Membership.objects.get(tenant__slug="acme", user=world.user(username))


# Replacing


@on_sqlite
def test_replaced_grant_touches_who_had_it(place: World) -> None:
    old = DocumentUserGrant.objects.get(user=place.user("viewer"))
    rows, document = Rows(), place.document
    run(
        "INSERT OR REPLACE INTO resources_documentusergrant"
        " (id, user_id, permission_id, content_object_id)"
        f" VALUES ({old.pk}, {place.user('member').pk}, {old.permission_id}, {document.pk})"
    )
    assert rows.new() == [
        (document.tenant_id, place.user(name).pk, document.pk, "granted")
        for name in ("viewer", "member")
    ]


@on_sqlite
@pytest.mark.parametrize("statement", ["INSERT OR REPLACE", "REPLACE", "UPDATE OR REPLACE"])
def test_membership_that_another_one_replaces_is_touched(place: World, statement: str) -> None:
    viewer, acme = member(place, "viewer"), place.tenants["acme"].pk
    other = member(place, "member")
    rows = Rows()
    if statement.startswith("UPDATE"):
        run(
            f"{statement} earshot_tenants_membership SET user_id = {viewer.user_id}"
            f" WHERE id = {other.pk}"
        )
        expected = {viewer.user_id, other.user_id}
    else:
        run(
            f"{statement} INTO earshot_tenants_membership"
            " (tenant_id, user_id, role, is_active, created_at, by_name)"
            f" VALUES ({acme}, {viewer.user_id}, 'admin', 1, '2026-11-27', 0)"
        )
        expected = {viewer.user_id}
    assert {row[1] for row in rows.new() if row[3] == "membership"} == expected


@on_sqlite
def test_row_that_is_there_already_and_ignored_touches_nobody(place: World) -> None:
    old = DocumentUserGrant.objects.get(user=place.user("viewer"))
    rows = Rows()
    run(
        "INSERT OR IGNORE INTO resources_documentusergrant"
        " (user_id, permission_id, content_object_id)"
        f" VALUES ({old.user_id}, {old.permission_id}, {place.document.pk})"
    )
    assert rows.new() == []


# Truncating


@on_postgresql
@pytest.mark.parametrize(
    "table", ["earshot_tenants_membership", "resources_documentusergrant", "knox_authtoken"]
)
def test_truncated_table_touches_everything_of_every_tenant(world: World, table: str) -> None:
    rows = Rows()
    run(f"TRUNCATE {table} CASCADE")
    tenants = {tenant.pk for tenant in world.tenants.values()}
    assert {row[:3] for row in rows.new()} >= {(tenant, None, None) for tenant in tenants}


@on_postgresql
def test_truncated_tenants_touch_what_they_had(world: World) -> None:
    rows, tenants = Rows(), {tenant.pk for tenant in world.tenants.values()}
    run("TRUNCATE earshot_tenants_tenant CASCADE")
    assert {row[0] for row in rows.new()} >= tenants


# Cascades


def test_deleted_user_takes_what_they_had_along(place: World) -> None:
    viewer, acme = place.user("viewer").pk, place.tenants["acme"].pk
    rows = Rows()
    User.objects.filter(pk=viewer).delete()
    assert (acme, viewer, None, "membership") in rows.new()
    assert (acme, viewer, place.document.pk, "granted") in rows.new()


def test_deleted_permission_takes_its_grants_along(place: World) -> None:
    rows = Rows()
    Permission.objects.get(codename="view_document", content_type__app_label="resources").delete()
    viewer = place.user("viewer").pk
    assert (place.document.tenant_id, viewer, place.document.pk, "granted") in rows.new()


@on_postgresql
def test_cascade_of_the_databases_own_is_logged(place: World) -> None:
    group = Group.objects.create(name="readers")
    group.user_set.add(place.user("viewer"))
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT conname FROM pg_constraint WHERE contype = 'f'"
            " AND conrelid = 'earshot_tenants_user_groups'::regclass"
            " AND confrelid = 'auth_group'::regclass"
        )
        [name] = cursor.fetchone()
    run(
        "SET CONSTRAINTS ALL IMMEDIATE",
        f"ALTER TABLE earshot_tenants_user_groups DROP CONSTRAINT {name}",
        "ALTER TABLE earshot_tenants_user_groups ADD FOREIGN KEY (group_id)"
        " REFERENCES auth_group (id) ON DELETE CASCADE",
    )
    rows = Rows()
    run(f"DELETE FROM auth_group WHERE id = {group.pk}")
    assert rows.new() == [(place.tenants["acme"].pk, place.user("viewer").pk, None, "groups")]


# Rights


@on_postgresql
def test_role_without_rights_on_the_logs_can_write(place: World) -> None:
    rows, viewer = Rows(), place.user("viewer")
    run(
        "SET CONSTRAINTS ALL IMMEDIATE",
        "CREATE ROLE writer",
        "GRANT SELECT, UPDATE ON earshot_tenants_membership, earshot_tenants_user TO writer",
        "SET LOCAL ROLE writer",
        f"UPDATE earshot_tenants_membership SET is_active = false WHERE user_id = {viewer.pk}",
        f"UPDATE earshot_tenants_user SET password = '!' WHERE id = {viewer.pk}",
        "SET CONSTRAINTS ALL IMMEDIATE",
        "RESET ROLE",
    )
    assert {row[3] for row in rows.new()} == {"membership", "password"}


@on_postgresql
@pytest.mark.parametrize("schema", ["pg_temp", "shadow"])
def test_schema_that_shadows_the_logs_gets_nothing(place: World, schema: str) -> None:
    rows, viewer = Rows(), place.user("viewer")
    run(
        "CREATE SCHEMA shadow",
        f"CREATE TABLE {schema}.earshot_permissions_accesschange"
        " (LIKE public.earshot_permissions_accesschange INCLUDING ALL)",
        f"CREATE TABLE {schema}.earshot_tenants_tenant (LIKE public.earshot_tenants_tenant)",
        "SET LOCAL search_path = shadow, public",
        "UPDATE public.earshot_tenants_membership SET is_active = false"
        f" WHERE user_id = {viewer.pk}",
        "SET LOCAL search_path = public",
    )
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM {schema}.earshot_permissions_accesschange")
        assert cursor.fetchone() == (0,)
    run("DROP TABLE IF EXISTS pg_temp.earshot_permissions_accesschange")
    assert [row[3] for row in rows.new()] == ["membership"]


@on_postgresql
def test_replicated_write_is_logged(place: World) -> None:
    rows, viewer = Rows(), place.user("viewer")
    run(
        "SET LOCAL session_replication_role = replica",
        f"UPDATE earshot_tenants_membership SET is_active = false WHERE user_id = {viewer.pk}",
    )
    assert [row[3] for row in rows.new()] == ["membership"]


# Costs


def test_group_of_a_thousand_costs_no_statement_for_each(
    place: World, django_assert_max_num_queries: Any
) -> None:
    group = Group.objects.create(name="readers")
    users = User.objects.bulk_create(User(username=f"reader{number}") for number in range(1000))
    Membership.objects.bulk_create(
        Membership(tenant=place.tenants["acme"], user=user) for user in users
    )
    rows = Rows()
    with django_assert_max_num_queries(9):
        group.user_set.add(*users)
    assert {row[1] for row in rows.new()} == {user.pk for user in users}
    rows = Rows()
    with django_assert_max_num_queries(9):
        group.user_set.clear()
    assert {row[1] for row in rows.new()} == {user.pk for user in users}


def test_tenant_that_is_deleted_is_touched(place: World) -> None:
    globex = place.tenants["globex"].pk
    rows = Rows()
    Tenant.objects.get(pk=globex).delete()
    assert (globex, None, None, "tenant") in rows.new()
