"""What a constraint of the database refuses is told in the body's names, and never a 500."""

import json
import threading
from typing import Any

import pytest
from django.db import connection, transaction
from django.db.models import ProtectedError

from tenants import opaque
from tests.databases import on_postgresql
from tests.permissions.conftest import on_its_own
from tests.world import World

ITEMS = "/api/items/"
TAKEN = {
    "title": "Taken", "code": "C-1", "aisle": 1, "place": 2, "label": "Blue", "main": True,
}  # fmt: skip


def create(world: World, tenant: str, owner: str, **fields: Any) -> Any:
    from tests.permissions.shop.models import Item

    return Item.objects.create(tenant=world.tenants[tenant], owner=world.user(owner), **fields)


REFUSED: list[tuple[dict[str, Any], set[str]]] = [
    ({"title": "Taken"}, {"title"}),
    ({"aisle": 1, "place": 2}, {"aisle", "place"}),
    ({"label": "BLUE"}, {"label"}),
    ({"main": True}, {"main"}),
    ({"code": "C-1"}, {"code"}),
    ({"low": 5, "high": 4}, {"low", "high"}),
    ({"low": 101}, {"low"}),
    ({"needed": 0}, {"needed"}),
    ({"needed": None}, {"needed"}),
]


@pytest.mark.each_case
@pytest.mark.parametrize(("body", "named"), REFUSED, ids=lambda v: ",".join(sorted(v)))
def test_refused_field_is_named(shop: World, body: dict[str, Any], named: set[str]) -> None:
    create(shop, "acme", "member", **TAKEN)
    client = shop.rest("owner")
    mine = client.post(ITEMS, {"title": "Mine"}).json()
    answers = [client.post(ITEMS, body), client.patch(f"{ITEMS}{mine['id']}/", body)]
    assert [(a.status_code, set(a.json())) for a in answers] == [(400, named)] * 2
    assert client.get(f"{ITEMS}{mine['id']}/").json() == mine
    assert len(client.get(ITEMS).json()["results"]) == 1


def test_other_tenants_values_are_free_where_uniqueness_is_the_tenants(shop: World) -> None:
    create(shop, "globex", "rival", **TAKEN)
    free = {name: value for name, value in TAKEN.items() if name != "code"}
    assert shop.rest("owner").post(ITEMS, free).status_code == 201


def test_message_does_not_tell_that_it_is_another_tenants_value(shop: World) -> None:
    client = shop.rest("owner")
    create(shop, "globex", "rival", code="C-1")
    create(shop, "acme", "member", code="C-2")
    create(shop, "acme", "member", title="Taken")
    answers = [client.post(ITEMS, {"code": code}) for code in ("C-1", "C-2")]
    assert [(a.status_code, a.json()) for a in answers] == [
        (400, {"code": ["Not an allowed value."]})
    ] * 2
    assert client.post(ITEMS, {"title": "Taken"}).json() == {"title": ["Must be unique."]}


def test_reference_that_is_refused_at_the_commit_is_no_server_error(shop: World) -> None:
    answer = shop.rest("owner").post(ITEMS, {"group": 10**6})
    named = connection.vendor == "postgresql"  # SQLite does not say which
    assert answer.status_code == (400 if named else 409)
    assert set(answer.json()) == ({"group"} if named else {"detail", "code"})
    assert shop.rest("owner").get(ITEMS).json()["results"] == []


