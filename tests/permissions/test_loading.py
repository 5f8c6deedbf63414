"""Loading objects of which the database holds what is no value of a field."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from django.db import DataError, OperationalError, connection
from django.db.models import DateField, ExpressionWrapper, F, IntegerField, QuerySet
from django.db.models.functions import Cast
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from permissions.audiences import Resource
from permissions.loading import UNREADABLE, UnreadableValue, load, values_of_all
from permissions.read import Reading, read
from permissions.representation import ObjectKey
from resources.documents.audiences import DOCUMENTS, with_owner_name
from resources.models import Document
from tests.databases import only_on
from tests.unshowable import spoil
from tests.world import World

Declare = Callable[[Resource], Resource]


def seen(world: World, *usernames: str) -> dict[str, bool | None]:
    """Whether these see the world's document, None without an audience."""
    pairs = {name: (world.user(name).pk, world.key) for name in usernames}
    reading = read(world.tenants["acme"].pk, list(pairs.values()))
    shown = {name: reading.seen[pair] for name, pair in pairs.items()}
    return {name: None if r is None else r.body is not None for name, r in shown.items()}


def owners(world: World, documents: list[Document]) -> Reading:
    """What the owner sees of these."""
    owner = world.user("owner").pk
    return read(
        world.tenants["acme"].pk, [(owner, ObjectKey(DOCUMENTS.label, d.pk)) for d in documents]
    )


def test_a_value_that_cannot_be_converted_fails_those_who_see_it(world: World) -> None:
    spoil(world.document)
    assert seen(world, "owner", "editor", "viewer", "admin", "member") == {
        "owner": False, "editor": False, "viewer": True, "admin": True, "member": None,
    }  # fmt: skip


@only_on("sqlite", "PostgreSQL stores no such text.")
def test_a_text_that_cannot_be_decoded_fails_those_who_see_it(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    other = world.create(title="Other")
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE resources_document SET body = CAST(X'FF73656372657473' AS TEXT) WHERE id = %s",
            [world.document.pk],
        )
    assert seen(world, "owner", "editor", "viewer", "admin") == {
        "owner": False, "editor": False, "viewer": False, "admin": True,
    }  # fmt: skip
    shown = owners(world, [world.document, other]).seen
    assert [r is not None and r.body is not None for r in shown.values()] == [False, True]
    assert "secrets" not in caplog.text


def test_values_of_a_row_are_read_but_for_the_one_that_cannot_be(world: World) -> None:
    spoil(world.document)
    pk = world.document.pk
    found = values_of_all(Document._base_manager.filter(pk=pk), ("title", "due_on"))
    assert found == {pk: {"pk": pk, "title": "Plan", "due_on": UNREADABLE}}


def test_the_others_of_a_batch_are_shown_as_ever(world: World) -> None:
    documents = [world.create(title=f"{n}", due_on="2030-01-31") for n in range(16)]
    before = owners(world, documents).seen
    spoil(documents[5])
    spoil(documents[11])
    after = owners(world, documents).seen
    bad = {documents[5].pk, documents[11].pk}
    assert {key.pk for (_, key), r in after.items() if r and r.body is None} == bad
    assert all(after[p] == r for p, r in before.items() if p[1].pk not in bad)


def test_one_bad_value_costs_some_queries_and_not_one_for_each_row(world: World) -> None:
    rows = Document.objects.filter(tenant=world.tenants["acme"])
    for n in range(63):
        world.create(title=f"{n}")
    spoil(world.document)
    with CaptureQueriesContext(connection) as captured:
        assert len(load(DOCUMENTS, rows)) == 64
    statements = [q for q in captured if q["sql"].startswith("SELECT")]
    assert len(statements) < 40  # the columns, and the halves of the one at fault


def with_number(documents: QuerySet[Any]) -> QuerySet[Any]:
    """A `prepare` that fails for a title that is a date of no calendar."""
    if connection.vendor == "postgresql":
        number: Any = Cast("title", IntegerField())
    else:
        number = ExpressionWrapper(F("title"), output_field=DateField())
    return with_owner_name(documents).annotate(number=number)


def test_what_a_row_makes_of_prepare_fails_that_row(world: World, declare: Declare) -> None:
    declare(replace(DOCUMENTS, prepare=with_number))
    documents = [world.create(title=title) for title in ("1", "2030-02-31", "2")]
    shown = [r and r.body is not None for r in owners(world, documents).seen.values()]
    assert shown == [True, False, True]


def test_a_prepare_that_raises_fails_those_who_need_it(world: World, declare: Declare) -> None:
    def prepare(_: Any) -> Any:
        raise KeyError("x")

    declare(replace(DOCUMENTS, prepare=prepare))
    assert seen(world, "owner", "viewer") == {"owner": False, "viewer": False}


