"""Whatever changes access ends in the access log: of its tenant, touching whom it touches."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.core import serializers
from guardian.shortcuts import assign_perm
from knox.models import AuthToken

from resources.models import Document, DocumentUserGrant
from tenants.models import Membership, Tenant, User
from tests.permissions.conftest import Log
from tests.world import World

DOCUMENT = "resources.document"


@pytest.fixture
def readers(place: World) -> Group:
    """A group of our own that may read the document; both and editor are in it."""
    group = Group.objects.create(name="readers")
    group.user_set.add(place.user("both"), place.user("editor"))
    assign_perm("view_document", group, place.document)
    return group


def users(log: Log) -> set[int | None]:
    assert {row[1:] for row in log.new()} <= {(None, None)}
    return {row[0] for row in log.new()}


@pytest.mark.parametrize(
    ("change", "touched"),
    [
        (lambda g, w: w.user("member").groups.add(g), {"member"}),
        (lambda g, w: w.user("both").groups.remove(g), {"both"}),
        (lambda g, w: w.user("both").groups.clear(), {"both"}),
        (lambda g, w: w.user("member").groups.set([g]), {"member"}),
        (lambda g, w: g.user_set.add(w.user("member"), w.user("viewer")), {"member", "viewer"}),
        (lambda g, w: g.user_set.remove(w.user("both")), {"both"}),
        (lambda g, w: g.user_set.clear(), {"both", "editor"}),
        (lambda g, w: g.user_set.set([w.user("both"), w.user("member")]), {"editor", "member"}),
        (lambda g, w: g.user_set.add(w.user("both")), set()),
    ],
)
def test_joining_or_leaving_a_group_touches_the_user_from_either_side(
    place: World, readers: Group, change: Callable[[Group, World], object], touched: set[str]
) -> None:
    log = Log(place.tenants["acme"].pk)
    change(readers, place)
    assert users(log) == {place.user(name).pk for name in touched}


def test_group_member_of_several_tenants_is_touched_in_each(place: World, readers: Group) -> None:
    logs = [Log(place.tenants[slug].pk) for slug in ("acme", "globex")]
    readers.user_set.remove(place.user("both"))
    assert [users(log) for log in logs] == [{place.user("both").pk}] * 2


def test_deleted_group_touches_its_users_and_what_they_could_see(
    place: World, readers: Group
) -> None:
    log = Log(place.tenants["acme"].pk)
    readers.delete()
    assert set(log.new()) == {
        (None, DOCUMENT, place.document.pk),
        *((place.user(name).pk, None, None) for name in ("both", "editor")),
    }


def test_group_grant_touches_the_object(place: World, readers: Group) -> None:
    log = Log(place.tenants["acme"].pk)
    assign_perm("change_document", readers, place.document)
    assert log.new("user_id", "model", "object_id", "cause") == [
        (None, DOCUMENT, place.document.pk, "granted")
    ]


@pytest.mark.parametrize(
    "delete",
    [
        lambda document: document.delete(),
        lambda document: Document.objects.across_tenants().filter(pk=document.pk).delete(),
    ],
)
def test_deleted_object_is_one_row_beside_those_of_its_grants(
    place: World, readers: Group, delete: Callable[[Document], object]
) -> None:
    log, pk = Log(place.tenants["acme"].pk), place.document.pk
    delete(place.document)
    rows = log.new("user_id", "model", "object_id", "cause")
    assert {row[1:3] for row in rows} == {(DOCUMENT, pk)}
    assert [row for row in rows if row[3] != "granted"] == [(None, DOCUMENT, pk, "deleted")]
    assert not DocumentUserGrant.objects.filter(content_object=pk).exists()


def test_deleted_user_is_touched_on_each_object(place: World) -> None:
    log, viewer = Log(place.tenants["acme"].pk), place.user("viewer").pk
    User.objects.get(pk=viewer).delete()
    assert (viewer, DOCUMENT, place.document.pk) in log.new()
    assert (viewer, None, None) in log.new()


@pytest.mark.parametrize(
    ("change", "whole"),
    [
        (lambda w: Membership.objects.filter(user=w.user("viewer")).update(is_active=False), False),
        (lambda w: Membership.objects.filter(user=w.user("viewer")).update(role="admin"), False),
        (lambda w: User.objects.filter(username="viewer").update(is_active=False), False),
        (lambda w: Tenant.objects.filter(slug="acme").update(is_active=False), True),
    ],
)
def test_changed_standing_touches_the_user_or_the_whole_tenant(
    place: World, change: Callable[[World], object], whole: bool
) -> None:
    log = Log(place.tenants["acme"].pk)
    change(place)
    assert users(log) == {None if whole else place.user("viewer").pk}


def test_ended_credential_touches_its_user(place: World) -> None:
    place.token("viewer")
    log = Log(place.tenants["acme"].pk)
    AuthToken.objects.filter(user=place.user("viewer")).delete()
    assert log.new("user_id", "cause") == [(place.user("viewer").pk, "credential")]


def test_fixture_that_overwrites_a_grant_touches_who_had_it(place: World) -> None:
    grant: Any = DocumentUserGrant.objects.get(
        user=place.user("viewer"), content_object=place.document
    )
    grant.user = place.user("member")
    fixture = serializers.serialize("json", [grant])
    log = Log(place.tenants["acme"].pk)
    for row in serializers.deserialize("json", fixture):
        row.save()
    assert {row[0] for row in log.new()} == {place.user("viewer").pk, place.user("member").pk}


def test_new_grant_with_a_key_of_its_own_touches_only_its_user(place: World) -> None:
    old = DocumentUserGrant.objects.get(user=place.user("viewer"), content_object=place.document)
    log = Log(place.tenants["acme"].pk)
    DocumentUserGrant.objects.create(
        pk=old.pk + 1000,
        user=place.user("member"),
        permission=old.permission,
        content_object=place.document,
    )
    assert log.new() == [(place.user("member").pk, DOCUMENT, place.document.pk)]
