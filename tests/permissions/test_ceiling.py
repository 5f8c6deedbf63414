"""The ceiling: who may give whom which audience, for any resource, and who acts meanwhile."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from permissions import ceiling
from permissions.audiences import Resource
from permissions.ceiling import SYSTEM, AboveCeiling, Actor, Standing, may_give, may_manage
from permissions.subjects import Subject
from resources.audiences import DOCUMENTS
from tenants.models import Membership, Role
from tests.world import World

SELF, OTHER = Subject(user_id=1), Subject(user_id=2)
ADMINS, MEMBERS = Subject(role="admin"), Subject(role="member")

OWNER, EDITOR, VIEWER, AUDITOR = DOCUMENTS.audiences
MANAGER = replace(EDITOR, grants=True)
MANAGED = replace(DOCUMENTS, audiences=(OWNER, MANAGER, VIEWER, AUDITOR))
ALL = {"owner", "editor", "viewer", "auditor"}

RULES: dict[str, tuple[Resource, Standing, Subject, set[str]]] = {
    "an owner, themselves": (DOCUMENTS, Standing(1, "member", OWNER), SELF, ALL),
    "an owner, somebody": (DOCUMENTS, Standing(1, "member", OWNER), OTHER, ALL),
    "an owner, their role": (DOCUMENTS, Standing(1, "member", OWNER), MEMBERS, ALL),
    "an owner, the admins": (DOCUMENTS, Standing(1, "member", OWNER), ADMINS, ALL),
    "an editor, themselves": (DOCUMENTS, Standing(1, "member", EDITOR), SELF, set()),
    "an editor, somebody": (DOCUMENTS, Standing(1, "member", EDITOR), OTHER, set()),
    "an auditor who is no admin": (DOCUMENTS, Standing(1, "member", AUDITOR), SELF, set()),
    "a stranger": (DOCUMENTS, Standing(1, "member", None), SELF, set()),
    "an admin, themselves": (DOCUMENTS, Standing(1, "admin", AUDITOR), SELF, {"auditor"}),
    "an admin, the admins": (DOCUMENTS, Standing(1, "admin", AUDITOR), ADMINS, {"auditor"}),
    "an admin, somebody": (DOCUMENTS, Standing(1, "admin", AUDITOR), OTHER, ALL),
    "an admin, the members": (DOCUMENTS, Standing(1, "admin", AUDITOR), MEMBERS, ALL),
    "an admin who edits": (DOCUMENTS, Standing(1, "admin", EDITOR), SELF, {"auditor"}),
    "an admin who owns": (DOCUMENTS, Standing(1, "admin", OWNER), ADMINS, ALL),
    "an admin who sees nothing": (DOCUMENTS, Standing(1, "admin", None), OTHER, set()),
    "an admin whose role begins with nothing": (
        replace(DOCUMENTS, roles={}), Standing(1, "admin", VIEWER), SELF, set(),
    ),
    "a manager, themselves": (
        MANAGED, Standing(1, "member", MANAGER), SELF, {"editor", "viewer", "auditor"},
    ),
    "a manager, a puppet": (
        MANAGED, Standing(1, "member", MANAGER), OTHER, {"editor", "viewer", "auditor"},
    ),
    "a manager who is an admin, themselves": (
        MANAGED, Standing(1, "admin", MANAGER), SELF, {"editor", "viewer", "auditor"},
    ),
    "a manager who is an admin, somebody": (MANAGED, Standing(1, "admin", MANAGER), OTHER, ALL),
}  # fmt: skip


@pytest.mark.parametrize(("resource", "standing", "whom", "given"), RULES.values(), ids=RULES)
def test_who_may_give_whom_what(
    resource: Resource, standing: Standing, whom: Subject, given: set[str]
) -> None:
    allowed = {a.name for a in resource.audiences if may_give(resource, standing, whom, a)}
    assert allowed == given


def test_owners_and_admins_who_see_the_object_manage_its_grants() -> None:
    managers = [
        (role, own and own.name)
        for role in Role.values
        for own in (*DOCUMENTS.audiences, None)
        if may_manage(Standing(1, role, own))
    ]
    assert managers == [
        *(("admin", audience.name) for audience in DOCUMENTS.audiences),
        ("member", "owner"),
    ]


def gift(place: World, username: str, audience: Any = OWNER) -> list[ceiling.Gift]:
    return [(place.document, Subject(user_id=place.user(username).pk), audience)]


def actor(place: World, username: str) -> Actor:
    return Actor(place.user(username).pk)


def test_refusal_names_what_was_refused_and_whom_it_was_for(place: World) -> None:
    with pytest.raises(AboveCeiling, match="'owner'") as refused:
        ceiling.check(DOCUMENTS, gift(place, "admin"), actor(place, "admin"))
    assert refused.value.subject == Subject(user_id=place.user("admin").pk)
    assert refused.value.audience == OWNER
    assert (refused.value.status_code, refused.value.get_codes()) == (403, "permission_denied")
    with pytest.raises(AboveCeiling, match="manage") as refused:
        ceiling.check_manages(DOCUMENTS, place.document, actor(place, "editor"))
    assert (refused.value.subject, refused.value.audience) == (None, None)


def test_one_gift_above_the_ceiling_refuses_all(place: World) -> None:
    others = gift(place, "member")
    ceiling.check(DOCUMENTS, others, actor(place, "admin"))
    with pytest.raises(AboveCeiling):
        ceiling.check(DOCUMENTS, [*others, *gift(place, "admin")], actor(place, "admin"))


def test_actor_is_weighed_as_they_stand_now(place: World) -> None:
    """Whoever waited for the object's lock may have been demoted meanwhile."""
    ceiling.check_manages(DOCUMENTS, place.document, actor(place, "admin"))
    Membership.objects.filter(user=place.user("admin")).update(role="member")
    place.grant("admin", "auditor")
    with pytest.raises(AboveCeiling):
        ceiling.check_manages(DOCUMENTS, place.document, actor(place, "admin"))