def test_a_value_that_cannot_be_read_is_never_asked_for_again(world: World) -> None:
    spoil(world.document)
    [obj] = load(DOCUMENTS, Document.objects.filter(tenant=world.tenants["acme"])).values()
    assert (obj.title, obj.unreadable) == ("Plan", {"due_on"})
    with CaptureQueriesContext(connection) as captured, pytest.raises(UnreadableValue) as error:
        obj.due_on  # noqa: B018
    assert error.value.names == ("due_on",)
    assert list(captured) == []


class Broken:
    """A database whose transaction is spoiled by a statement that fails, as PostgreSQL's is."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.spoiled = False

    def __call__(self, execute: Any, sql: str, *args: Any) -> Any:
        if sql.startswith(("ROLLBACK", "BEGIN", "SET TRANSACTION")):
            self.spoiled = False
        if self.spoiled or self.text in sql:
            self.spoiled = True
            raise DataError("a value")
        return execute(sql, *args)


def test_a_statement_that_spoils_the_transaction_is_done_again_with_savepoints(
    world: World,
) -> None:
    with connection.execute_wrapper(Broken("display_name")):
        assert seen(world, "owner") == {"owner": False}


def test_a_serializer_s_statement_that_spoils_the_transaction_fails_it_alone(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    editors = DOCUMENTS.audience("editor")
    assert editors is not None
    whole = editors.serializer.to_representation

    def asks(self: Any, obj: Any) -> Any:
        if type(self) is editors.serializer:
            Document.objects.filter(tenant=obj.tenant_id, title="asked").exists()
        return whole(self, obj)

    monkeypatch.setattr(editors.serializer, "to_representation", asks)
    others = {"owner": True, "viewer": True}
    assert seen(world, "owner", "editor", "viewer") == {**others, "editor": True}
    with connection.execute_wrapper(Broken('"title" = ')):
        assert seen(world, "owner", "editor", "viewer") == {**others, "editor": False}
        answer = world.rest("editor").patch(world.url, {"body": "New"}, format="json")
        assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")


def test_a_database_that_does_not_serve_is_no_object_s_fault(world: World) -> None:
    def away(execute: Any, sql: str, *args: Any) -> Any:
        if "display_name" in sql:
            raise OperationalError("away")
        return execute(sql, *args)

    with connection.execute_wrapper(away), pytest.raises(OperationalError):
        seen(world, "owner")


# REST.


@pytest.fixture
def owner(world: World) -> APIClient:
    spoil(world.document)
    return world.rest("owner")


def test_rest_of_a_value_that_cannot_be_read(world: World, owner: APIClient) -> None:
    assert owner.get(world.url).status_code == 503
    listed = owner.get("/api/documents/").json()
    assert (listed["results"], listed["unavailable"]) == ([], 1)
    assert world.rest("viewer").get(world.url).status_code == 200
    assert owner.get(f"{world.url}grants/").status_code == 200


def test_a_value_that_cannot_be_read_is_mended_by_writing_another(
    world: World, owner: APIClient
) -> None:
    answer = owner.patch(world.url, {"due_on": "2030-01-31"}, format="json")
    assert (answer.status_code, answer.json()["due_on"]) == (200, "2030-01-31")
    assert owner.get(world.url).json() == answer.json()


def test_other_writes_of_such_a_row_change_nothing(world: World, owner: APIClient) -> None:
    assert owner.patch(world.url, {"title": "New"}, format="json").status_code == 503
    assert world.rest("viewer").get(world.url).json()["title"] == "Plan"


def test_a_row_with_a_value_that_cannot_be_read_is_deleted(world: World, owner: APIClient) -> None:
    assert owner.delete(world.url).status_code == 204
    assert owner.get(world.url).status_code == 404


def test_grants_of_a_row_that_cannot_be_read_are_given_and_taken(
    world: World, owner: APIClient
) -> None:
    member = f"{world.url}grants/user:{world.user_id('member')}/"
    assert owner.put(member, {"audience": "viewer"}, format="json").status_code == 200
    assert world.rest("member").get(world.url).status_code == 200
    assert owner.delete(member).status_code == 204
    assert world.rest("member").get(world.url).status_code == 404
    world.grant("member", "viewer")
    DOCUMENTS.user_grants._default_manager.filter(user=world.user("member")).delete()
    assert world.rest("member").get(world.url).status_code == 404


def test_a_row_that_cannot_be_read_is_handed_over(world: World, owner: APIClient) -> None:
    del owner
    Document.objects.filter(tenant=world.tenants["acme"]).update(owner=world.user("both"))
    assert world.rest("both").get(world.url).status_code == 503
    assert world.rest("viewer").get(world.url).status_code == 200
