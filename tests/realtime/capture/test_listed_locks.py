"""Whoever writes rows of the project's own that give audiences, while what places their objects
moves: whichever commits first, the logs and intervals have it where it is in the end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from permissions.models import AccessChange
from realtime.capture.interval_models import Held
from tests.databases import on_postgresql
from tests.listed.place import (
    Access,
    Note,
    Project,
    installed,
    listed,
    note,
    passed,
    stamped,
    task,
)
from tests.realtime.capture.kept import unkept
from tests.realtime.capture.test_locks import at_once
from tests.world import World

__all__ = ["installed", "listed"]

pytestmark = [on_postgresql, pytest.mark.django_db(transaction=True)]
Write = Callable[[Any, Any], object]


def access(obj: Any, user: Any) -> None:
    Access.objects.create(task=obj, person=user, level=9)


def project_moves(world: World) -> None:
    Project.objects.update(tenant=world.tenants["globex"])


def note_moves(world: World) -> None:
    Note.objects.update(tenant=world.tenants["globex"])


CASES: list[tuple[Callable[[World], Any], Write, Callable[[World], None]]] = [
    (task, access, project_moves),
    (task, stamped, project_moves),
    (note, passed, note_moves),
]


@pytest.mark.parametrize("first", ["who writes", "who moves"])
@pytest.mark.parametrize(("make", "write", "move"), CASES, ids=lambda each: each.__name__)
def test_row_gives_what_it_gives_where_its_object_is(
    listed: World, make: Any, write: Write, move: Any, first: str
) -> None:
    obj, viewer = make(listed), listed.user("viewer")
    acts = [lambda: write(obj, viewer), lambda: move(listed)]
    at_once(*(acts if first == "who writes" else acts[::-1]))
    assert unkept() == []
    globex = listed.tenants["globex"].pk
    mine = {"principal": f"user:{viewer.pk}", "model__startswith": "listed."}
    held = Held.objects.filter(**mine, ended_at=None)
    assert [row.tenant_id for row in held] == [globex]
    told = AccessChange.objects.filter(tenant=globex, object_id=obj.pk)
    assert told.filter(user_id__in=[viewer.pk]).exists() or told.filter(user_id=None).exists()
