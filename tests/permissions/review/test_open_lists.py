"""What-if says who would have an object in a live list, and who has one open now."""

from __future__ import annotations

import pytest

from permissions import grants
from permissions.ceiling import SYSTEM
from permissions.listing import Ask, list_within
from permissions.review import open_lists
from permissions.review.foretelling import as_json, lines
from permissions.review.hypotheses import Granting
from permissions.review.predicting import predict
from permissions.subjects import Subject
from resources.audiences import DOCUMENTS, PROFILES
from tests.realtime.audit.sight import hours, viewed
from tests.world import World

MEMBERS = Subject(role="member")


def test_who_is_told_to_gain_it_has_it_in_their_list_afterwards(world: World) -> None:
    tenant, pk = world.tenants["acme"].pk, world.document.pk
    people = [world.user(name).pk for name in ("owner", "editor", "viewer", "member", "rival")]

    def listing() -> set[int]:
        lists = list_within(DOCUMENTS, tenant, [Ask(user_id, 100) for user_id in people])
        return {user_id for user_id, keys in zip(people, lists, strict=True) if pk in keys}

    viewer = DOCUMENTS.declared("viewer")
    [found] = predict(tenant, Granting(DOCUMENTS, pk, MEMBERS, viewer))
    before = listing()
    grants.add(DOCUMENTS, [world.document], MEMBERS, viewer, actor=SYSTEM)
    gained = {each.user_id for each in found.listed if each.move.before is None}
    assert world.user("member").pk in gained
    assert listing() - before == gained & {*people}


def test_users_with_a_live_list_of_it_are_counted_once(world: World) -> None:
    what = Granting(DOCUMENTS, world.document.pk, MEMBERS, DOCUMENTS.declared("viewer"))
    tenant = world.tenants["acme"].pk
    [found] = predict(tenant, what)
    assert found.watching == 0
    assert not any("live list" in line for line in lines([found], {}))
    for name, more in (
        ("member", {}), ("member", {}),
        ("both", {"ended_at": hours(0)}), ("both", {"model": PROFILES.label}),
        ("both", {"tenant": world.tenants["globex"]}), ("owner", {}),
    ):  # fmt: skip
        viewed(world, name, **more)
    [found] = predict(tenant, what)
    assert found.watching == 1
    assert "  1 user of them with a live list of it open now would be told at once." in lines(
        [found], {}
    )
    [told] = as_json([found], lambda pk: {})
    assert told["watching"] == 1


def test_without_lists_nobody_has_one_open(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(open_lists, "_registered", {})
    viewed(world, "member")
    what = Granting(DOCUMENTS, world.document.pk, MEMBERS, DOCUMENTS.declared("viewer"))
    [found] = predict(world.tenants["acme"].pk, what)
    assert (found.watching, found.users) == (0, 2)
