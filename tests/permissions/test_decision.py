"""Who is in which audience, against guardian's own answer."""

from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db import connection, transaction
from django.db.models import Q
from django.test.utils import CaptureQueriesContext
from guardian.shortcuts import assign_perm
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from permissions import decision
from permissions.audiences import Audience
from resources.audiences import DOCUMENTS, PROFILES
from resources.models import Document
from tenants.models import Membership, Role, Tenant, User
from tenants.roles import role_group
from tests.world import World

MEMBERS = ("owner", "editor", "viewer", "admin", "member", "both")
GROUPS = ("readers", "writers", "role:admin", "role:member")
DOCUMENT_NUMBERS = (0, 1)

codenames = st.sampled_from((*DOCUMENTS.permissions, "delete_document"))
documents = st.sampled_from(DOCUMENT_NUMBERS)
user_grants = st.sets(st.tuples(st.sampled_from((*MEMBERS, "rival", "root")), codenames, documents))
group_grants = st.sets(st.tuples(st.sampled_from(GROUPS), codenames, documents))
in_groups = st.sets(
    st.tuples(st.sampled_from((*MEMBERS, "rival", "root")), st.sampled_from(GROUPS[:2]))
)


class Scene:
    """Acme with a superuser among its members, two groups, and two documents without grants."""

    def __init__(self) -> None:
        self.world = World()
        self.tenant = self.world.tenants["acme"]
        root = self.world.user("root")
        User.objects.filter(pk=root.pk).update(is_superuser=True)
        Membership.objects.create(tenant=self.tenant, user=root)
        self.documents = [self.world.document, self.world.create(title="Other")]
        for table in (DOCUMENTS.user_grants, DOCUMENTS.group_grants):
            table.objects.all().delete()
        self.groups = {name: Group.objects.create(name=name) for name in GROUPS[:2]}
        for role in Role.values:
            self.groups[f"role:{role}"] = role_group(self.tenant.pk, role)

    def give(self, users: Any, groups: Any, memberships: Any) -> None:
        for name, codename, number in users:
            assign_perm(codename, self.world.user(name), self.documents[number])
        for name, codename, number in groups:
            assign_perm(codename, self.groups[name], self.documents[number])
        for name, group in memberships:
            self.groups[group].user_set.add(self.world.user(name))

    def guardians_answer(self, username: str, document: Document) -> Audience | None:
        user = User.objects.get(username=username)
        held = (p for p in DOCUMENTS.permissions if user.has_perm(f"resources.{p}", document))
        return DOCUMENTS.first(held)

    def decide(self, *pairs: tuple[str, Document]) -> dict[tuple[str, int], Audience | None]:
        keys = {(self.world.user(name).pk, d.pk): (name, d.pk) for name, d in pairs}
        decided = decision.audiences(DOCUMENTS, self.tenant.pk, list(keys))
        return {keys[pair]: audience for pair, audience in decided.items()}


@pytest.fixture
def scene(db: None) -> Scene:
    return Scene()


