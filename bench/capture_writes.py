"""Writes as Earshot captures them and as plain Django makes them, in turn on one database.

`python -m bench.capture_writes ONES MANY TURNS` takes the database from the environment, and prints
what was found as one line of JSON. Plain Django has copies of the tables without the triggers.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from itertools import count, cycle
from typing import Any
from unittest import mock

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "bench.plain.capture_settings")

import django

django.setup()

from django.contrib.auth.models import Group  # noqa: E402  (needs the settings)
from django.db import connection, transaction  # noqa: E402
from django.test.utils import CaptureQueriesContext  # noqa: E402
from guardian.shortcuts import assign_perm, remove_perm  # noqa: E402

from bench import town  # noqa: E402
from bench.frame import FRAME  # noqa: E402
from bench.plain import models as plain  # noqa: E402
from bench.plain import tables  # noqa: E402
from realtime.publishing.publisher import publisher  # noqa: E402
from resources import models as ours  # noqa: E402
from tenants.models import User  # noqa: E402
from tests.world import World  # noqa: E402

USERS = 1000
WARM = 20
"""So many writes of one row come before those that count."""

Work = Callable[[], object]


class Writer:
    """The same writes on Earshot's models, or on plain Django's."""

    def __init__(
        self, world: World, models: Any, readers: list[User], people: list[Any], groups_of: str
    ) -> None:
        self._documents = models.Document._default_manager
        self._model = models.Document
        self._few, self._many = world.tenants["acme"], world.tenants["globex"]
        self._owner = world.user("owner")
        self._people, self._groups_of = people, groups_of
        self._granted, self._revoked = cycle(readers), cycle(readers)
        self._numbers = count()
        self.document = self.create()

    def create(self) -> Any:
        """A new document."""
        return self._documents.create(**self._fields(self._few))

    def save(self) -> None:
        """Save one field of a document."""
        self.document.title = f"Title {next(self._numbers)}"
        self.document.save()

    def save_together(self) -> None:
        """The same in a transaction."""
        with transaction.atomic():
            self.save()

    def grant(self) -> None:
        """Grant the document to the next reader."""
        assign_perm("view_document", next(self._granted), self.document)

    def revoke(self) -> None:
        """Take the document from the next reader."""
        remove_perm("view_document", next(self._revoked), self.document)

    def create_many(self, size: int) -> None:
        """New documents of the other tenant."""
        fields = self._fields(self._many)
        self._documents.bulk_create(self._model(**fields) for _ in range(size))

    def update_many(self) -> None:
        """Write one field of the other tenant's documents."""
        title = f"Title {next(self._numbers)}"
        self._documents.filter(tenant=self._many).update(title=title)

    def delete_many(self) -> None:
        """Delete the other tenant's documents."""
        self._documents.filter(tenant=self._many).delete()

    def join(self, group: Group) -> None:
        """Add all people to a group."""
        getattr(group, self._groups_of).add(*self._people)

    def _fields(self, tenant: Any) -> dict[str, Any]:
        body = FRAME["payload"]["body"]
        return {"tenant": tenant, "owner": self._owner, "title": "Title", "body": body}


class Turns:
    """Both do the same one after the other, and who is first changes; what each took, in ms."""

    def __init__(self, earshot: Writer, django: Writer) -> None:
        self.writers = {"earshot": earshot, "django": django}
        self.found: dict[str, dict[str, list[float]]] = {}
        self._wrappers = {"earshot": [*connection.execute_wrappers], "django": []}

    def take(
        self, what: str, turn: int, work: Callable[[Writer], object], then: Work = lambda: None
    ) -> None:
        """Take this turn; below 0 it warms up, and does not count."""
        for name in sorted(self.writers, reverse=bool(turn % 2)):
            connection.execute_wrappers[:] = self._wrappers[name]  # plain Django looks at nothing
            began = time.perf_counter()
            work(self.writers[name])
            took = (time.perf_counter() - began) * 1000
            then()
            if turn >= 0:
                self.found.setdefault(what, {}).setdefault(name, []).append(took)

    def take_all(
        self, what: str, turns: int, work: Callable[[Writer], object], then: Work = lambda: None
    ) -> None:
        """Take so many turns, after some that warm up."""
        for turn in range(-WARM, turns):
            self.take(what, turn, work, then)


def nothing() -> None:
    """In place of waking somebody."""


@contextmanager
def muted() -> Iterator[None]:
    """Writes are captured in this process, and nobody is woken to announce them."""
    with mock.patch.object(publisher, "wake", nothing):  # what a mock does itself would be measured
        yield


def measure(world: World, ones: int, many: int, turns: int) -> dict[str, Any]:
    """What each write took either of the two, and the statements of adding people to a group."""
    readers = town.readers(world, USERS)
    tables.make(connection)
    copies = list(plain.User._default_manager.filter(pk__in=[each.pk for each in readers]))
    taking = Turns(
        Writer(world, ours, readers, readers, "user_set"),
        Writer(world, plain, readers, copies, "plain_users"),
    )
    taking.take_all("save awake", ones, Writer.save, then=publisher.flush)
    taking.take_all("save back to back", ones, Writer.save)
    publisher.flush(60)
    with muted():
        taking.take_all("save", ones, Writer.save)
        taking.take_all("save together", ones, Writer.save_together)
        taking.take_all("create", ones, Writer.create)
        for turn in range(-WARM, ones):
            taking.take("grant", turn, Writer.grant)
            taking.take("revoke", turn, Writer.revoke)
        for turn in range(-1, turns):
            taking.take("bulk_create", turn, lambda each: each.create_many(many))
            taking.take("update", turn, Writer.update_many)
            taking.take("delete", turn, Writer.delete_many)
        statements = joins(taking, turns)
    return {"times": taking.found, "statements": statements}


def joins(taking: Turns, turns: int) -> dict[str, int]:
    """Add many people to new groups; how many statements each needed."""
    for turn in range(-1, turns):
        group = Group.objects.create(name=f"crowd {turn}")
        taking.take("group add", turn, partial(Writer.join, group=group))
    found: dict[str, int] = {}
    for name, writer in taking.writers.items():
        group = Group.objects.create(name=f"counted {name}")
        with CaptureQueriesContext(connection) as queries:
            writer.join(group)
        found[name] = len(queries)
    return found


async def main(*sizes: str) -> None:
    world = await town.made()
    print(json.dumps(await town.in_thread(measure)(world, *map(int, sizes))))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
