"""The ledger over REST: what an admin finds, by whom, of what, and when."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from permissions import accesslog
from realtime.audit.models import Access, Push
from realtime.audit.viewings import Applied, Viewing
from realtime.models import Held
from resources.models import Document
from tenants import opaque
from tenants.models import User
from tests.world import World

NOON = datetime(2030, 1, 31, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
ACCESSES, PUSHES = "/api/ledger/accesses/", "/api/ledger/pushes/"


@pytest.fixture
def ledger(world: World) -> World:
    """Viewer saw the document from noon to one, editor from two on; a push at noon and at two."""
    acme, other = world.tenants["acme"], world.create(title="Other")
    for username, began, ended, document in (
        ("viewer", NOON, NOON + HOUR, world.document),
        ("editor", NOON + 2 * HOUR, None, world.document),
        ("owner", NOON - HOUR, NOON - HOUR / 2, other),
    ):
        Access.objects.create(
            tenant=acme,
            user_id=world.user(username).pk,
            model="resources.document",
            object_id=document.pk,
            audience=username,
            began_at=began,
            ended_at=ended,
            began="subscribed",
            ended="revoked" if ended else "",
            process=1,
            connection="c",
        )
    for hours, audience in ((0, "viewer"), (2, "viewer"), (2, "editor")):
        push = Push.objects.create(
            tenant=acme,
            model="resources.document",
            object_id=world.document.pk,
            audience=audience,
            version=hours,
            fields=["title"],
            etag=f"etag {hours}",
            size=100,
        )
        Push.objects.filter(pk=push.pk).update(at=NOON + hours * HOUR)
    return world


def found(world: World, url: str, **query: Any) -> Any:
    answer = world.rest("admin").get(url, query)
    assert answer.status_code == 200, answer.content
    return answer.json()["results"]


def at(hours: float) -> str:
    return (NOON + hours * HOUR).isoformat().replace("+00:00", "Z")


def test_accesses_are_listed_newest_first(ledger: World) -> None:
    rows = found(ledger, ACCESSES)
    assert [row["username"] for row in rows] == ["editor", "viewer", "owner"]
    assert rows[1] == {
        "user": ledger.user_id("viewer"),
        "username": "viewer",
        "model": "resources.document",
        "id": ledger.id,
        "audience": "viewer",
        "from": at(0),
        "until": at(1),
        "cause": "revoked",
    }
    assert (rows[0]["until"], rows[0]["cause"]) == (None, "subscribed")


def test_pushes_are_listed_newest_first(ledger: World) -> None:
    rows = found(ledger, PUSHES)
    assert [(row["audience"], row["at"]) for row in rows] == [
        ("editor", at(2)),
        ("viewer", at(2)),
        ("viewer", at(0)),
    ]
    assert rows[0] == {
        "at": at(2),
        "model": "resources.document",
        "id": ledger.id,
        "audience": "editor",
        "fields": ["title"],
        "etag": "etag 2",
        "size": 100,
    }


@pytest.mark.each_case
@pytest.mark.parametrize(
    ("query", "usernames"),
    [
        ({"audience": "editor"}, ["editor"]),
        ({"model": "resources.document"}, ["editor", "viewer", "owner"]),
        ({"model": "resources.profile"}, []),
        ({"since": at(0.5)}, ["editor", "viewer"]),
        ({"since": at(1.5)}, ["editor"]),
        ({"until": at(0.5)}, ["viewer", "owner"]),
        ({"since": at(-0.6), "until": at(-0.1)}, ["owner"]),
        ({"audience": "", "user": ""}, ["editor", "viewer", "owner"]),
        ({"user": "nobody!"}, []),
        ({"model": "resources.document", "id": "nothing!"}, []),
        ({"page_size": 1}, ["editor"]),
    ],
)
def test_accesses_are_narrowed(ledger: World, query: Any, usernames: list[str]) -> None:
    assert [row["username"] for row in found(ledger, ACCESSES, **query)] == usernames


def test_accesses_of_a_user_and_of_an_object_are_found(ledger: World) -> None:
    mine = found(ledger, ACCESSES, user=ledger.user_id("viewer"))
    assert [row["username"] for row in mine] == ["viewer"]
    of_object = found(ledger, ACCESSES, model="resources.document", id=ledger.id)
    assert [row["username"] for row in of_object] == ["editor", "viewer"]


@pytest.mark.each_case
@pytest.mark.parametrize(
    ("query", "times"),
    [
        ({"audience": "viewer"}, [at(2), at(0)]),
        ({"since": at(1)}, [at(2), at(2)]),
        ({"until": at(1)}, [at(0)]),
    ],
)
def test_pushes_are_narrowed(ledger: World, query: Any, times: list[str]) -> None:
    assert [row["at"] for row in found(ledger, PUSHES, **query)] == times


def test_pushes_of_a_user_are_those_to_their_audience_while_they_had_it(ledger: World) -> None:
    viewers = found(ledger, PUSHES, user=ledger.user_id("viewer"))
    assert [(row["audience"], row["at"]) for row in viewers] == [("viewer", at(0))]
    editors = found(ledger, PUSHES, user=ledger.user_id("editor"))
    assert [(row["audience"], row["at"]) for row in editors] == [("editor", at(2))]
    assert found(ledger, PUSHES, user=ledger.user_id("owner")) == []


@pytest.mark.each_case
@pytest.mark.parametrize("url", [ACCESSES, PUSHES])
@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"since": "yesterday"}, "since"),
        ({"until": "yesterday"}, "until"),
        ({"model": "resources.unknown"}, "model"),
        ({"id": "abc"}, "id"),
    ],
)
def test_filter_that_makes_no_sense_is_named(
    ledger: World, url: str, query: Any, field: str
) -> None:
    answer = ledger.rest("admin").get(url, query)
    assert (answer.status_code, list(answer.json())) == (400, [field])


@pytest.mark.parametrize("url", [ACCESSES, PUSHES])
def test_ledger_is_for_the_tenants_admins(ledger: World, url: str) -> None:
    for username in ("owner", "viewer", "member"):
        assert ledger.rest(username).get(url).status_code == 403
    assert ledger.rest("rival", "globex").get(url).json()["results"] == []
    answer = ledger.rest("admin").get(url)
    assert answer["Cache-Control"] == "private, no-store"


def test_rows_outlive_their_user_and_the_declaration_of_their_model(ledger: World) -> None:
    Access.objects.filter(audience="editor").update(user_id=10**6, model="resources.gone")
    row = found(ledger, ACCESSES)[0]
    assert (row["username"], row["id"]) == (None, None)
    assert row["user"] == opaque.encode(User, 10**6)


def test_page_costs_the_same_queries_for_one_row_and_for_many(ledger: World) -> None:
    costs = []
    for size in (1, 3):
        rest = ledger.rest("admin")
        with CaptureQueriesContext(connection) as queries:
            rest.get(ACCESSES, {"page_size": size})
        costs.append(len(queries))
    assert costs[0] == costs[1]


def test_deleted_document_keeps_its_rows(ledger: World) -> None:
    id = ledger.id
    Document.objects.filter(tenant=ledger.tenants["acme"]).delete()
    assert len(found(ledger, ACCESSES, model="resources.document", id=id)) == 2


@pytest.mark.django_db(transaction=True)  # at the commit, intervals are numbered
def test_windows_have_a_row_each_and_of_an_object_one_for_what_they_could_show(
    ledger: World,
) -> None:
    """The viewer's grant is older than the window; the editor's was taken while theirs was open."""
    acme = ledger.tenants["acme"]
    began = Held.objects.filter(principal=f"user:{ledger.user('viewer').pk}").first()
    assert began is not None
    start, later = began.began_at + HOUR, began.began_at + 2 * HOUR
    now = accesslog.revision(acme.pk)
    Applied.objects.create(tenant=acme, process=1, revision=now, read=now, at=began.began_at)
    for name, where, ended in (("viewer", {}, None), ("editor", {"status": ["draft"]}, later)):
        Viewing.objects.create(
            tenant=acme, user_id=ledger.user(name).pk, model="resources.document", where=where,
            began_at=start, ended_at=ended, ended="disconnected" if ended else "", process=1,
            connection="w",
        )  # fmt: skip
    span = {"since": start.isoformat(), "until": (start + HOUR / 2).isoformat()}
    editor, viewer = found(ledger, ACCESSES, **span)[:2]
    assert (viewer["id"], viewer["audience"], viewer["where"]) == (None, None, {})
    assert (editor["where"], editor["cause"]) == ({"status": ["draft"]}, "disconnected")
    of_it = {"model": "resources.document", "id": ledger.id} | span
    rows = [row for row in found(ledger, ACCESSES, **of_it) if "where" in row]
    assert [(row["username"], row["audience"], row["cause"]) for row in rows] == [
        ("editor", "editor", "disconnected"),
        ("viewer", "viewer", "subscribed"),
    ]
    assert {row["id"] for row in rows} == {ledger.id}
    ledger.revoke("viewer")
    Applied.objects.create(tenant=acme, process=1, revision=999, read=999, at=later)
    [row] = found(ledger, ACCESSES, **of_it, user=ledger.user_id("viewer"), audience="viewer")
    assert (row["cause"], row["until"]) == ("revoked", later.isoformat().replace("+00:00", "Z"))
    assert [r for r in found(ledger, ACCESSES, audience="viewer") if "where" in r] == []
    owners = found(ledger, ACCESSES, **of_it, audience="owner")
    assert [r for r in owners if "where" in r] == []
    assert [r for r in found(ledger, ACCESSES, **(of_it | {"id": "x"})) if "where" in r] == []
