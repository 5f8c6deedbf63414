"""The list holds exactly what the decision and the filters say, newest first."""

from collections.abc import Collection
from dataclasses import replace
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from permissions import decision
from permissions.filters import Where, match
from permissions.listing import AT_ONCE, Ask, list_within
from permissions.rendering import payload
from resources.audiences import DOCUMENTS, PROFILES
from resources.models import Document
from tenants.roles import role_group
from tests.permissions.test_decision import (
    MEMBERS,
    Scene,
    appointed,
    group_grants,
    in_groups,
    owners,
    user_grants,
)
from tests.world import World

FILTERED = replace(DOCUMENTS, filters=("status", "budget", "due_on", "body", "created_at"))
SOMETIMES: tuple[Where, ...] = (
    (),
    (("status", ("draft",)),),
    (("status", ("draft", "published")),),
    (("budget", ("10.00",)),),
    (("budget", (None,)),),
    (("due_on", (None,)),),
    (("body", ("Text", "")),),
    (("body", ("Text",)), ("status", ("draft",))),
    (("budget", (None,)), ("due_on", (None,))),
)


@pytest.fixture
def scene(db: None) -> Scene:
    return Scene()


def listed(world: World, username: str, **asked: Any) -> list[int]:
    ask = Ask(world.user(username).pk, **{"limit": 100, **asked})
    [keys] = list_within(asked.pop("resource", DOCUMENTS), world.tenants["acme"].pk, [ask])
    return keys


def matching(scene: Scene, name: str, documents: Collection[Document], where: Where) -> list[int]:
    """What the user sees by the decision and, of that, what matches by its payload."""
    decided = scene.decide(*((name, document) for document in documents))
    objects = {d.pk: d for d in FILTERED.prepare(Document.objects.filter(tenant=scene.tenant))}
    seen = {pk: payload(audience, objects[pk]) for (_, pk), audience in decided.items() if audience}
    return sorted((pk for pk, shown in seen.items() if match(where, shown)), reverse=True)


@settings(
    max_examples=12,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    owners=owners, admins=appointed, users=user_grants, groups=group_grants, joined=in_groups,
    statuses=st.tuples(st.sampled_from(("draft", "published")), st.just("draft")),
    limit=st.integers(1, 3), wheres=st.lists(st.sampled_from(SOMETIMES), min_size=3, max_size=3),
)  # fmt: skip
def test_listed_is_what_has_an_audience_whose_payload_matches(
    scene: Scene, owners: Any, admins: Any, users: Any, groups: Any, joined: Any, statuses: Any,
    limit: int, wheres: Any,
) -> None:  # fmt: skip
    with transaction.atomic():
        scene.own(*owners)
        scene.appoint(admins)
        scene.give(users, groups, joined)
        mine = Document.objects.filter(tenant=scene.tenant)
        for document, status in zip(scene.documents, statuses, strict=True):
            mine.filter(pk=document.pk).update(status=status)
        wanted = [(name, where) for name in (*MEMBERS, "rival", "root") for where in wheres]
        asks = [Ask(scene.world.user(name).pk, limit, where=where) for name, where in wanted]
        found = list_within(FILTERED, scene.tenant.pk, asks)
        for (name, where), keys in zip(wanted, found, strict=True):
            assert keys == matching(scene, name, scene.documents, where)[: limit + 1], (name, where)
        transaction.set_rollback(True)


def test_a_list_goes_on_below_a_key_and_has_one_more_than_asked_for(world: World) -> None:
    keys = [world.create(title=str(number)).pk for number in range(4)][::-1]
    keys.append(world.document.pk)
    assert listed(world, "owner") == keys
    assert listed(world, "owner", limit=2) == keys[:3]
    assert listed(world, "owner", limit=2, after=keys[1]) == keys[2:]
    assert listed(world, "owner", limit=3, after=keys[1]) == keys[2:]
    assert listed(world, "owner", after=keys[-1]) == []
    assert listed(world, "admin", limit=2, after=keys[1]) == keys[2:]
    world.grant("member", "viewer", Document.objects.across_tenants().get(pk=keys[0]))
    world.grant("member", "viewer", Document.objects.across_tenants().get(pk=keys[3]))
    assert listed(world, "member", limit=1) == [keys[0], keys[3]]
    assert listed(world, "member", limit=1, after=keys[0]) == [keys[3]]


