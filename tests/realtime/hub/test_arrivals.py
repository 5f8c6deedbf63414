"""What arrives for windows while a round reads, and for many rows at once."""

from __future__ import annotations

import pytest

from realtime.hub import arrivals, reading
from realtime.state.windows import Window
from tests.client import in_thread, quiet
from tests.gates import GatedReads, HeldMessages, rounds_of, this_hub
from tests.realtime.pieces import socket
from tests.windows import DOCUMENT, Open, kinds
from tests.world import World

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("by_hand")]


async def test_object_that_comes_while_a_round_reads_is_looked_at_again(
    world: World, enter: Open
) -> None:
    w = await enter("owner")
    await w.open()
    await quiet()
    messages = HeldMessages(this_hub())
    rounds = rounds_of(world)
    gate = GatedReads(rounds).hold(reading.read_round)
    rounds.ask_all()
    await gate.entered()
    await in_thread(world.create)()
    await messages.until(lambda: bool(messages.moves()))
    await messages.deliver(messages.moves()[0])
    delivering = rounds.arrivals.task
    assert delivering is not None
    await delivering
    assert len(rounds.arrivals._look) == 1
    gate.open()
    assert kinds(await w.socket.settle()) == ["ENTERED"]
    assert rounds.arrivals._look == {}
    await w.check()


async def test_what_comes_after_the_last_window_is_left_alone(world: World, enter: Open) -> None:
    w = await enter("owner")
    await w.open()
    await quiet()
    messages, rounds = HeldMessages(this_hub()), rounds_of(world)
    await in_thread(world.create)()
    await messages.until(lambda: bool(messages.moves()))
    await w.close()
    await quiet()
    assert not rounds.windows.in_use
    await messages.deliver(messages.moves()[0])
    assert rounds.arrivals.task is None


async def test_rows_of_many_windows_are_offered_in_turns(
    world: World, enter: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(arrivals, "TURN", 1)
    both = [await enter("owner"), await enter("viewer")]
    for w in both:
        await w.open()
    await in_thread(world.write)(title="For each")
    for w in both:
        assert kinds(await w.socket.settle()) == ["UPDATE_DOCUMENT"]


@pytest.mark.parametrize(
    ("fields", "moves"), [(None, True), ({"title", "status"}, True), ({"title"}, False)]
)
def test_change_may_move_windows_that_filter_by_its_fields(
    fields: set[str] | None, moves: bool
) -> None:
    window = Window(socket(), DOCUMENT, "w", limit=1, where=(("status", ("draft",)),))
    assert arrivals.touches(window, fields) is moves
