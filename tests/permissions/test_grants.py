"""Grants: which subject holds which audience, and who must stay."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from guardian.shortcuts import assign_perm

from permissions import decision, grants
from permissions.audiences import Audience
from permissions.ceiling import SYSTEM
from permissions.grants import Grant, LastHolder, Subject, grants_of
from resources.audiences import DOCUMENTS, PROFILES
from resources.models import Document, DocumentGroupGrant, DocumentUserGrant, Profile
from tenants.models import Membership, Tenant
from tests.permissions.conftest import Log, on_its_own, on_postgresql
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


def test_grants_are_listed_users_first_with_two_queries(place: World) -> None:
    put(place, MEMBERS, "viewer")
    with CaptureQueriesContext(connection) as captured:
        found = grants_of(DOCUMENTS, place.document)
    assert found == [
        Grant(user(place, "owner"), audience("owner")),
        Grant(user(place, "editor"), audience("editor")),
        Grant(user(place, "viewer"), audience("viewer")),
        Grant(ADMINS, audience("auditor")),
        Grant(MEMBERS, audience("viewer")),
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
    assert DocumentGroupGrant.objects.filter(content_object=place.document).count() == 2


def test_take_tells_whether_there_was_anything(place: World) -> None:
    assert grants.take(DOCUMENTS, place.document, user(place, "viewer"), actor=SYSTEM) is True
    assert grants.take(DOCUMENTS, place.document, user(place, "viewer"), actor=SYSTEM) is False
    assert grants.take(DOCUMENTS, place.document, ADMINS, actor=SYSTEM) is True
    assert grants.take(DOCUMENTS, place.document, MEMBERS, actor=SYSTEM) is False
    assert set(held(place)) == {user(place, "owner"), user(place, "editor")}


@pytest.mark.parametrize("name", ["editor", "viewer", "auditor", None])
def test_last_owner_stays(place: World, name: str | None) -> None:
    def lower() -> None:
        if name:
            put(place, user(place, "owner"), name)
        else:
            grants.take(DOCUMENTS, place.document, user(place, "owner"), actor=SYSTEM)

    with pytest.raises(LastHolder, match="owner") as caught:
        lower()
    assert caught.value.audience == "owner"
    assert decided(place, "owner") == "owner"


@pytest.mark.parametrize("other", [user, lambda place, name: MEMBERS])
def test_owner_may_go_when_there_is_another(
    place: World, other: Callable[[World, str], Subject]
) -> None:
    """Another user or a role: each of two may go, and then the other stays."""
    put(place, other(place, "editor"), "owner")
    assert grants.take(DOCUMENTS, place.document, user(place, "owner"), actor=SYSTEM)
    with pytest.raises(LastHolder):
        grants.take(DOCUMENTS, place.document, other(place, "editor"), actor=SYSTEM)
    put(place, user(place, "owner"), "owner")
    assert grants.take(DOCUMENTS, place.document, other(place, "editor"), actor=SYSTEM)


@on_postgresql
def test_two_takings_of_the_last_two_owners_wait_for_each_other(world: World) -> None:
    """Each sees the other's owner still there, unless the second waits for the first's commit."""
    put(world, user(world, "editor"), "owner")

    def second() -> object:
        return grants.take(DOCUMENTS, world.document, user(world, "editor"), actor=SYSTEM)

    with ThreadPoolExecutor(1) as executor:
        with transaction.atomic():
            grants.take(DOCUMENTS, world.document, user(world, "owner"), actor=SYSTEM)
            future = executor.submit(on_its_own, second)
            assert is_held_up(future)
        with pytest.raises(LastHolder):
            future.result(10)
    assert decided(world, "editor") == "owner"


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


def test_objects_created_together_get_their_grants_together(place: World) -> None:
    def queries(count: int) -> int:
        new = [
            Document(tenant=place.tenants["acme"], owner=place.user("member"), title=str(number))
            for number in range(count)
        ]
        with CaptureQueriesContext(connection) as captured:
            created = Document.objects.bulk_create(new)
        assert {tuple(held(place, d).values()) for d in created} == {("owner", "auditor")}
        return len(captured)

    assert queries(1) == queries(20)


def test_nothing_created_needs_no_query(place: World) -> None:
    with CaptureQueriesContext(connection) as captured:
        grants.establish(DOCUMENTS, [])
    assert len(captured) == 0


def test_object_without_a_holder_has_only_its_roles(place: World) -> None:
    """As a resource whose holder may be absent would have it."""
    Document.objects.across_tenants().get(pk=place.document.pk)
    DocumentUserGrant.objects.all().delete()
    DocumentGroupGrant.objects.all().delete()
    place.document.owner_id = None  # type: ignore[assignment]
    grants.establish(DOCUMENTS, [place.document])
    assert held(place) == {ADMINS: "auditor"}


def test_ownership_follows_the_owner(place: World) -> None:
    place.document.owner = place.user("member")
    place.document.save()
    assert held(place) == {
        user(place, "member"): "owner",
        user(place, "editor"): "editor",
        user(place, "viewer"): "viewer",
        ADMINS: "auditor",
    }


def test_owner_that_follows_nobody_just_goes(place: World) -> None:
    before = {"owner": place.user("owner").pk}
    place.document.owner_id = None  # type: ignore[assignment]
    grants.follow(DOCUMENTS, [(place.document, before)])
    assert user(place, "owner") not in held(place)


def test_change_of_another_field_moves_nobody(place: World) -> None:
    log = Log(place.document.tenant_id)
    grants.follow(DOCUMENTS, [(place.document, {"title": "Old"})])
    assert log.new() == []


def test_former_owner_keeps_what_he_was_granted_besides(place: World) -> None:
    assign_perm("view_document", place.user("owner"), place.document)
    place.document.owner = place.user("member")
    place.document.save()
    assert decided(place, "owner") == "viewer"


def test_profiles_are_given_to_their_person_and_roles(place: World) -> None:
    profile = place.profile("owner")
    found = {grant.subject: grant.audience.name for grant in grants_of(PROFILES, profile)}
    assert found == {user(place, "owner"): "self", ADMINS: "admin", MEMBERS: "member"}


def test_roles_of_the_own_tenant_get_the_grants(place: World) -> None:
    tenant = Tenant.objects.create(slug="initech", name="Initech")
    Membership.objects.create(tenant=tenant, user=place.user("both"))
    profile = Profile.objects.get(tenant=tenant)
    groups = {g.name for g in Group.objects.filter(profilegroupgrant__content_object=profile)}
    assert groups == {f"tenant:{tenant.pk}:admin", f"tenant:{tenant.pk}:member"}