def test_nobody_may_do_nothing_and_the_system_everything(place: World) -> None:
    with pytest.raises(AboveCeiling):
        ceiling.check(DOCUMENTS, gift(place, "member"), Actor(None))
    with pytest.raises(AboveCeiling):
        ceiling.check_manages(DOCUMENTS, place.document, Actor(None))
    ceiling.check(DOCUMENTS, gift(place, "member"), SYSTEM)
    ceiling.check_manages(DOCUMENTS, place.document, SYSTEM)


def test_gifts_of_two_tenants_are_weighed_each_in_its_own(place: World) -> None:
    """An admin of one tenant is nobody in the other."""
    foreign = place.create("globex", "rival")
    mine = gift(place, "member")
    theirs = [(foreign, whom, audience) for _, whom, audience in mine]
    ceiling.check(DOCUMENTS, mine, actor(place, "admin"))
    with pytest.raises(AboveCeiling):
        ceiling.check(DOCUMENTS, mine + theirs, actor(place, "admin"))


def test_weighing_costs_the_same_for_any_number_of_gifts(
    place: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = gift(place, "member")
    many = [(place.create(), whom, audience) for _, whom, audience in one for _ in range(3)]
    costs = []
    for gifts in (one, many):
        with CaptureQueriesContext(connection) as captured:
            ceiling.check(DOCUMENTS, gifts, actor(place, "admin"))
        costs.append(len(captured))
    assert costs == [1, 1]
    monkeypatch.setattr(ceiling, "BATCH", 2)
    with CaptureQueriesContext(connection) as captured:
        ceiling.check(DOCUMENTS, many, actor(place, "admin"))
    assert len(captured) == 2


def test_who_acts_is_forgotten_with_the_block_also_after_an_error() -> None:
    def fail() -> None:
        with ceiling.acting(Actor(1)):
            ceiling.act_as(Actor(2))
            assert ceiling.current() == Actor(2)
            raise OSError("disk")

    assert ceiling.current() == SYSTEM
    with pytest.raises(OSError, match="disk"):
        fail()
    assert ceiling.current() == SYSTEM
