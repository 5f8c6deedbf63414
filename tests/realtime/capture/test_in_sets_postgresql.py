"""What one statement creates or deletes has in the logs what each of its rows would have alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission
from django.db import connection

from permissions.models import AccessChange
from realtime.capture import live_postgresql
from realtime.capture.installing import LIVE
from realtime.capture.live import lives
from realtime.models import Change, Held
from resources.models import Document, DocumentGroupGrant
from tests.databases import on_postgresql
from tests.permissions.conftest import place
from tests.realtime.capture.declared import run
from tests.realtime.capture.kept import unkept
from tests.realtime.capture.ways import REPLICA
from tests.world import World

__all__ = ["place"]

pytestmark = [on_postgresql, pytest.mark.django_db]


def in_general() -> None:
    """As while migrations run."""
    with connection.cursor() as cursor:
        for trigger in LIVE["postgresql"].triggers(lives(), [], general=True):
            cursor.execute(trigger.statements[0].replace("{schema}", "public"))


def made(world: World, count: int) -> list[Document]:
    tenant, owner = world.tenants["acme"], world.user("owner")
    return Document.objects.bulk_create(
        Document(tenant=tenant, owner=owner, title=f"Herd {number}") for number in range(count)
    )


def these(documents: list[Document]) -> Any:
    of = {"tenant": documents[0].tenant, "pk__in": [each.pk for each in documents]}
    return Document.objects.filter(**of)


def gone(documents: list[Document]) -> None:
    these(documents).delete()


@pytest.mark.parametrize(
    "before", [lambda: None, lambda: run(REPLICA), in_general], ids=["sets", "replication", "ddl"]
)
def test_each_of_many_objects_is_logged(place: World, before: Callable[[], None]) -> None:
    before()
    documents = made(place, 3)
    pks = sorted(each.pk for each in documents)
    here = {"model": "resources.document", "object_id__in": pks}
    versions = these(documents).values_list("pk", "version")
    changes = Change.objects.filter(**here)
    assert {*changes.values_list("object_id", "version", "id", "creation", "fields")} == {
        (pk, version, version, True, None) for pk, version in versions
    }
    held = Held.objects.filter(**here)
    assert {*held.values_list("principal", "began", "permission", "ended")} == {
        (f"user:{place.user('owner').pk}", "created", "own_document", "")
    }
    assert len(held) == 3
    assert unkept() == []
    gone(documents)
    run("SET CONSTRAINTS ALL IMMEDIATE")
    told = AccessChange.objects.filter(**here)
    assert sorted(told.values_list("object_id", "cause", "user_id")) == [
        (pk, "deleted", None) for pk in pks
    ]
    revision = {*told.values_list("revision", flat=True)}
    assert {*held.values_list("ended", flat=True)} == {"deleted"}
    assert {*held.values_list("until", flat=True)} == revision != {None}
    assert unkept() == []


@contextmanager
def plans() -> Iterator[list[str]]:
    """The plans of what triggers do meanwhile."""
    found: list[str] = []
    run("LOAD 'auto_explain'")
    for setting in ("log_nested_statements = on", "log_level = notice", "log_min_duration = 0"):
        run(f"SET LOCAL auto_explain.{setting}")
    inner = connection.connection

    def hear(notice: Any) -> None:
        found.append(str(notice.message_primary))

    inner.add_notice_handler(hear)
    yield found
    inner.remove_notice_handler(hear)


@pytest.fixture
def first(place: World, request: pytest.FixtureRequest) -> World:
    """The first statement of this connection has so many rows, and its plan is kept."""
    live_ones = live_postgresql.triggers(lives(), [])
    names = [t.name for t in live_ones if t.name.endswith(("_created", "_deleted"))]
    for name in names:  # what was planned before is planned anew
        run(f"ALTER FUNCTION {name}() COST 101")
    gone(made(place, request.param))
    return place


@pytest.mark.parametrize("first", [1, 60], indirect=True)
@pytest.mark.parametrize("count", [1, 60])
def test_plan_that_is_kept_looks_up_each_row(first: World, count: int) -> None:
    documents = made(first, count)
    with plans() as found:
        gone(documents)
    [ended] = [plan for plan in found if "resources_document.owner_id" in plan]
    assert "earshot_held_open" in ended
    assert "Seq Scan" not in ended


def nothing() -> None:
    """Nothing is known of any table but what its size tells."""


def one_row_of_each() -> None:
    """It is known that there is one row, where an index costs no less than to read all."""
    run("DELETE FROM earshot_realtime_held")
    run(
        "INSERT INTO earshot_realtime_held (source, source_id, model, permission, principal,"
        " began_at, began, ended) VALUES ('x', 'A1', 'x', 'x', 'x', now(), 'x', '')"
    )
    run("ANALYZE")


@pytest.mark.parametrize("known", [nothing, one_row_of_each])
def test_grants_look_up_what_they_name_whatever_is_guessed_of_it(
    place: World, known: Callable[[], None]
) -> None:
    known()
    documents, group = made(place, 60), Group.objects.create(name="readers")
    view = Permission.objects.get(codename="view_document", content_type__app_label="resources")
    with plans() as found:
        DocumentGroupGrant.objects.bulk_create(
            DocumentGroupGrant(group=group, permission=view, content_object=each)
            for each in documents
        )
        DocumentGroupGrant.objects.filter(group=group).delete()
    written = [plan for plan in found if "Named Tuplestore Scan" in plan]
    named = [plan for plan in written if "on resources_document o" in plan]
    assert len(named) == 3
    assert not [
        plan for plan in named if "Bitmap Index Scan on resources_document_pkey" not in plan
    ]
    [ended] = [plan for plan in written if "Update on earshot_realtime_held" in plan]
    assert "Bitmap Index Scan on earshot_held_open" in ended
    assert not [plan for plan in written if "Join Filter" in plan]


@pytest.mark.parametrize("known", [nothing, one_row_of_each])
def test_group_looks_up_the_members_of_tenants(place: World, known: Callable[[], None]) -> None:
    group, people = Group.objects.create(name="readers"), [*place.users.values()]
    known()
    with plans() as found:
        group.user_set.add(*people)
    [touched] = [plan for plan in found if "on earshot_tenants_membership m" in plan]
    assert "Index Cond: (user_id = " in touched
    assert "Join Filter" not in touched
