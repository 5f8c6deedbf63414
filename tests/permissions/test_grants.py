"""Grants: which subject holds which audience, and who must stay."""

from concurrent.futures import Future, ThreadPoolExecutor
from copy import copy
from dataclasses import replace
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from guardian.shortcuts import assign_perm

from permissions import decision, grants
from permissions.audiences import Audience
from permissions.ceiling import SYSTEM
from permissions.grants import DefaultGrant, Grant, LastHolder, grants_of
from permissions.subjects import Subject, defaults
from resources.audiences import DOCUMENTS
from resources.models import Document, DocumentGroupGrant, DocumentUserGrant
from tests.databases import on_postgresql
from tests.permissions.conftest import Log, on_its_own
from tests.world import World

ADMINS = Subject(role="admin")
MEMBERS = Subject(role="member")


def audience(name: str) -> Audience:
    found = DOCUMENTS.audience(name)
    assert found is not None
    return found


def user(place: World, name: str) -> Subject:
    return Subject(user_id=place.user(name).pk)


def held(place: World, document: Document | None = None) -> dict[Subject, str]:
    found = grants_of(DOCUMENTS, document or place.document)
    return {grant.subject: grant.audience.name for grant in found}


def put(place: World, subject: Subject, name: str) -> None:
    grants.put(DOCUMENTS, place.document, subject, audience(name), actor=SYSTEM)


def decided(place: World, name: str) -> str | None:
    pair = (place.user(name).pk, place.document.pk)
    found = decision.audiences(DOCUMENTS, place.document.tenant_id, [pair])[pair]
    return found.name if found else None


def test_grants_are_listed_users_and_defaults_first_with_two_queries(place: World) -> None:
    put(place, MEMBERS, "viewer")
    put(place, ADMINS, "editor")
    with CaptureQueriesContext(connection) as captured:
        found = grants_of(DOCUMENTS, place.document)
    assert found == [
        Grant(user(place, "owner"), audience("owner"), default=True),
        Grant(user(place, "editor"), audience("editor")),
        Grant(user(place, "viewer"), audience("viewer")),
        Grant(ADMINS, audience("auditor"), default=True),
        Grant(MEMBERS, audience("viewer")),
        Grant(ADMINS, audience("editor")),
    ]
    assert len(captured) == 2


def test_grant_is_the_first_audience_that_the_subject_holds(place: World) -> None:
    assign_perm("audit_document", place.user("viewer"), place.document)
    assign_perm("delete_document", place.user("member"), place.document)
    assert held(place)[user(place, "viewer")] == "viewer"
    assert user(place, "member") not in held(place)


def test_only_roles_of_the_objects_tenant_are_listed(place: World) -> None:
    for name in ("readers", f"tenant:{place.tenants['globex'].pk}:admin"):
        group, _ = Group.objects.get_or_create(name=name)
        assign_perm("own_document", group, place.document)
    assert held(place)[ADMINS] == "auditor"
    assert len(held(place)) == 4


@pytest.mark.parametrize("name", ["owner", "editor", "viewer", "auditor"])
@pytest.mark.parametrize("who", ["viewer", "member"])
def test_put_gives_exactly_this_audience(place: World, who: str, name: str) -> None:
    assign_perm("audit_document", place.user("viewer"), place.document)
    put(place, user(place, who), name)
    rows = DocumentUserGrant.objects.filter(user=place.user(who), content_object=place.document)
    assert [row.permission.codename for row in rows] == [audience(name).permission]
    assert decided(place, who) == name


def test_put_of_what_is_there_changes_nothing(place: World) -> None:
    log = Log(place.document.tenant_id)
    put(place, user(place, "viewer"), "viewer")
    put(place, ADMINS, "auditor")
    put(place, user(place, "owner"), "owner")
    assert log.new() == []


def test_put_for_a_role_reaches_who_has_it(place: World) -> None:
    put(place, MEMBERS, "viewer")
    assert decided(place, "member") == "viewer"
    assert decided(place, "admin") == "auditor"
    put(place, MEMBERS, "editor")
    assert decided(place, "member") == "editor"
    assert DocumentGroupGrant.objects.filter(content_object=place.document).count() == 1


