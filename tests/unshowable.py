"""Documents that cannot be shown to some of their audiences, by a serializer that fails."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from decimal import Decimal
from typing import Any, Final

import pytest
from django.db import connection

from permissions import unavailable
from realtime.models import Access, Push
from resources.documents.serializers import EditorSerializer, OwnerSerializer, ViewerSerializer
from tests.client import quiet
from tests.gates import this_hub
from tests.uncaptured import uncaptured
from tests.world import World

BAD: Final = "a value for nobody"
"""A document with this as its review notes fails for owners and editors, with this body also for
viewers; auditors see neither."""

COSTLY: Final = Decimal("66.66")


class Unshowable(RuntimeError):
    """What somebody's serializer raises; its message quotes a value."""


@contextmanager
def failing(error: Exception | None = None, *, of_owners: bool = False) -> Iterator[None]:
    """Documents with the bad text fail so; or those with a budget of 66.66, for owners."""
    raised = error or Unshowable(f"no way to show {BAD!r}")
    whole = ViewerSerializer.to_representation

    def to_representation(self: Any, obj: Any) -> Any:
        noted = isinstance(self, EditorSerializer) and obj.review_notes == BAD
        costly = of_owners and isinstance(self, OwnerSerializer) and obj.budget == COSTLY
        if noted or costly or obj.body == BAD:
            raise raised
        return whole(self, obj)

    unavailable._told.clear()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ViewerSerializer, "to_representation", to_representation)
        yield


def spoil(document: Any, column: str = "due_on") -> None:
    """Store in a column of dates or moments what the database takes and Django cannot convert."""
    value = "12000-01-01" if connection.vendor == "postgresql" else "2030-02-31"
    if column.endswith("_at"):
        value += " 00:00:00"
    table = document._meta.db_table
    # Nobody may set a stamp.
    unseen = uncaptured(type(document)) if column in document.stamps else nullcontext()
    with unseen, connection.cursor() as cursor:
        cursor.execute(f"UPDATE {table} SET {column} = %s WHERE id = %s", [value, document.pk])


def types(frames: list[dict[str, Any]]) -> list[str]:
    """What came: a frame's type, an error's code."""
    return [frame.get("code", frame["type"]) for frame in frames]


async def sweep() -> None:
    """Everything that is live is read again."""
    for rounds in this_hub().rounds.values():
        rounds.ask(rounds.index.all)
    await quiet()


def accesses(world: World, username: str) -> list[tuple[str, str]]:
    """(audience, how it ended) of a user's accesses to the document."""
    rows = Access.objects.filter(user_id=world.user(username).pk, object_id=world.document.pk)
    return list(rows.order_by("pk").values_list("audience", "ended"))


def pushes(world: World, audience: str) -> list[str]:
    rows = Push.objects.filter(object_id=world.document.pk, audience=audience)
    return list(rows.order_by("pk").values_list("etag", flat=True))
