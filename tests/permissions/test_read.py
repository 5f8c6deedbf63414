"""The one read: audiences and payloads of a batch, of one state, each rendered once."""

import json
from dataclasses import replace
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from permissions import accesslog
from permissions import read as reading
from permissions.audiences import registry
from permissions.read import objects_of, read, read_across, read_within
from permissions.rendering import SERIALIZATIONS, plainly
from permissions.representation import ObjectKey
from permissions.snapshot import SnapshotInTransaction, snapshot
from resources.audiences import DOCUMENTS
from resources.models import Document, DocumentGroupGrant
from tenants.models import Membership, User
from tenants.roles import group_name
from tests.permissions.conftest import elsewhere
from tests.world import World


def acme(world: World) -> int:
    return world.tenants["acme"].pk


def seen_by(world: World, username: str, key: ObjectKey | None = None) -> Any:
    pair = (world.user(username).pk, key or world.key)
    return read(acme(world), [pair]).seen[pair]


@pytest.mark.parametrize(
    ("username", "audience"),
    [
        ("owner", "owner"),
        ("editor", "editor"),
        ("viewer", "viewer"),
        ("admin", "auditor"),
        ("member", None),
        ("both", None),
        ("rival", None),
    ],
)
def test_reader_sees_the_object_as_their_audience(
    world: World, username: str, audience: str | None
) -> None:
    seen = seen_by(world, username)
    assert (seen and seen.audience) == audience
    if seen:
        declared = DOCUMENTS.audience(seen.audience)
        assert declared is not None
        assert tuple(json.loads(seen.body)) == declared.fields
        assert seen.version == Document.objects.across_tenants().get(pk=world.document.pk).version


def test_reading_names_the_access_revision_of_its_state(world: World) -> None:
    before = accesslog.revision(acme(world))
    reading = read(acme(world), [(world.user("viewer").pk, world.key)])
    assert reading.revision == before > 0
    assert {seen.revision for seen in reading.seen.values() if seen} == {before}


def test_read_across_tenants_shows_in_each_what_a_read_of_it_shows(world: World) -> None:
    """Also to somebody who is in both: what is another tenant's is not there."""
    foreign = world.create("globex", "both")
    team = Group.objects.create(name="team")
    team.user_set.set(world.users.values())
    view = Permission.objects.get(codename="view_document")
    for document in (foreign, world.create(), world.create("globex", "rival")):
        DocumentGroupGrant.objects.create(group=team, permission=view, content_object=document)
    members = Group.objects.create(name=group_name(acme(world), "member"))
    DocumentGroupGrant.objects.create(
        group=members, permission=view, content_object=world.create(owner="editor")
    )
    keys = Document.objects.across_tenants().values_list("pk", flat=True)
    asked = [*(ObjectKey("resources.document", pk) for pk in keys), ObjectKey("no.such", 1)]
    world.grant("both", "editor")
    users = [user.pk for user in world.users.values()]
    wanted = {
        tenant.pk: [(user, key) for user in users for key in asked]
        for tenant in world.tenants.values()
    }
    across = read_across(wanted)
    shown = 0
    for tenant_id, pairs in wanted.items():
        for pair, seen in read(tenant_id, pairs).seen.items():
            assert across[tenant_id, pair] == (seen and replace(seen, revision=0))
            shown += seen is not None
    assert shown == len([s for s in across.values() if s]) > 10