def test_take_tells_whether_there_was_anything(place: World) -> None:
    assert grants.take(DOCUMENTS, place.document, user(place, "viewer"), actor=SYSTEM) is True
    assert grants.take(DOCUMENTS, place.document, user(place, "viewer"), actor=SYSTEM) is False
    assert grants.take(DOCUMENTS, place.document, MEMBERS, actor=SYSTEM) is False
    assert set(held(place)) == {user(place, "owner"), user(place, "editor"), ADMINS}


@pytest.mark.parametrize("name", ["editor", "viewer", "auditor", None])
def test_what_the_declaration_gives_is_neither_taken_nor_lowered(
    place: World, name: str | None
) -> None:
    def lower() -> None:
        if name:
            put(place, user(place, "owner"), name)
        else:
            grants.take(DOCUMENTS, place.document, user(place, "owner"), actor=SYSTEM)

    with pytest.raises(DefaultGrant, match="'owner'") as caught:
        lower()
    assert caught.value.audience == "owner"
    assert decided(place, "owner") == "owner"


def test_default_is_the_one_that_is_stored_now(place: World) -> None:
    """The giver's instance was loaded before its owner changed."""
    Document.objects.filter(tenant=place.tenants["acme"]).update(owner=place.user("member"))
    assert place.document.owner == place.user("owner")
    with pytest.raises(DefaultGrant):
        put(place, user(place, "member"), "viewer")
    put(place, user(place, "owner"), "viewer")
    assert decided(place, "owner") == "viewer"


def test_grant_beside_the_default_is_taken_alone(place: World) -> None:
    put(place, ADMINS, "editor")
    assert decided(place, "admin") == "editor"
    assert grants.take(DOCUMENTS, place.document, ADMINS, actor=SYSTEM) is True
    assert decided(place, "admin") == "auditor"
    with pytest.raises(DefaultGrant):
        grants.take(DOCUMENTS, place.document, ADMINS, actor=SYSTEM)


def test_put_of_the_default_takes_the_grant_beside_it(place: World) -> None:
    put(place, ADMINS, "editor")
    put(place, ADMINS, "auditor")
    assert not DocumentGroupGrant.objects.filter(content_object=place.document).exists()
    assert decided(place, "admin") == "auditor"


def test_owner_by_a_grant_goes_while_somebody_is_named_as_the_owner(place: World) -> None:
    put(place, user(place, "editor"), "owner")
    assert grants.take(DOCUMENTS, place.document, user(place, "editor"), actor=SYSTEM)


def test_last_holder_by_a_grant_stays_where_no_field_names_one(shop: World) -> None:
    """Another user or a role: each of two may go, and then the other stays."""
    from tests.permissions.shop.models import Item
    from tests.permissions.shop.urls import ITEMS

    item = Item.objects.create(tenant=shop.tenants["acme"])
    keeper, looker = ITEMS.audiences
    who = user(shop, "owner")
    for other in (user(shop, "editor"), MEMBERS):
        grants.put(ITEMS, item, who, keeper, actor=SYSTEM)
        with pytest.raises(LastHolder, match="keeper") as caught:
            grants.take(ITEMS, item, who, actor=SYSTEM)
        assert caught.value.audience == "keeper"
        with pytest.raises(LastHolder):
            grants.put(ITEMS, item, who, looker, actor=SYSTEM)
        grants.put(ITEMS, item, other, keeper, actor=SYSTEM)
        assert grants.take(ITEMS, item, who, actor=SYSTEM)
        with pytest.raises(LastHolder):
            grants.take(ITEMS, item, other, actor=SYSTEM)
        grants.put(ITEMS, item, who, keeper, actor=SYSTEM)
        assert grants.take(ITEMS, item, other, actor=SYSTEM)
    Item.objects.filter(tenant=shop.tenants["acme"]).update(owner=shop.user("member"))
    assert grants.take(ITEMS, item, who, actor=SYSTEM)


