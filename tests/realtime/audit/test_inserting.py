"""Rows that may be there already are inserted by one statement, all or none."""

from typing import Any

import pytest
from django.db import DatabaseError, connection
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from realtime.audit import inserting
from realtime.audit.models import Push
from tests.world import World


def pushes(world: World, *versions: int, etag: str = "e") -> list[Push]:
    return [
        Push(
            tenant=world.tenants["acme"],
            at=timezone.now(),
            model="resources.document",
            object_id=1,
            audience="viewer",
            version=version,
            fields=["title", 'a "b"'],
            etag=etag,
            size=1,
        )
        for version in versions
    ]


@pytest.mark.django_db
def test_rows_are_written_as_the_orm_writes_them(world: World) -> None:
    inserting.insert_new(pushes(world, 1))
    pushes(world, 2)[0].save()
    ours, orms = map(dict[str, Any], Push.objects.order_by("version").values())
    assert (ours.pop("version"), orms.pop("version")) == (1, 2)
    for changing in ("id", "at", "xid"):
        assert type(ours.pop(changing)) is type(orms.pop(changing))
    assert ours == orms


@pytest.mark.django_db
def test_row_that_is_there_stays_as_it_is(world: World) -> None:
    inserting.insert_new(pushes(world, 1))
    inserting.insert_new(pushes(world, 1, 2, etag="other"))
    inserting.insert_new([])
    assert list(Push.objects.order_by("version").values_list("version", "etag")) == [
        (1, "e"),
        (2, "other"),
    ]


@pytest.mark.django_db
def test_few_rows_take_one_statement_and_no_transaction(
    world: World, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_num_queries(1):
        inserting.insert_new(pushes(world, *range(30)))


@pytest.mark.django_db(transaction=True)
def test_of_many_rows_all_are_inserted_or_none(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inserting, "BATCH", 2)
    inserting.insert_new(pushes(world, 1, 2, 3))
    assert Push.objects.count() == 3
    with pytest.raises(DatabaseError):
        inserting.insert_new([*pushes(world, 4, 5), *pushes(world, 6, etag=None)])  # type: ignore[arg-type]
    assert Push.objects.count() == 3
    assert not connection.in_atomic_block
