"""Groups of a process: joined once, left when nobody wants them, whatever the broker does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from realtime.hub.group_membership import Group, GroupMemberships, Membership
from realtime.state.frames import Frame
from tests.realtime.hub.gated_layer import GatedLayer
from tests.realtime.pieces import frame, subscription

NAME = "earshot.1"
TIMEOUT = 5


@pytest_asyncio.fixture
async def layer() -> GatedLayer:
    return GatedLayer()


@pytest_asyncio.fixture
async def joins(layer: GatedLayer) -> AsyncIterator[GroupMemberships]:
    joins = GroupMemberships(layer, TIMEOUT)
    joins.channel = await layer.new_channel()
    yield joins
    await joins.close()


class Ear:
    """Hears what has been joined."""

    def __init__(self) -> None:
        self.heard: list[str] = []
        self.event = asyncio.Event()

    def __call__(self, group: Group) -> None:
        self.heard.append(group.name)
        self.event.set()


async def joined(joins: GroupMemberships) -> Group:
    """A group that is joined and wanted."""
    group = joins.want(NAME, Ear())
    group.pinned = True
    await joins.close()
    assert group.membership is Membership.JOINED
    return group


def newest(group: Group) -> Frame | None:
    return group.last


def failed(group: Group) -> bool:
    return group.failed


def members(layer: GatedLayer) -> set[str]:
    return set(layer.groups.get(NAME, ()))


async def test_group_wanted_by_several_is_joined_once(
    joins: GroupMemberships, layer: GatedLayer
) -> None:
    first, last = Ear(), Ear()
    group = joins.want(NAME, first)
    assert joins.want(NAME, last) is group
    group.pinned = True
    await joins.close()
    assert layer.calls == ["add"]
    assert members(layer) == {joins.channel}
    assert last.heard == [NAME]
    assert joins.want(NAME, last) is group
    assert layer.calls == ["add"]


async def test_group_is_usable_from_the_join_until_the_leave_is_done(
    joins: GroupMemberships, layer: GatedLayer
) -> None:
    assert joins.get(NAME) is None
    layer.close_gate()
    group = joins.want(NAME, Ear())
    group.subscriptions.add(subscription())
    assert joins.get(NAME) is None
    layer.gate.set()
    await joins.close()
    assert joins.get(NAME) is group
    layer.close_gate()
    group.subscriptions.clear()
    joins.leave_unwanted(group)
    assert joins.get(NAME) is group
    layer.gate.set()
    await joins.close()
    assert joins.get(NAME) is None
    assert joins.groups == {}
    assert members(layer) == set()


async def test_read_counts_only_if_it_began_after_the_join(
    joins: GroupMemberships, layer: GatedLayer
) -> None:
    layer.close_gate()
    group = joins.want(NAME, Ear())
    group.pinned = True
    early = joins.tick()
    assert not group.joined_before(early)
    layer.gate.set()
    await joins.close()
    assert not group.joined_before(early)
    assert group.joined_before(joins.tick())


async def test_wanted_group_is_not_left(joins: GroupMemberships, layer: GatedLayer) -> None:
    group = await joined(joins)
    joins.leave_unwanted(group)
    group.pinned = False
    group.subscriptions.add(subscription())
    joins.leave_unwanted(group)
    await joins.close()
    assert layer.calls == ["add"]
    assert group.wanted


async def test_group_that_is_left_forgets_its_newest_frame(
    joins: GroupMemberships, layer: GatedLayer
) -> None:
    group = await joined(joins)
    group.last = frame()
    group.pinned = False
    layer.close_gate()
    joins.leave_unwanted(group)
    assert newest(group) is None
    await layer.called.wait()
    group.last = frame()  # one that came while it left
    layer.gate.set()
    await joins.close()
    assert newest(group) is None


async def test_leave_of_group_that_is_being_joined_waits(
    joins: GroupMemberships, layer: GatedLayer
) -> None:
    """Whoever joined it is told, and leaves it then."""
    layer.close_gate()
    group = joins.want(NAME, joins.leave_unwanted)
    joins.leave_unwanted(group)
    joins.leave_unwanted(group)
    layer.gate.set()
    await joins.close()
    assert layer.calls == ["add", "discard"]
    assert joins.groups == {}


async def test_group_is_left_once(joins: GroupMemberships, layer: GatedLayer) -> None:
    group = await joined(joins)
    group.pinned = False
    joins.leave_unwanted(group)
    joins.leave_unwanted(group)
    await joins.close()
    assert layer.calls == ["add", "discard"]


async def test_group_wanted_again_while_it_is_left_is_joined_after_the_leave(
    joins: GroupMemberships, layer: GatedLayer
) -> None:
    """A leave that came last would undo the join."""
    group = await joined(joins)
    read = joins.tick()
    group.pinned = False
    layer.close_gate()
    joins.leave_unwanted(group)
    await layer.called.wait()
    ear = Ear()
    assert joins.want(NAME, ear) is group
    group.pinned = True
    layer.gate.set()
    await joins.close()
    assert layer.calls == ["add", "discard", "add"]
    assert members(layer) == {joins.channel}
    assert ear.heard == [NAME]
    assert not group.joined_before(read)
    assert joins.get(NAME) is group


async def test_group_that_the_broker_did_not_join_is_usable_and_tried_again(
    joins: GroupMemberships, layer: GatedLayer, caplog: pytest.LogCaptureFixture
) -> None:
    layer.down = True
    ear = Ear()
    group = joins.want(NAME, ear)
    group.pinned = True
    await joins.close()
    assert ear.heard == [NAME]
    assert joins.get(NAME) is group
    assert failed(group)
    assert "group_add of earshot.1 failed: ConnectionError: Error 111 connecting" in caplog.text
    read = joins.tick()
    layer.down = False
    joins.retry()
    await joins.close()
    assert members(layer) == {joins.channel}
    assert not failed(group)
    assert not group.joined_before(read)
    joins.retry()
    await joins.close()
    assert layer.calls == ["add", "add"]


async def test_broker_that_hangs_holds_a_join_only_for_so_long(layer: GatedLayer) -> None:
    joins = GroupMemberships(layer, timeout=0.01)
    joins.channel = await layer.new_channel()
    layer.close_gate()
    group = joins.want(NAME, Ear())
    group.pinned = True
    await joins.close()
    assert group.membership is Membership.JOINED
    assert failed(group)
    group.pinned = False
    joins.leave_unwanted(group)
    joins.retry()
    await joins.close()
    assert joins.groups == {}


async def test_group_left_while_its_join_is_tried_again_leaves_no_membership(
    joins: GroupMemberships, layer: GatedLayer
) -> None:
    """The leave waits for the second join, and is one: two would forget the group twice."""
    layer.down = True
    group = joins.want(NAME, joins.leave_unwanted)
    group.pinned = True
    await joins.close()
    layer.down = False
    layer.close_gate()
    joins.retry()
    await layer.called.wait()
    group.pinned = False
    joins.leave_unwanted(group)
    layer.gate.set()
    await joins.close()
    assert layer.calls == ["add", "add", "discard"]
    assert members(layer) == set()
    assert joins.groups == {}


def test_group_of_nobody_tells_nobody() -> None:
    group = Group(NAME)
    group.on_joined(group)
    assert not group.wanted


async def test_close_waits_for_what_is_under_way(
    joins: GroupMemberships, layer: GatedLayer
) -> None:
    layer.close_gate()
    group = joins.want(NAME, joins.leave_unwanted)
    closing = asyncio.create_task(joins.close())
    await layer.called.wait()
    assert not closing.done()
    layer.gate.set()
    await closing
    assert group.membership is Membership.LEAVING
    assert joins.groups == {}
    assert members(layer) == set()


async def test_after_an_outage_only_what_is_wanted_and_joined_is_joined_again(
    joins: GroupMemberships, layer: GatedLayer
) -> None:
    wanted = joins.want("earshot.1", Ear())
    wanted.pinned = True
    joins.want("earshot.2", Ear())
    left = joins.want("earshot.3", Ear())
    left.pinned = True
    await joins.close()
    left.failed = True
    layer.calls.clear()
    await joins.rejoin()
    assert layer.calls == ["add"]
    layer.down = True
    await joins.rejoin()
    assert wanted.failed  # which is left to the next retry
    assert wanted.membership is Membership.JOINED