@on_postgresql
def test_two_takings_of_the_last_two_holders_wait_for_each_other(shop: World) -> None:
    """Each sees the other's keeper still there, unless the second waits for the first's commit."""
    from tests.permissions.shop.models import Item
    from tests.permissions.shop.urls import ITEMS

    item = Item.objects.create(tenant=shop.tenants["acme"])
    for name in ("owner", "editor"):
        grants.put(ITEMS, item, user(shop, name), ITEMS.audiences[0], actor=SYSTEM)

    def second() -> object:
        return grants.take(ITEMS, item, user(shop, "editor"), actor=SYSTEM)

    with ThreadPoolExecutor(1) as executor:
        with transaction.atomic():
            grants.take(ITEMS, item, user(shop, "owner"), actor=SYSTEM)
            future = executor.submit(on_its_own, second)
            assert is_held_up(future)
        with pytest.raises(LastHolder):
            future.result(10)
    assert [grant.subject for grant in grants_of(ITEMS, item)] == [user(shop, "editor")]


def is_held_up(future: Future[Any]) -> bool:
    """Watch until it waits for a lock, True, or is done, False."""
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
    while not future.done():
        with connection.cursor() as cursor:
            cursor.execute(waiting)
            if cursor.fetchone()[0]:
                return True
    return False


# Holders and roles


def test_new_object_is_owned_and_audited(place: World) -> None:
    document = place.create(owner="member")
    assert held(place, document) == {user(place, "member"): "owner", ADMINS: "auditor"}


def test_creation_stores_no_grant_and_changes_nobodys_access(place: World) -> None:
    log = Log(place.document.tenant_id)
    new = [Document(tenant=place.tenants["acme"], owner=place.user("member"), title="New")] * 2
    rows = (DocumentUserGrant.objects.count(), DocumentGroupGrant.objects.count())
    place.create(owner="member")
    created = Document.objects.bulk_create(copy(document) for document in new)
    assert {tuple(held(place, d).values()) for d in created} == {("owner", "auditor")}
    assert (DocumentUserGrant.objects.count(), DocumentGroupGrant.objects.count()) == rows
    assert log.new() == []


def test_whom_two_fields_name_holds_the_first_of_their_audiences() -> None:
    both = replace(DOCUMENTS, holders={"checker": "viewer", "writer": "owner"})
    one, other = Subject(user_id=1), Subject(user_id=2)
    given = {who: a.name for who, a in defaults(both, {"checker": [1], "writer": [1]}).items()}
    assert given == {one: "owner", ADMINS: "auditor"}
    given = {who: a.name for who, a in defaults(both, {"checker": [1], "writer": [2]}).items()}
    assert given == {one: "viewer", other: "owner", ADMINS: "auditor"}
    assert set(defaults(both, {"checker": [], "writer": []})) == {ADMINS}


def test_ownership_follows_the_owner(place: World) -> None:
    place.document.owner = place.user("member")
    place.document.save()
    assert held(place) == {
        user(place, "member"): "owner",
        user(place, "editor"): "editor",
        user(place, "viewer"): "viewer",
        ADMINS: "auditor",
    }


@pytest.mark.parametrize("way", ["save", "update", "bulk_update"])
def test_moved_holder_touches_whom_the_field_named_and_whom_it_names(
    place: World, way: str
) -> None:
    log = Log(place.document.tenant_id)
    place.document.owner = place.user("member")
    rows = Document.objects.filter(tenant=place.tenants["acme"])
    if way == "save":
        place.document.save()
    elif way == "update":
        rows.update(owner=place.user("member"))
    else:
        rows.bulk_update([place.document], ["owner"])
    who = sorted(place.user(name).pk for name in ("owner", "member"))
    assert sorted(log.new()) == [(pk, "resources.document", place.document.pk) for pk in who]


def test_former_owner_keeps_other_grants(place: World) -> None:
    assign_perm("view_document", place.user("owner"), place.document)
    place.document.owner = place.user("member")
    place.document.save()
    assert decided(place, "owner") == "viewer"
