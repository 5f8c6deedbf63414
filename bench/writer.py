"""The writers of the peers: `python -m bench.writer NAME`.

For each number that comes on its input it makes one change, as that peer is told of one, and
answers with a line.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable

from asgiref.sync import sync_to_async
from channels.layers import get_channel_layer
from django.db import connection

from bench.frame import BATCH, FRAME
from bench.peers import LISTED, Note


async def to_group(number: int) -> None:
    """A change as the blog's pattern announces it."""
    frame = {**FRAME, "number": number}
    await get_channel_layer().group_send("document", {"type": "document.changed", "frame": frame})


async def to_groups(number: int) -> None:
    """Changes of as many objects as a batch has, one after another."""
    layer = get_channel_layer()
    for pk in range(number * BATCH, (number + 1) * BATCH):
        frame = {**FRAME, "number": number}
        await layer.group_send(f"document.{pk}", {"type": "document.changed", "frame": frame})


def make_note() -> None:
    with connection.schema_editor() as editor:
        if Note._meta.db_table not in connection.introspection.table_names():
            editor.create_model(Note)
    Note._default_manager.get_or_create(pk=1, defaults={**FRAME["payload"], "id": 1})


def make_notes() -> None:
    """A list of them; the first is the one that changes."""
    make_note()
    notes = ({**FRAME["payload"], "id": pk} for pk in range(2, LISTED + 1))
    Note._default_manager.bulk_create((Note(**note) for note in notes), ignore_conflicts=True)


async def save_note(number: int) -> None:
    await Note._default_manager.filter(pk=1).aget()
    await Note(pk=1, **{**FRAME["payload"], "id": 1, "title": f"Title {number}"}).asave()


async def save_and_announce(number: int) -> None:
    """A change of which each socket learns only that there is one."""
    await save_note(number)
    await get_channel_layer().group_send("document", {"type": "document.changed"})


async def send_event(number: int) -> None:
    from django_eventstream import send_event as send

    await sync_to_async(send)("document", "message", {**FRAME, "number": number})


WRITERS: dict[str, Callable[[int], Awaitable[None]]] = {
    "blog": to_group,
    "objects": to_groups,
    "observer": save_note,
    "rereading": save_and_announce,
    "requerying": save_note,
    "eventstream": send_event,
}


TABLES: dict[str, Callable[[], None]] = {
    "observer": make_note,
    "rereading": make_note,
    "requerying": make_notes,
}


async def write(name: str) -> None:
    """Make a change for each number that comes."""
    if make := TABLES.get(name):
        await sync_to_async(make)()
    print("ready", flush=True)
    while line := await asyncio.to_thread(sys.stdin.readline):
        await WRITERS[name](int(line))
        print("done", flush=True)


if __name__ == "__main__":
    asyncio.run(write(sys.argv[1]))