def test_zone_and_language_are_set_once_for_all_tenants(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    times: list[None] = []

    def noted() -> Any:
        times.append(None)
        return plainly()

    monkeypatch.setattr(reading, "plainly", noted)
    document = world.create("globex", "rival")
    seen = read_across(
        {
            of.tenant_id: [(of.owner_id, ObjectKey("resources.document", of.pk))]
            for of in (world.document, document)
        }
    )
    assert all(seen.values())
    assert len(times) == 1


def test_unknown_foreign_absent_and_forbidden_are_alike(world: World) -> None:
    foreign = world.create("globex", "rival")
    both = world.user("both").pk
    world.grant("both", "viewer", foreign)
    keys = [
        ObjectKey("no.such", 1),
        ObjectKey("earshot_tenants.user", both),
        ObjectKey("resources.document", foreign.pk),
        ObjectKey("resources.document", 10**15),
        world.key,
    ]
    pairs = [(both, key) for key in keys]
    assert read(acme(world), pairs).seen == dict.fromkeys(pairs)
    assert read(world.tenants["globex"].pk, pairs).seen[pairs[2]] is not None


def test_superuser_has_no_audience_by_being_one(world: World) -> None:
    User.objects.filter(pk=world.user("member").pk).update(is_superuser=True, is_staff=True)
    assert seen_by(world, "member") is None


@pytest.mark.parametrize("suspended", ["membership", "user", "tenant"])
def test_whoever_is_suspended_sees_nothing(world: World, suspended: str) -> None:
    rows: dict[str, Any] = {
        "membership": Membership.objects.filter(user=world.user("owner")),
        "user": User.objects.filter(username="owner"),
        "tenant": type(world.tenants["acme"]).objects.filter(slug="acme"),
    }
    rows[suspended].update(is_active=False)
    assert seen_by(world, "owner") is None


def test_one_rendering_for_each_object_and_audience_however_many_ask(world: World) -> None:
    def rendered() -> dict[tuple[str, str], float]:
        samples = [sample for metric in SERIALIZATIONS.collect() for sample in metric.samples]
        return {
            (s.labels["model"], s.labels["audience"]): s.value
            for s in samples
            if s.name.endswith("_total")
        }

    other = world.create(title="Other")
    users = [world.user(f"reader{number}") for number in range(20)]
    for user in users:
        Membership.objects.create(tenant=world.tenants["acme"], user=user)
        world.grant(user.username, "viewer")
        world.grant(user.username, "viewer", other)
    pairs = [
        (user.pk, ObjectKey("resources.document", pk))
        for user in (*users, world.user("owner"))
        for pk in (world.document.pk, other.pk)
    ]
    before = rendered()
    seen = read(acme(world), pairs).seen
    after = rendered()
    added = {key: after[key] - before.get(key, 0) for key in after if after[key] != before.get(key)}
    assert added == {("resources.document", "viewer"): 2, ("resources.document", "owner"): 2}
    assert len({id(r) for r in seen.values()}) == 4


def queries(tenant_id: int, pairs: Any) -> int:
    with CaptureQueriesContext(connection) as captured, snapshot():
        read_within(tenant_id, pairs, guarded=False)
    return len(captured)


def test_queries_do_not_grow_with_the_pairs(world: World) -> None:
    documents = [world.document, *(world.create(title=str(n)) for n in range(4))]
    users = [user.pk for user in world.users.values()]
    pairs = [(u, ObjectKey("resources.document", d.pk)) for u in users for d in documents]
    pairs += [(u, ObjectKey("resources.profile", world.profile("owner").pk)) for u in users]
    assert len(pairs) >= 40
    one_each = [(users[0], world.key), (users[0], pairs[-1][1])]
    read(acme(world), one_each)
    assert queries(acme(world), one_each) == queries(acme(world), pairs)


def test_batch_is_read_in_one_state(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between the decision and the object a commit takes the viewer's grant and adds a secret."""
    real = registry.get("resources.document").prepare

    def take_and_write(queryset: Any) -> Any:
        def commit() -> None:
            world.revoke("viewer")
            Document.objects.across_tenants().filter(pk=world.document.pk).update(body="secret")

        if not done:
            done.append(elsewhere(commit))
        return real(queryset)

    done: list[None] = []
    monkeypatch.setitem(DOCUMENTS.__dict__, "prepare", take_and_write)
    before = accesslog.revision(acme(world))
    seen = seen_by(world, "viewer")
    assert done
    assert json.loads(seen.body)["body"] == "Text"
    assert seen.revision == before
    assert seen_by(world, "viewer") is None
    assert accesslog.revision(acme(world)) > before


def test_read_refuses_to_run_in_a_transaction(world: World) -> None:
    with transaction.atomic(), pytest.raises(SnapshotInTransaction):
        read(acme(world), [])


def test_objects_are_only_those_of_the_tenant(place: World) -> None:
    foreign = place.create("globex", "rival")
    found = objects_of(DOCUMENTS, acme(place), [place.document.pk, foreign.pk, place.document.pk])
    assert set(found) == {place.document.pk}
    assert found[place.document.pk].owner_name == "owner"


def test_nothing_asked_is_nothing_seen(world: World) -> None:
    assert read(acme(world), []).seen == {}
