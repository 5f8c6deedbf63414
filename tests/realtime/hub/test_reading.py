"""What the hub asks of the database."""

from typing import Any

import pytest
from django.db import transaction

from permissions import accesslog
from permissions.accesslog import Touch
from permissions.models import AccessChange
from permissions.representation import ObjectKey
from realtime.hub import reading
from realtime.models import Change
from resources.documents.audiences import DOCUMENTS
from resources.models import Document
from tests.announced import announced
from tests.realtime.conftest import queries
from tests.world import World


@pytest.fixture
def acme(world: World) -> int:
    return world.tenants["acme"].pk


def pair(world: World, username: str, of: Any = None) -> tuple[int, ObjectKey]:
    of = of or world.document
    return world.user(username).pk, ObjectKey(type(of)._meta.label_lower, of.pk)


# Rounds.


def test_round_reads_revision_touches_and_what_each_pair_sees(world: World, acme: int) -> None:
    applied = accesslog.revision(acme)
    world.revoke("viewer")
    users = ("owner", "editor", "viewer", "member", "rival")
    read = reading.read_round(acme, applied, [pair(world, name) for name in users])
    assert read.revision == accesslog.revision(acme) == applied + 1
    assert read.touches == [Touch(world.user("viewer").pk, "resources.document", world.document.pk)]
    seen = {name: read.seen[pair(world, name)] for name in users}
    assert {name: f and f.seen.audience for name, f in seen.items()} == {
        "owner": "owner",
        "editor": "editor",
        "viewer": None,
        "member": None,
        "rival": None,
    }


def test_round_with_nothing_applied_yet_touches_everything(world: World, acme: int) -> None:
    read = reading.read_round(acme, None, [])
    assert read.touches == [Touch()]
    assert read.seen == {}


def test_round_after_nothing_touches_nothing(world: World, acme: int) -> None:
    assert reading.read_round(acme, accesslog.revision(acme), []).touches == []


def test_round_that_misses_pruned_rows_touches_everything(world: World, acme: int) -> None:
    applied = accesslog.revision(acme)
    world.revoke("viewer")
    world.revoke("editor")
    AccessChange.objects.filter(tenant_id=acme, revision=applied + 1).delete()
    assert reading.read_round(acme, applied, []).touches == [Touch()]


def test_frame_of_a_read_names_what_its_version_changed(world: World, acme: int) -> None:
    with transaction.atomic():
        world.document.body = "B"
        world.document.save()
        world.document.review_notes = "B"
        world.document.save()
    pairs = [pair(world, name) for name in ("viewer", "editor", "admin")]
    _, seen = reading.read_pairs(acme, pairs)
    changed = [frame.changed for frame in map(seen.get, pairs) if frame]
    assert changed == [
        ("body", "updated_at"),
        ("body", "updated_at", "review_notes"),
        ("id", "title", "status", "owner_name", "created_at"),  # nothing that it sees: all
    ]


def test_what_changed_of_what_nobody_has_is_not_asked(world: World, acme: int) -> None:
    world.write(title="B")
    one = pair(world, "viewer")
    fresh = {one[1]}
    asked = queries(reading.read_pairs, acme, [one])
    assert queries(reading.read_pairs, acme, [one], fresh) == asked - 1
    asked = queries(reading.read_round, acme, None, [one])
    assert queries(reading.read_round, acme, None, [one], (), fresh) == asked - 1
    for of, changed in (
        ((), ("title", "updated_at")),
        (fresh, DOCUMENTS.declared("viewer").fields),
    ):
        frame = reading.read_pairs(acme, [one], of)[1][one]
        assert frame is not None
        assert frame.changed == changed


def test_readers_of_one_audience_share_one_frame(world: World, acme: int) -> None:
    world.grant("member", "viewer")
    _, seen = reading.read_pairs(acme, [pair(world, "viewer"), pair(world, "member")])
    assert seen[pair(world, "viewer")] is seen[pair(world, "member")]
    assert seen[pair(world, "viewer")] is not None


def test_reads_cost_the_same_queries_for_one_and_for_fifty_pairs(world: World, acme: int) -> None:
    tenant = world.tenants["acme"]
    new = [Document(tenant=tenant, owner=world.user("owner"), title="A") for _ in range(49)]
    documents = [world.document, *Document.objects.bulk_create(new)]
    announced()
    applied = accesslog.revision(acme) - 1
    one = [pair(world, "owner")]
    fifty = [pair(world, "owner", document) for document in documents]
    reading.read_pairs(acme, one)
    assert queries(reading.read_round, acme, applied, one) == queries(
        reading.read_round, acme, applied, fifty
    )
    assert queries(reading.read_pairs, acme, one) == queries(reading.read_pairs, acme, fifty)
    assert all(reading.read_pairs(acme, fifty)[1].values())


def test_change_rows_of_a_pruned_past_make_a_frame_name_every_field(
    world: World, acme: int
) -> None:
    Change.objects.all().delete()
    seen = reading.read_pairs(acme, [pair(world, "admin")])[1][pair(world, "admin")]
    assert seen is not None
    assert seen.changed == ("id", "title", "status", "owner_name", "created_at")
