"""Who is in which audience, against guardian's own answer."""

from collections import Counter
from dataclasses import replace
from itertools import islice
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db import connection, transaction
from guardian.core import ObjectPermissionChecker
from guardian.shortcuts import assign_perm
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from permissions import decision
from permissions.audiences import Audience
from permissions.statements import statement
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

    def own(self, *names: str) -> None:
        for document, name in zip(self.documents, names, strict=True):
            Document.objects.filter(tenant=self.tenant, pk=document.pk).update(
                owner=self.world.user(name)
            )

    def appoint(self, admins: Any) -> None:
        places = Membership.objects.filter(tenant=self.tenant)
        places.update(role="member")
        places.filter(user__username__in=admins).update(role="admin")

    def give(self, users: Any, groups: Any, memberships: Any) -> None:
        for name, codename, number in users:
            assign_perm(codename, self.world.user(name), self.documents[number])
        for name, codename, number in groups:
            assign_perm(codename, self.groups[name], self.documents[number])
        for name, group in memberships:
            self.groups[group].user_set.add(self.world.user(name))

    def decide(self, *pairs: tuple[str, Document]) -> dict[tuple[str, int], Audience | None]:
        keys = {(self.world.user(name).pk, d.pk): (name, d.pk) for name, d in pairs}
        decided = decision.audiences(DOCUMENTS, self.tenant.pk, list(keys))
        return {keys[pair]: audience for pair, audience in decided.items()}


@pytest.fixture
def scene(db: None) -> Scene:
    return Scene()


owners = st.tuples(st.sampled_from(MEMBERS), st.sampled_from(MEMBERS))
appointed = st.sets(st.sampled_from(MEMBERS))


