"""Permission tables log every write; the database numbers the log at commit."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.db import connection, transaction
from guardian.shortcuts import assign_perm, remove_perm

from permissions import accesslog, grants
from permissions.accesslog import Touch
from permissions.ceiling import SYSTEM
from permissions.models import AccessChange
from permissions.subjects import Subject
from resources.audiences import DOCUMENTS
from resources.models import Document, DocumentUserGrant
from tests.databases import on_postgresql
from tests.permissions.conftest import Log, elsewhere, on_its_own
from tests.world import World

DOCUMENT = "resources.document"


def permission(codename: str) -> Permission:
    return Permission.objects.get(content_type__app_label="resources", codename=codename)


def grant_of(world: World, username: str) -> Any:
    return DocumentUserGrant.objects.get(user=world.user(username), content_object=world.document)


def touch(world: World, username: str | None, document: Document | None = None) -> Any:
    user = world.user(username).pk if username else None
    return (user, DOCUMENT, (document or world.document).pk)


Write = Callable[[World], object]


def bulk(world: World, **options: Any) -> Any:
    rows = [
        DocumentUserGrant(
            user=world.user(name),
            permission=permission("view_document"),
            content_object=world.document,
        )
        for name in ("viewer", "member")
    ]
    return DocumentUserGrant.objects.bulk_create(rows, **options)


def create_by_save(world: World) -> None:
    DocumentUserGrant(
        user=world.user("member"),
        permission=permission("view_document"),
        content_object=world.document,
    ).save()


def move_by_save(world: World) -> None:
    grant = grant_of(world, "viewer")
    grant.user = world.user("member")
    grant.save()


def move_by_bulk_update(world: World) -> None:
    grant = grant_of(world, "viewer")
    grant.user = world.user("member")
    DocumentUserGrant.objects.bulk_update([grant], ["user"])


@pytest.mark.parametrize(
    ("write", "touched"),
    [
        (lambda w: assign_perm("view_document", w.user("member"), w.document), ["member"]),
        (lambda w: remove_perm("view_document", w.user("viewer"), w.document), ["viewer"]),
        (lambda w: bulk(w, ignore_conflicts=True), ["member"]),
        (lambda w: grant_of(w, "viewer").delete(), ["viewer"]),
        (lambda w: w.document.documentusergrant_set.all().delete(), ["editor", "viewer"]),
        (
            lambda w: w.document.documentusergrant_set.update(
                permission=permission("own_document")
            ),
            ["editor", "viewer"],
        ),
        (move_by_save, ["viewer", "member"]),
        (move_by_bulk_update, ["viewer", "member"]),
    ],
)
def test_write_to_a_users_permissions_is_logged(
    place: World, write: Write, touched: list[str]
) -> None:
    log = Log(place.tenants["acme"].pk)
    write(place)
    assert sorted(log.new()) == sorted(touch(place, name) for name in touched)


def test_grant_moved_to_another_object_touches_both(place: World) -> None:
    other = place.create(title="Other")
    for write in ("update", "save"):
        log = Log(place.tenants["acme"].pk)
        grant = grant_of(place, "viewer")
        if write == "update":
            rows = DocumentUserGrant.objects.filter(pk=grant.pk)
            assert rows.update(content_object=other) == 1
            rows.update(content_object=place.document)
        else:
            grant.content_object = other
            grant.save()
        assert set(log.new()) == {touch(place, "viewer"), touch(place, "viewer", other)}


def test_update_of_nothing_logs_nothing(place: World) -> None:
    log = Log(place.tenants["acme"].pk)
    assert DocumentUserGrant.objects.filter(user=place.user("member")).update(user=1) == 0
    assert log.new() == []


def test_update_is_seen_by_the_queryset_that_made_it(place: World) -> None:
    rows = DocumentUserGrant.objects.filter(content_object=place.document)
    assert permission("audit_document").pk not in {row.permission_id for row in rows}
    rows.update(permission=permission("audit_document"))
    assert {row.permission_id for row in rows} == {permission("audit_document").pk}


def test_grants_that_a_bulk_write_overwrites_are_logged(place: World) -> None:
    old = grant_of(place, "viewer")
    rows = [
        DocumentUserGrant(
            pk=old.pk,
            user=place.user(name),
            permission=permission("view_document"),
            content_object=place.document,
        )
        for name in ("member",)
    ]
    log = Log(place.tenants["acme"].pk)
    DocumentUserGrant.objects.bulk_create(
        rows, update_conflicts=True, update_fields=["user"], unique_fields=["id"]
    )
    assert set(log.new()) == {touch(place, "viewer"), touch(place, "member")}


def test_user_that_only_just_matches_an_update_is_not_changed_unlogged(world: World) -> None:
    """Between the update's reading and its writing another commit must not slip in unlogged.

    Whatever the order in which the two commit, everybody whose row was changed is in the log.
    """
    log = Log(world.tenants["acme"].pk)
    ready = threading.Barrier(2)

    def audit_all() -> None:
        ready.wait()
        rows = DocumentUserGrant.objects.filter(permission=permission("view_document"))
        rows.update(permission=permission("audit_document"))

    def move() -> None:
        grant = grant_of(world, "viewer")
        ready.wait()
        DocumentUserGrant.objects.filter(pk=grant.pk).update(user=world.user("member"))

    with ThreadPoolExecutor(2) as executor:
        for future in [executor.submit(on_its_own, work) for work in (audit_all, move)]:
            future.result(20)
    changed = DocumentUserGrant.objects.get(permission=permission("audit_document"))
    assert changed.user == world.user("member")
    assert {touch(world, "viewer"), touch(world, "member")} <= set(log.new())


# Numbers


def revisions(tenant_id: int, cause: str) -> list[int | None]:
    rows = AccessChange.objects.filter(tenant_id=tenant_id, cause=cause).order_by("pk")
    return list(rows.values_list("revision", flat=True))


def test_revisions_have_no_gaps_whoever_commits(world: World) -> None:
    acme = world.tenants["acme"].pk
    start = accesslog.revision(acme)
    ready = threading.Barrier(2)

    def write() -> None:
        ready.wait()
        for number in range(10):
            with transaction.atomic():
                accesslog.record(acme, [Touch(number)], "count")
                transaction.set_rollback(number % 4 == 3)

    with ThreadPoolExecutor(2) as executor:
        for future in [executor.submit(on_its_own, write) for _ in range(2)]:
            future.result(30)
    numbers = sorted(n for n in revisions(acme, "count") if n is not None)
    assert numbers == list(range(start + 1, start + 17))
    assert accesslog.revision(acme) == start + 16


def test_several_tenants_in_one_transaction_are_numbered_each(world: World) -> None:
    acme, globex = (world.tenants[slug].pk for slug in ("acme", "globex"))
    before = accesslog.revisions([acme, globex])
    with transaction.atomic():
        accesslog.record(globex, [Touch(1)], "both")
        accesslog.record(acme, [Touch(1)], "both")
    assert revisions(acme, "both") == [before[acme] + 1]
    assert revisions(globex, "both") == [before[globex] + 1]


def test_row_that_has_its_number_keeps_it(world: World) -> None:
    acme = world.tenants["acme"].pk
    before = accesslog.revision(acme)
    # As from a backup: of a transaction of old.
    AccessChange.objects.create(tenant_id=acme, revision=3, cause="restored", xid=1)
    assert revisions(acme, "restored") == [3]
    assert accesslog.revision(acme) == before


@on_postgresql
def test_transaction_gets_one_revision_at_its_commit(world: World) -> None:
    """The one that began to write first commits last, and has the higher number."""
    acme = world.tenants["acme"].pk
    start = accesslog.revision(acme)
    with transaction.atomic():
        accesslog.record(acme, [Touch(1), Touch(2)], "first")
        elsewhere(lambda: accesslog.record(acme, [Touch(3)], "second"))
        accesslog.record(acme, [Touch(4)], "first")
        assert revisions(acme, "first") == [None] * 3
        assert accesslog.revision(acme) == start + 1
    assert revisions(acme, "second") == [start + 1]
    assert revisions(acme, "first") == [start + 2] * 3
    assert accesslog.revision(acme) == start + 2


@on_postgresql
def test_tenants_named_in_opposite_orders_do_not_deadlock(world: World) -> None:
    tenants = [world.tenants[slug].pk for slug in ("acme", "globex")]
    ready = threading.Barrier(2)

    def write(order: list[int]) -> None:
        for _ in range(10):
            with transaction.atomic():
                for tenant in order:
                    accesslog.record(tenant, [Touch(1)], "crossed")
                ready.wait(10)

    with ThreadPoolExecutor(2) as executor:
        works = [tenants, tenants[::-1]]
        for future in [executor.submit(on_its_own, lambda o=o: write(o)) for o in works]:
            future.result(30)
    assert [len(set(revisions(tenant, "crossed"))) for tenant in tenants] == [20, 20]


@on_postgresql
def test_saves_do_not_deadlock_with_grants(world: World) -> None:
    """One grants and then saves what the other has saved, who then grants.

    If a grant locked its tenant's revision before the commit, each would wait for the other.
    """
    other = world.create(title="Other")
    granted, saved = threading.Event(), threading.Event()
    viewer = DOCUMENTS.audience("viewer")
    assert viewer is not None
    subject = Subject(user_id=world.user("member").pk)

    def save_and_grant() -> None:
        assert granted.wait(10)
        with transaction.atomic():
            Document.objects.across_tenants().filter(pk=other.pk).update(title="Saved")
            saved.set()
            grants.put(DOCUMENTS, other, subject, viewer, actor=SYSTEM)

    with ThreadPoolExecutor(1) as executor:
        future = executor.submit(on_its_own, save_and_grant)
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute("SET LOCAL lock_timeout = '10s'")
            grants.put(DOCUMENTS, world.document, subject, viewer, actor=SYSTEM)
            granted.set()
            assert saved.wait(10)
            Document.objects.across_tenants().filter(pk=other.pk).update(body="Also saved")
        future.result(20)
    other = Document.objects.across_tenants().get(pk=other.pk)
    assert (other.title, other.body) == ("Saved", "Also saved")
