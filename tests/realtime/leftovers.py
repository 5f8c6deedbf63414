"""What a hub holds, and whether it holds anything of sockets that are gone."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from channels.layers import get_channel_layer

import realtime
from realtime.hub.hub import Hub
from tests.announced import announced
from tests.world import World


def subscriptions(hub: Hub) -> int:
    """How many subscriptions the hub's rounds know."""
    return sum(len(rounds.index.all) for rounds in hub.rounds.values())


def joined(hub: Hub) -> dict[str, int]:
    """By audience, how many subscriptions the groups of the world's document have."""
    return {
        name.rpartition(".")[2]: len(group.subscriptions)
        for name, group in hub.groups.groups.items()
        if "resources.document" in name
    }


def rename(world: World, title: str) -> None:
    """A change of the world's document, announced."""
    world.document.title = title
    world.document.save(update_fields=["title"])
    announced()


def running(folder: Path) -> list[asyncio.Task[Any]]:
    """The tasks of this loop whose code is in the folder."""
    codes = [(task, getattr(task.get_coro(), "cr_code", None)) for task in asyncio.all_tasks()]
    return [task for task, code in codes if code and Path(code.co_filename).parent == folder]


def nothing_left(hub: Hub) -> bool:
    """Whether the hub, the channel layer and the loop keep nothing of any socket."""
    layer: Any = get_channel_layer()
    groups = layer._get_layer().groups if hasattr(layer, "_get_layer") else layer.groups
    left = {
        "sockets": hub.connections.of_tenant,
        "inboxes": hub.inboxes,
        "rounds": hub.rounds,
        "joins": hub.groups.groups,
        "groups": [name for name, members in groups.items() if hub.groups.channel in members],
        "tasks": running(Path(*realtime.__path__)),
    }
    assert not any(left.values()), left
    return True
