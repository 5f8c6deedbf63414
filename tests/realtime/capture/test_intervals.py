"""Intervals of who could see what: each is numbered, filled in, and left alone where all goes."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from guardian.models import GroupObjectPermission
from guardian.shortcuts import assign_perm, remove_perm

from permissions.audiences import registry
from permissions.grant_tables import GROUP, GrantTable
from permissions.models import AccessChange
from realtime.capture import installing, intervals
from realtime.capture.installing import GENERATORS, generalize, install
from realtime.models import Belongs, Held
from resources.models import Document, DocumentUserGrant
from tenants.models import Membership, Tenant, User
from tests.databases import on_postgresql
from tests.realtime.capture.kept import unkept
from tests.world import World

pytestmark = pytest.mark.django_db


@pytest.fixture
def place(transactional_db: None) -> World:
    return World()


def last() -> AccessChange:
    return AccessChange.objects.latest("pk")


def without_triggers(*tables: str) -> None:
    with connection.cursor() as cursor:
        for trigger in installing.wanted(connection.vendor):
            if trigger.table in tables:
                GENERATORS[connection.vendor].drop(cursor, *trigger.key)


def test_grant_is_held_until_it_is_revoked(place: World) -> None:
    before, member = timezone.now(), place.user("member")
    assign_perm("view_document", member, place.document)
    held = Held.objects.get(principal=f"user:{member.pk}", model="resources.document")
    assert (held.tenant_id, held.object_id) == (place.document.tenant_id, place.document.pk)
    assert (held.permission, held.began, held.since) == (
        "view_document",
        "granted",
        last().revision,
    )
    assert abs((held.began_at - before).total_seconds()) < 60
    assert (held.until, held.ended_at, held.ended, held.given_by) == (None, None, "", None)
    remove_perm("view_document", member, place.document)
    held.refresh_from_db()
    assert (held.until, held.ended) == (last().revision, "granted")
    assert held.ended_at is not None
    assert held.ended_at >= held.began_at


def test_grant_by_the_api_names_who_gave_it(place: World) -> None:
    url = f"{place.url}grants/user:{place.user_id('member')}/"
    assert place.rest("owner").put(url, {"audience": "viewer"}).status_code in (200, 201)
    held = Held.objects.get(source="resources_documentusergrant", given_by__gt=0)
    assert held.given_by == place.user("owner").pk


def test_creation_is_held_at_the_revision_as_it_stands(place: World) -> None:
    stands = last().revision
    made = Document.objects.create(
        tenant=place.document.tenant, owner=place.user("editor"), title="Other"
    )
    held = Held.objects.get(object_id=made.pk, model="resources.document")
    assert (held.since, held.began, held.permission) == (stands, "created", "own_document")
    assert last().revision == stands
    made.owner = place.user("owner")
    made.save()
    held.refresh_from_db()
    assert (held.until, held.ended) == (last().revision, "holder changed")
    mine = Held.objects.filter(object_id=made.pk, model="resources.document")
    assert mine.get(until=None).principal == f"user:{place.user('owner').pk}"
    made.delete()
    assert not mine.filter(until=None).exists()


def test_first_creation_of_a_tenant_is_of_revision_0(transactional_db: None) -> None:
    tenant, user = Tenant.objects.create(slug="new"), User.objects.create(username="new")
    AccessChange.objects.all().delete()
    made = Document.objects.create(tenant=tenant, owner=user, title="First")
    assert Held.objects.get(object_id=made.pk).since == 0


def test_grant_to_a_role_is_the_roles_and_that_to_a_group_the_groups(place: World) -> None:
    role = Group.objects.create(name=f"tenant:{place.document.tenant_id}:member")
    other = Group.objects.create(name=f"tenant:{place.document.tenant_id}0:member")
    for group in (role, other):
        assign_perm("view_document", group, place.document)
    found = Held.objects.filter(source="resources_documentgroupgrant").order_by("pk")
    assert [held.principal for held in found] == ["role:member", f"group:{other.pk}"]
    role.name = "crowd"
    role.save()
    assert [(held.principal, held.ended) for held in found.all()] == [
        ("role:member", "group"), (f"group:{other.pk}", ""), (f"group:{role.pk}", ""),
    ]  # fmt: skip


def test_role_is_held_while_a_member_is_active(place: World) -> None:
    members = Membership.objects.filter(user=place.user("member"))
    for values in ({"role": "admin"}, {"is_active": False}, {"is_active": True}):
        members.update(**values)
    found = Belongs.objects.filter(user_id=place.user("member").pk).order_by("pk")
    assert [(row.principal, row.ended) for row in found] == [
        ("role:member", "membership"), ("role:admin", "membership"), ("role:admin", ""),
    ]  # fmt: skip
    assert [row.until is None for row in found] == [False, False, True]


def test_what_keeps_somebody_out_is_kept(place: World) -> None:
    user, tenant = place.user("member"), place.tenants["globex"]
    User.objects.filter(pk=user.pk).update(is_active=False)
    Tenant.objects.filter(pk=tenant.pk).update(is_active=False)
    User.objects.filter(pk=user.pk).update(is_active=True)
    rows = Belongs.objects.filter(principal__in=("deactivated", "suspended")).order_by("pk")
    assert [(r.user_id, r.tenant_id, r.principal, r.ended) for r in rows] == [
        (user.pk, None, "deactivated", "user"), (None, tenant.pk, "suspended", ""),
    ]  # fmt: skip


def test_what_the_declarations_give_to_roles_is_one_row_a_model() -> None:
    def held() -> set[tuple[Any, ...]]:
        rows = Held.objects.filter(source="role", ended_at=None)
        return set(rows.values_list("model", "permission", "principal", "object_id"))

    before = held()
    assert ("resources.document", "audit_document", "role:admin", None) in before
    resource = registry.get("resources.document")
    registry.unregister(resource)
    try:
        install()
        gone = before - held()
    finally:
        registry.register(resource)
    assert {row[0] for row in gone} == {"resources.document"}
    install()
    assert held() == before
    assert Held.objects.filter(source="role").count() == len(before) + len(gone)


def written(place: World) -> None:
    DocumentUserGrant.objects.filter(user=place.user("viewer")).delete()
    assign_perm("view_document", place.user("member"), place.document)
    Membership.objects.filter(user=place.user("editor")).update(role="admin")
    User.objects.filter(pk=place.user("both").pk).update(is_active=False)
    Document.unscoped.filter(pk=place.document.pk).update(owner=place.user("editor"))


def test_what_was_written_without_triggers_is_filled_in(place: World) -> None:
    tables = {table for table, _ in installing.kept()}
    try:
        without_triggers(*tables)
        written(place)
        assert len(unkept()) == 4
    finally:
        install()
    assert unkept() == []
    now = Held.objects.filter(began="before the record")
    assert {held.source for held in now} == {
        "resources_documentusergrant", "resources_document.owner_id", "role",
    }  # fmt: skip
    assert not Held.objects.filter(source="role", began="declared").exists()
    assert Held.objects.filter(ended="unseen").count() == 2
    rows = Held.objects.count(), Belongs.objects.count()
    without_triggers(*tables)
    install()
    assert (Held.objects.count(), Belongs.objects.count()) == rows


def test_nothing_is_kept_of_a_tenant_that_goes(place: World) -> None:
    assign_perm("view_document", place.user("member"), place.document)
    Tenant.objects.filter(slug="acme").update(is_active=False, deleting_since=timezone.now())
    rows = list(Held.objects.order_by("pk").values())
    remove_perm("view_document", place.user("member"), place.document)
    assign_perm("change_document", place.user("member"), place.document)
    assert list(Held.objects.order_by("pk").values()) == rows


@on_postgresql
def test_transaction_numbers_its_intervals_alike(place: World) -> None:
    before = last().revision or 0
    with transaction.atomic():
        written(place)
        assert Held.objects.filter(until=before + 1, ended_at__isnull=False).count() == 2
    assert set(Held.objects.filter(since__gt=before).values_list("since")) == {(before + 1,)}
    assert set(Held.objects.exclude(until=None).values_list("until")) == {(before + 1,)}
    assert set(Belongs.objects.filter(until__gt=0).values_list("until")) == {(before + 1,)}


@on_postgresql
def test_holder_is_kept_while_migrations_run(place: World) -> None:
    generalize()
    try:
        made = Document.objects.create(
            tenant=place.document.tenant, owner=place.user("editor"), title="Other"
        )
        Document.unscoped.filter(pk=place.document.pk).update(owner=place.user("editor"))
        assert unkept() == []
        made.delete()
        assert unkept() == []
    finally:
        install()


def test_roles_are_declared_where_statements_are_recorded_too(place: World) -> None:
    """As with `DEBUG`: Django then formats what it was given."""
    Held.objects.filter(source="role").delete()
    Held.objects.create(
        source="role", source_id=0, model="resources.document", permission="gone",
        principal="role:member", began_at=timezone.now(), began="declared", ended="",
    )  # fmt: skip
    with CaptureQueriesContext(connection):
        install()
    left = Held.objects.filter(source="role", ended_at=None)
    assert {row.permission for row in left} == {
        resource.declared(name).permission
        for resource in registry
        for name in resource.roles.values()
    }
    assert {row.began for row in left} == {"declared"}


HAND_OVER = "UPDATE resources_document SET owner_id = {0} WHERE id = NEW.id"
AFTER = "CREATE TRIGGER hand_over AFTER INSERT ON resources_document FOR EACH ROW"
BY_TRIGGER = {
    "postgresql": f"""
        CREATE FUNCTION hand_over() RETURNS trigger LANGUAGE plpgsql
          AS $$ BEGIN {HAND_OVER}; RETURN NULL; END $$;
        {AFTER} EXECUTE FUNCTION hand_over()""",
    "sqlite": f"{AFTER} BEGIN {HAND_OVER}; END",
}


def test_holder_whom_another_trigger_replaces_after_the_insert_stays_in_the_record() -> None:
    """As docs/operations.md says: the intervals alone are wrong, until the row is next written."""
    world = World()
    owner, editor = world.user("owner"), world.user("editor")
    with connection.cursor() as cursor:
        cursor.execute(BY_TRIGGER[connection.vendor].format(editor.pk))
    made = Document.objects.create(tenant=world.document.tenant, owner=owner, title="Other")
    open_ones = Held.objects.filter(object_id=made.pk, model="resources.document", ended_at=None)
    assert f"user:{owner.pk}" in open_ones.values_list("principal", flat=True)
    Document.unscoped.filter(pk=made.pk).update(owner=world.user("viewer"))
    assert unkept() == []


def test_grants_on_groups_to_groups_look_up_both() -> None:
    """Both are rows of one table."""
    kept = intervals.grants(GrantTable(GroupObjectPermission, Group, GROUP), connection.vendor)
    with connection.cursor() as cursor:
        cursor.execute(kept.begins.format(row=f'"{GroupObjectPermission._meta.db_table}"'))
        assert cursor.fetchall() == []
    for alias in ("o", "g"):
        assert f'"auth_group" {alias} ' in kept.begins