@settings(
    max_examples=20,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(owners=owners, admins=appointed, users=user_grants, groups=group_grants, joined=in_groups)
def test_decision_equals_guardians(
    scene: Scene, owners: Any, admins: Any, users: Any, groups: Any, joined: Any
) -> None:
    """With what the declaration gives, for active members that are no superusers; `has_perm` says
    the same, and a batch decides as single questions do."""
    with transaction.atomic():
        scene.own(*owners)
        scene.appoint(admins)
        scene.give(users, groups, joined)
        pairs = [(name, document) for name in MEMBERS for document in scene.documents]
        decided = scene.decide(*pairs, ("rival", scene.documents[0]), ("root", scene.documents[0]))
        for number, document in enumerate(scene.documents):
            for name in MEMBERS:
                user = User.objects.get(username=name)
                role = "role:admin" if name in admins else "role:member"
                held = set(ObjectPermissionChecker(user).get_perms(document))
                held |= {code for group, code, n in groups if (group, n) == (role, number)}
                held |= {"own_document"} if name == owners[number] else set()
                held |= {"audit_document"} if name in admins else set()
                assert decided[name, document.pk] == DOCUMENTS.first(held)
                assert scene.decide((name, document)) == {
                    (name, document.pk): decided[name, document.pk]
                }
                for permission in DOCUMENTS.permissions:
                    said = user.has_perm(f"resources.{permission}", document)
                    assert said is (permission in held)
        assert decided["rival", scene.documents[0].pk] is None
        assert_superuser_has_what_they_were_granted(scene, users, groups, joined, decided)
        transaction.set_rollback(True)


def assert_superuser_has_what_they_were_granted(
    scene: Scene, users: Any, groups: Any, memberships: Any, decided: Any
) -> None:
    theirs = {group for name, group in memberships if name == "root"} | {"role:member"}
    held = {c for name, c, number in users if (name, number) == ("root", 0)}
    held |= {c for name, c, number in groups if name in theirs and number == 0}
    assert decided["root", scene.documents[0].pk] == DOCUMENTS.first(held)


def test_superuser_gets_nothing_by_being_one(scene: Scene) -> None:
    assert User.objects.get(username="root").has_perm("resources.own_document", scene.documents[0])
    assert set(scene.decide(("root", scene.documents[0])).values()) == {None}


@pytest.mark.parametrize("role", Role.values)
def test_role_grant_reaches_exactly_the_role(scene: Scene, role: str) -> None:
    scene.world.appoint("watcher")
    scene.give([], [(f"role:{role}", "view_document", 0)], [])
    decided = scene.decide(*((name, scene.documents[0]) for name in (*MEMBERS, "rival", "watcher")))
    viewer = DOCUMENTS.audience("viewer")
    viewing = {name for (name, _), audience in decided.items() if audience == viewer}
    others = {"admin": {"admin"}, "reviewer": {"watcher"}}
    assert viewing == others.get(role, set(MEMBERS) - {"admin", "owner"})


def test_who_is_only_in_a_roles_group_holds_nothing_by_it(scene: Scene) -> None:
    """Rows of an older version, or an operator's: memberships alone say who has a role."""
    scene.give([], [("role:admin", "change_document", 0)], [("member", "role:admin")])
    decided = scene.decide(("member", scene.documents[0]), ("admin", scene.documents[0]))
    assert [a and a.name for a in decided.values()] == [None, "editor"]


def test_roles_group_of_another_tenant_gives_nothing_here(scene: Scene) -> None:
    globex = role_group(scene.world.tenants["globex"].pk, "member")
    assign_perm("own_document", globex, scene.documents[0])
    assert list(scene.decide(("both", scene.documents[0])).values()) == [None]


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
    assert list(scene.decide(("owner", scene.documents[0])).values()) == [DOCUMENTS.audiences[0]]
    end(scene.tenant, scene.world.user("owner"))
    assert list(scene.decide(("owner", scene.documents[0])).values()) == [None]


@pytest.mark.parametrize("everywhere", [False, True])
def test_rows_are_users_and_objects_not_their_product(scene: Scene, everywhere: bool) -> None:
    """A join would return users times objects: of 500 and 500 that takes longer than all else."""
    both = [("readers", "view_document", number) for number in DOCUMENT_NUMBERS]
    scene.give([], both, [(name, "readers") for name in MEMBERS])
    users = {scene.world.user(name).pk for name in MEMBERS}
    objects = {document.pk for document in scene.documents}
    tenant = scene.tenant.pk if everywhere else scene.world.tenants["globex"].pk
    rows = statement(DOCUMENTS, connection).run(connection, [tenant], users, objects)
    kinds = Counter(kind for kind, *_ in rows)
    members = {"member": len(users), "object": len(objects)} if everywhere else {"member": 1}
    roles = len(Role.values) if everywhere else 0
    assert kinds == Counter(
        {**members, "granted": len(objects), "joined": len(users), "role": roles}
    )


def test_resource_without_holders_is_decided_by_roles_and_grants(scene: Scene) -> None:
    scene.give([("editor", "change_document", 0)], [], [])
    names = ("owner", "editor", "admin")
    pairs = [(scene.world.user(name).pk, scene.documents[0].pk) for name in names]
    decided = decision.audiences(replace(DOCUMENTS, holders={}), scene.tenant.pk, pairs)
    assert [a and a.name for a in decided.values()] == [None, "editor", "auditor"]


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


def test_any_number_of_pairs_takes_one_statement_of_the_same_text(scene: Scene) -> None:
    """On SQLite too, which takes no more than so many variables."""
    scene.give({(name, "view_document", 0) for name in MEMBERS}, [], [])

    def statements(count: int) -> list[str]:
        users = [user.pk for user in scene.world.users.values()]
        objects = [*(d.pk for d in scene.documents), *range(10**6, 10**6 + 50_000)]
        pairs = list(islice(((user, pk) for pk in objects for user in users), count))
        texts = []

        def note(execute: Any, sql: str, *rest: Any) -> Any:
            texts.append(sql)
            return execute(sql, *rest)

        with connection.execute_wrapper(note):
            decided = decision.audiences(DOCUMENTS, scene.tenant.pk, pairs)
        assert len(decided) == count
        return texts

    [text] = statements(1)
    assert statements(50) == statements(300_000) == [text]
    assert len(text) < 4_096  # beyond that psycopg reads it anew each time


def test_nobody_asking_about_nothing(scene: Scene) -> None:
    assert decision.audiences(DOCUMENTS, scene.tenant.pk, []) == {}