@settings(
    max_examples=20,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(users=user_grants, groups=group_grants, memberships=in_groups)
def test_decision_equals_guardians(scene: Scene, users: Any, groups: Any, memberships: Any) -> None:
    """For active members that are no superusers; a batch decides as single questions do."""
    with transaction.atomic():
        scene.give(users, groups, memberships)
        pairs = [(name, document) for name in MEMBERS for document in scene.documents]
        decided = scene.decide(*pairs, ("rival", scene.documents[0]), ("root", scene.documents[0]))
        for name, document in pairs:
            assert decided[name, document.pk] == scene.guardians_answer(name, document)
            assert scene.decide((name, document)) == {
                (name, document.pk): decided[name, document.pk]
            }
        assert decided["rival", scene.documents[0].pk] is None
        assert_superuser_has_what_he_was_granted(scene, users, groups, memberships, decided)
        transaction.set_rollback(True)


def assert_superuser_has_what_he_was_granted(
    scene: Scene, users: Any, groups: Any, memberships: Any, decided: Any
) -> None:
    his = {group for name, group in memberships if name == "root"} | {"role:member"}
    held = {c for name, c, number in users if (name, number) == ("root", 0)}
    held |= {c for name, c, number in groups if name in his and number == 0}
    assert decided["root", scene.documents[0].pk] == DOCUMENTS.first(held)


def test_superuser_gets_nothing_by_being_one(scene: Scene) -> None:
    assert scene.guardians_answer("root", scene.documents[0]) == DOCUMENTS.audiences[0]
    assert set(scene.decide(("root", scene.documents[0])).values()) == {None}


@pytest.mark.parametrize("role", Role.values)
def test_role_grant_reaches_exactly_the_role(scene: Scene, role: str) -> None:
    scene.give([], [(f"role:{role}", "view_document", 0)], [])
    decided = scene.decide(*((name, scene.documents[0]) for name in (*MEMBERS, "rival")))
    seeing = {name for (name, _), audience in decided.items() if audience}
    assert seeing == ({"admin"} if role == "admin" else set(MEMBERS) - {"admin"})


@pytest.mark.parametrize(
    "end",
    [
        lambda tenant, user: Membership.objects.filter(user=user).update(is_active=False),
        lambda tenant, user: Membership.objects.filter(user=user).delete(),
        lambda tenant, user: User.objects.filter(pk=user.pk).update(is_active=False),
        lambda tenant, user: Tenant.objects.filter(pk=tenant.pk).update(is_active=False),
    ],
)
def test_only_active_members_of_active_tenants_have_an_audience(scene: Scene, end: Any) -> None:
    scene.give([("owner", "own_document", 0)], [], [])
    assert list(scene.decide(("owner", scene.documents[0])).values()) == [DOCUMENTS.audiences[0]]
    end(scene.tenant, scene.world.user("owner"))
    assert list(scene.decide(("owner", scene.documents[0])).values()) == [None]


def test_shared_documents_of_a_team_are_not_read_once_for_each_of_its_members(
    scene: Scene,
) -> None:
    """A join would return users times objects: of 500 and 500 that takes longer than all else."""
    both = [("readers", "view_document", number) for number in DOCUMENT_NUMBERS]
    scene.give([], both, [(name, "readers") for name in MEMBERS])
    users = {scene.world.user(name).pk for name in MEMBERS}
    here = Q(content_object__in=[document.pk for document in scene.documents])
    groups, granted = decision._through_groups(DOCUMENTS, users, here)
    readers = scene.groups["readers"].pk
    assert dict(groups) == {user: {readers} for user in users}
    assert dict(granted) == {d.pk: [(readers, "view_document")] for d in scene.documents}


def test_same_codename_of_another_model_counts_nothing(scene: Scene) -> None:
    """A document and a profile may have the same key; their grants lie in tables of their own."""
    profile = scene.world.profile("owner")
    for permission in PROFILES.permissions:
        assign_perm(permission, scene.world.user("member"), profile)
    twin = Document.objects.across_tenants().filter(pk=profile.pk).first()
    pair = (scene.world.user("member").pk, profile.pk)
    assert decision.audiences(PROFILES, scene.tenant.pk, [pair])[pair] == PROFILES.audiences[0]
    assert decision.audiences(DOCUMENTS, scene.tenant.pk, [pair])[pair] is None
    assert twin is None or twin.tenant_id == scene.tenant.pk


def test_number_of_queries_is_constant(scene: Scene) -> None:
    """The same for one pair and for fifty: three."""
    scene.give({(name, "view_document", 0) for name in MEMBERS}, [], [])

    def queries(count: int) -> int:
        users = [user.pk for user in scene.world.users.values()]
        objects = [*(d.pk for d in scene.documents), *range(10**6, 10**6 + 10)]
        pairs = [(user, pk) for user in users for pk in objects][:count]
        assert len(pairs) == count
        with CaptureQueriesContext(connection) as captured:
            decided = decision.audiences(DOCUMENTS, scene.tenant.pk, pairs)
        assert len(decided) == count
        return len(captured)

    queries(1)  # the content type is cached from here on
    assert queries(1) == queries(50) == 3


def test_nobody_asking_about_nothing(scene: Scene) -> None:
    assert decision.audiences(DOCUMENTS, scene.tenant.pk, []) == {}


@settings(
    max_examples=10,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(users=user_grants, groups=group_grants, memberships=in_groups)
def test_visible_objects_are_those_with_an_audience(
    scene: Scene, users: Any, groups: Any, memberships: Any
) -> None:
    with transaction.atomic():
        scene.give(users, groups, memberships)
        mine = Document.objects.filter(tenant=scene.tenant)
        for name in MEMBERS:
            visible = decision.visible(DOCUMENTS, mine, scene.world.user(name).pk)
            decided = scene.decide(*((name, document) for document in scene.documents))
            assert {d.pk for d in visible} == {pk for (_, pk), a in decided.items() if a}
        transaction.set_rollback(True)