def test_nobody_lists_another_tenants_objects(world: World) -> None:
    foreign = world.create("globex", "both", title="Foreign")
    assert listed(world, "both") == []
    assert listed(world, "rival") == []
    world.grant("both", "viewer")
    assert listed(world, "both") == [world.document.pk]
    ask = Ask(world.user("both").pk, 10)
    assert list_within(DOCUMENTS, world.tenants["globex"].pk, [ask]) == [[foreign.pk]]
    assert list_within(DOCUMENTS, world.tenants["acme"].pk, []) == []


def test_what_is_visible_to_nobody_is_not_listed(world: World) -> None:
    hidden = replace(DOCUMENTS, visible_by={"due_on": None, "status": "published"})
    tenant_id, names = world.tenants["acme"].pk, ("owner", "viewer", "admin")
    asks = [Ask(world.user(name).pk, 10) for name in names]
    assert list_within(hidden, tenant_id, asks) == [[], [], []]
    world.write(status="published")
    assert list_within(hidden, tenant_id, asks) == [[world.document.pk]] * 3


def test_a_hidden_field_is_no_oracle(world: World) -> None:
    """Not even beside a lower audience that sees the field: the reader's own payload counts."""
    resource = replace(DOCUMENTS, filters=("created_at", "review_notes"))
    world.write(review_notes="secret")
    audited = payload(DOCUMENTS.declared("auditor"), DOCUMENTS.prepare(
        Document.objects.filter(tenant=world.tenants["acme"])).get())  # fmt: skip
    where: Where = (("created_at", (audited["created_at"],)),)
    tenant_id = world.tenants["acme"].pk

    def found(username: str, where: Where) -> bool:
        return bool(
            list_within(resource, tenant_id, [Ask(world.user(username).pk, 1, None, where)])[0]
        )

    assert found("admin", where)
    world.grant("admin", "viewer")
    assert not found("admin", where)
    noted: Where = (("review_notes", ("secret",)),)
    assert [found(name, noted) for name in ("owner", "editor", "viewer", "admin")] == [
        True, True, False, False,
    ]  # fmt: skip


def test_who_is_only_in_a_roles_group_lists_nothing_of_the_roles(scene: Scene) -> None:
    """Memberships alone say who has a role; a role's group of another tenant is like any other."""
    globex = role_group(scene.world.tenants["globex"].pk, "member")
    scene.groups["of globex"] = globex
    joined = [("member", "role:admin"), ("member", "of globex")]
    scene.give([], [("role:admin", "change_document", 0)], joined)
    assert listed(scene.world, "member") == []
    scene.give([], [("of globex", "view_document", 1)], [])
    assert listed(scene.world, "member") == [scene.documents[1].pk]
    assert listed(scene.world, "both") == []


def test_any_number_of_asks_takes_few_statements(world: World) -> None:
    """One for all ways, one for each fifty branches; an owner's column is one for each user."""
    names = ("owner", "editor", "viewer")
    asks = [Ask(world.user(name).pk, 10) for name in names] * 30
    with CaptureQueriesContext(connection) as queries:
        found = list_within(DOCUMENTS, world.tenants["acme"].pk, asks)
    assert found == [[world.document.pk]] * 90
    branches = 30 * (1 + 2 + 2)
    assert len(queries) == 1 + branches // AT_ONCE


def test_role_sees_all_people_in_one_branch(world: World) -> None:
    tenant_id = world.tenants["acme"].pk
    with CaptureQueriesContext(connection) as queries:
        [keys] = list_within(PROFILES, tenant_id, [Ask(world.user("member").pk, 100)])
    everyone = PROFILES.model.objects.filter(tenant=tenant_id).order_by("-pk")
    assert keys == list(everyone.values_list("pk", flat=True))
    assert "UNION ALL" not in queries[1]["sql"]
    assert decision.audiences(PROFILES, tenant_id, [(world.user("member").pk, keys[0])])