@pytest.mark.parametrize("name", ["belongs_to", "beside"])
def test_another_tenants_row_is_refused_like_none(shop: World, name: str) -> None:
    client = shop.rest("owner")
    ours = create(shop, "acme", "member", code="C-1")
    theirs = create(shop, "globex", "rival", code="C-2")
    mine = f"{ITEMS}{client.post(ITEMS, {}).json()['id']}/"
    by_key = name == "belongs_to"
    foreign, absent, own = (theirs.pk, 10**6, ours.pk) if by_key else ("C-2", "C-3", "C-1")
    for send in (lambda body: client.post(ITEMS, body), lambda body: client.patch(mine, body)):
        answers = [send({name: value}) for value in (foreign, absent)]
        assert [(a.status_code, list(a.json())) for a in answers] == [(400, [name])] * 2
        told = {a.content.replace(b"C-3", b"C-2") for a in answers}
        assert len(told) == 1
        taken = send({name: own})
        assert (taken.status_code // 100, taken.json()[name]) == (2, own)
    assert client.patch(mine, {name: None}).json()[name] is None


def test_object_that_others_refer_to_is_not_deleted(shop: World) -> None:
    client = shop.rest("owner")
    mine = client.post(ITEMS, {"title": "Mine"}).json()["id"]
    from tests.permissions.shop.models import Item

    create(shop, "acme", "member", part_of_id=opaque.decode(Item, mine))
    answer = client.delete(f"{ITEMS}{mine}/")
    assert (answer.status_code, answer.json()["code"]) == (409, "still_needed")
    assert "member" not in answer.json()["detail"]
    with pytest.raises(ProtectedError):
        Item.objects.get(tenant=shop.tenants["acme"], title="Mine").delete()


@on_postgresql
def test_of_two_who_create_the_same_at_once_one_is_told(shop: World) -> None:
    """The second waits for the first, who has not committed yet."""
    client, answers = shop.rest("owner"), []

    def late() -> None:
        answers.append(client.post(ITEMS, {"title": "Taken"}))

    second = threading.Thread(target=on_its_own, args=(late,))
    with transaction.atomic():
        create(shop, "acme", "member", title="Taken")
        second.start()
        waiting = "SELECT 1 FROM pg_locks WHERE NOT granted AND locktype = 'transactionid'"
        with connection.cursor() as cursor:
            while not cursor.execute(waiting).fetchall():
                assert second.is_alive()
    second.join()
    assert [(a.status_code, a.json()) for a in answers] == [(400, {"title": ["Must be unique."]})]


VALUES: dict[str, list[Any]] = {
    "extra": [{}, [], "", "é", False, 0, True, 1, {"a": [0]}, {"a": [False]},
              -0.0, 1.0, 1.5, 2**64 - 1, -(2**63), 1e16, 1e-300, 5e-324, True,
              {"a": [{"b": None}]}, "\U0001f600", {"": ""}, 0.1, 123456789.123456789],
    "ratio": [0, 1, 1.5, -1e300, 5e-324, 2**53, None],
    "big": [0, 2**63 - 1, -(2**63), None],
    "small": [0, 32767, None],
    "took": ["00:00:05", "1 02:03:04", "-1 00:00:00", "10000 00:00:00.000001"],
    "at": ["2026-02-28T10:00:00Z", "0001-01-02T00:00:00Z", "9999-12-31T23:59:59.999999Z"],
    "uuid": ["12345678-1234-5678-1234-567812345678"],
    "price": ["0.00", "-0.01", "999999.99"],
    "raw": ["AAEC", "", "/+8=", None],
}  # fmt: skip
BEYOND: dict[str, list[Any]] = {
    "extra": ["\0", {"\0": 1}, "\ud800", 2**64, -(2**63) - 1, {"a": 10**400}, [1e22], "e" * 2000],
    "ratio": [2**53 + 1, 10**400, "1.5", True],
    "big": [2**63, -(2**63) - 1, "5", 5.0, True],
    "small": [-1, "5", 10**30],
    "took": [5, "99999999999 00:00:00", "x", ""],
    "at": ["0000-01-01T00:00:00Z", "10000-01-01T00:00:00Z", 5, "0001-01-01T00:00:00+14:00"],
    "uuid": [5, "x", "\0"],
    "raw": ["AAE", 5, "A" * 16, "\0"],
    "price": ["1000000.00", "NaN", "Infinity", "1e400", 5, 1.5],
}
# What a field takes and the database does not hold: looked at when each field has taken its value.
BEYOND_THE_COLUMN: dict[str, list[Any]] = {"took": ["106751992 00:00:00", "-999999999 00:00:00"]}


def bodies(values: dict[str, list[Any]]) -> list[dict[str, Any]]:
    """Each value once, of all fields together as long as they have one."""
    most = max(map(len, values.values()))
    return [{name: some[n] for name, some in values.items() if n < len(some)} for n in range(most)]


def same(one: Any, other: Any) -> bool:
    """Whether they are the same to readers of JSON, to whom 1 is 1.0 and `true` is neither."""
    match one, other:
        case dict(), dict():
            return one.keys() == other.keys() and all(same(one[k], other[k]) for k in one)
        case list(), list():
            return len(one) == len(other) and all(map(same, one, other))
    return isinstance(one, bool) is isinstance(other, bool) and bool(one == other)


def test_values_that_are_taken_come_back_and_others_are_named(shop: World) -> None:
    client = shop.rest("owner")
    mine = f"{ITEMS}{client.post(ITEMS, {}).json()['id']}/"
    for body in bodies(VALUES):
        answer = client.patch(mine, body, format="json")
        assert answer.status_code == 200, (body, answer.content)
        found = client.get(mine).json()
        assert [n for n, value in body.items() if not same(found[n], value)] == [], body
    for body in bodies(BEYOND) + bodies(BEYOND_THE_COLUMN):
        answer = client.patch(mine, json.dumps(body), content_type="application/json")
        assert (answer.status_code, set(answer.json())) == (400, set(body)), body
