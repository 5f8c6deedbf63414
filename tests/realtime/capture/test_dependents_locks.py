"""What is raised is locked in the order of keys, and no write locks more than it must."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection, models, transaction
from guardian.shortcuts import assign_perm

from realtime.capture import dependents
from resources.documents.audiences import DOCUMENTS
from resources.models import Document
from tests.announced import announced
from tests.databases import on_postgresql
from tests.permissions.conftest import on_its_own
from tests.test_concurrency import until_blocking
from tests.world import World

pytestmark = on_postgresql


def documents(world: World) -> Any:
    return Document.objects.filter(tenant=world.tenants["acme"])


def raise_what_shows_the_owner(world: World) -> None:
    dependents.raise_for(DOCUMENTS, DOCUMENTS.shows[0], [world.profile("owner")])


def in_the_order_of_the_table(write: Callable[[World], object], world: World) -> None:
    """An index would bring rows in the order of keys by chance."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_indexscan = off")
        cursor.execute("SET LOCAL enable_bitmapscan = off")
        write(world)


def test_raising_that_waits_for_its_first_row_has_not_locked_a_later_one(world: World) -> None:
    """Two writers that lock the same rows in two orders would wait for each other for ever."""
    world.create(title="Second")
    announced()
    unhooked: Any = models.QuerySet(Document)
    first, *_, last = unhooked.order_by("pk").values_list("pk", flat=True)
    # The row that is written last lies last in the table: whoever does not order, locks it last.
    unhooked.filter(pk=first).update(id=first)
    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            assert unhooked.select_for_update().filter(pk=first).exists()
            writing = pool.submit(
                on_its_own, lambda: in_the_order_of_the_table(raise_what_shows_the_owner, world)
            )
            until_blocking(connection)
            assert unhooked.select_for_update(nowait=True).filter(pk=last).exists()
        writing.result(20)


def save(world: World) -> None:
    world.write(title="Written")


def update(world: World) -> None:
    documents(world).update(title="Written")


@pytest.mark.parametrize("write", [save, update])
def test_a_write_under_way_does_not_hold_up_grants_on_its_object(
    world: World, write: Callable[[World], None]
) -> None:
    """A grant refers to its object's key, which no write changes."""

    def grant() -> None:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET LOCAL lock_timeout = '5s'")
            assign_perm("view_document", world.user("member"), world.document)

    with transaction.atomic(), ThreadPoolExecutor(1) as pool:
        write(world)
        pool.submit(on_its_own, grant).result(10)
