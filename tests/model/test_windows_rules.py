"""Each rule of windows on the path that needs it: `tests/mutants_of_windows.py` undoes them.

`read` is the moment at which a round has its snapshot but not yet its answer.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from permissions.representation import ObjectKey
from tests.model.database import MODEL
from tests.model.played import Played
from tests.model.stage import DRAFT

MINE = ("A", "")
SEEN = ("B", "")


@pytest.fixture
async def play() -> AsyncIterator[Callable[..., Awaitable[Played]]]:
    """Begin: the first round, which nobody asked, is done."""
    begun: list[Played] = []

    async def begin(**more: Any) -> Played:
        begun.append(Played(**more))
        await begun[0].settle()
        return begun[0]

    yield begin
    await begun[0].close()


Play = Callable[..., Awaitable[Played]]


async def test_object_enters_by_a_read_and_not_by_a_frame(play: Play) -> None:
    """1: a row that waits is offered a frame of somebody else's object."""
    stage = await play(o1=(1, MINE))
    await stage.opened()
    await stage.commit("C2:2A")
    answer = await stage.read()
    await stage.commit("D2a")
    answer()
    await stage.rest()
    assert stage.ghosts[1].rows == {"all": [1]}


async def test_newer_frame_lets_in_what_the_list_does_not_name(play: Play) -> None:
    """2: the list was read before its object matched."""
    stage = await play(o1=(0, MINE))
    await stage.opened()
    await stage.opened("some", where=DRAFT)
    answer = await stage.reads_list("some")
    await stage.commit("D1w")
    assert stage.ghosts[1].rows["some"] == [1]
    answer()
    await stage.rest()
    assert stage.ghosts[1].rows["some"] == [1]


async def test_frame_for_others_does_not_replace_the_one_kept_for_a_reader(play: Play) -> None:
    """3: what only owners see came after what a viewer waits for."""
    stage = await play(o1=(1, SEEN))
    await stage.opening()
    answer = await stage.read()
    await stage.commit("D1b")
    await stage.commit("D1a")
    answer()
    await stage.rest()


async def test_object_that_left_does_not_enter_with_what_was_read_before(play: Play) -> None:
    """4: a row leaves while a round reads it again, and the round knows only the older state."""
    stage = await play(o1=(1, MINE))
    await stage.opened("some", where=DRAFT)
    answer = await stage.reads_list("some")
    await stage.commit("D1w")
    assert stage.ghosts[1].rows["some"] == []
    answer()
    await stage.rest()


async def test_object_created_while_a_list_is_read_enters_at_its_end(play: Play) -> None:
    """5: no window was live when its message came."""
    stage = await play(o1=(1, MINE))
    await stage.opening()
    answer = await stage.read()
    await stage.commit("C3:1A")
    answer()
    await stage.rest()
    assert stage.ghosts[1].rows["all"] == [3, 1]


async def test_change_that_the_tail_saw_while_its_row_was_read_is_read_again(play: Play) -> None:
    """5: the tail shows a change once, and the broker lost it."""
    stage = await play(o1=(1, MINE), reliable=False)
    await stage.opening()
    answer = await stage.read()
    assert stage.database.commit("D1b")
    stage.tail()
    answer()
    await stage.rest()


async def test_list_is_read_with_what_its_socket_holds_of_the_model(play: Play) -> None:
    """6: what is held by its id lives by another group, which may be late."""
    stage = await play(o1=(0, MINE), o2=(1, MINE))
    stage.subscribe(1, 1)
    await stage.settle()
    await stage.opening("some", where=DRAFT)
    assert stage.asked[-1][3] == {(1, ObjectKey(MODEL, 1))}
    await stage.rest()


async def test_row_of_which_something_newer_is_kept_is_read_again(play: Play) -> None:
    """7: it matches again in what waits for an access revision."""
    stage = await play(o1=(1, MINE))
    await stage.opened("some", where=DRAFT)
    stage.database.commit("D1w")
    stage._publish(0)
    late = tuple(stage.network)
    stage.network.clear()
    await stage.commit("N", "D1w")
    for message in late:
        stage.network.append(message)
        stage.arrive(message)
    await stage.rest()
    assert stage.ghosts[1].rows["some"] == [1]


async def test_row_that_is_read_outlives_the_window_that_held_it(play: Play) -> None:
    """7: it is read for another one, which is not live yet."""
    stage = await play(o1=(1, MINE), o2=(0, MINE))
    await stage.opened("some", where=DRAFT)
    await stage.opening()
    answer = await stage.read()
    answer()
    await stage.idle()  # the ledger is being written
    stage.close_window(1, "some")
    await stage.rest()
    assert stage.ghosts[1].rows == {"all": [2, 1]}


async def test_row_that_was_cut_is_more(play: Play) -> None:
    """10: it is below the floor now, and what changes there is not the window's."""
    stage = await play(o1=(1, MINE), o2=(1, MINE))
    await stage.opened("few", limit=2)
    await stage.commit("C3:1A")
    await stage.settle()
    assert (stage.ghosts[1].rows["few"], stage.ghosts[1].more["few"]) == ([3, 2], True)
    await stage.commit("D1b")
    await stage.rest()
    assert stage.ghosts[1].rows["few"] == [3, 2]


async def test_window_that_lost_half_of_its_rows_is_filled_up(play: Play) -> None:
    """10: the list goes on below the floor."""
    stage = await play(o1=(1, MINE), o2=(1, MINE), o3=(1, MINE))
    await stage.opened("few", limit=1)
    await stage.commit("X3")
    await stage.rest()
    assert stage.ghosts[1].rows["few"] == [2]


async def test_object_that_comes_and_goes_enters_and_leaves_in_turns(play: Play) -> None:
    """11: what the client was told is noted."""
    stage = await play(o1=(1, MINE))
    await stage.opened()
    await stage.opened("some", where=DRAFT)
    await stage.commit("D1w")
    await stage.commit("D1w")
    await stage.rest()
    assert stage.ghosts[1].rows == {"all": [1], "some": [1]}


async def test_deleted_object_leaves_its_windows(play: Play) -> None:
    """12: whoever asked for it by its id is told both."""
    stage = await play(o1=(1, MINE), o2=(1, MINE))
    await stage.opened()
    stage.subscribe(1, 1)
    await stage.settle()
    await stage.commit("X1")
    await stage.rest()
    assert stage.ghosts[1].rows == {"all": [2]}


async def test_granted_object_enters(play: Play) -> None:
    """A row of the access log names it."""
    stage = await play(o1=(1, ("", "A")))
    await stage.opened()
    await stage.commit("G1:1B")
    await stage.rest()
    assert stage.ghosts[1].rows == {"all": [1]}


async def test_list_counts_only_if_it_was_read_after_the_join(play: Play) -> None:
    """What is announced between the read and the join reaches nobody."""
    stage = await play()
    stage.may_join.clear()
    await stage.opened()
    await stage.commit("C1:1A")
    stage.may_join.set()
    await stage.rest()
    assert stage.ghosts[1].rows == {"all": [1]}


# The ledger says first who could be shown what: a frame that it does not know of is a fault.


async def test_window_is_in_the_ledger_before_its_first_row_leaves(play: Play) -> None:
    stage = await play(o1=(1, MINE))
    await stage.opened()
    assert stage.accounts.viewing == {1}
    await stage.rest()


async def test_later_read_is_in_the_ledger_before_it_leaves(play: Play) -> None:
    """A round reads what its rows name after a further grant."""
    stage = await play(o1=(1, ("", "A")))
    await stage.opened()
    stage.database.commit("M1")
    stage.notice()
    answer = await stage.read()
    stage.database.commit("G1:1A")
    answer()
    await stage.settle()
    await stage.rest()


# What else may come together.


async def test_frame_of_the_next_access_revision_waits_for_its_own_round(play: Play) -> None:
    stage = await play(o1=(1, MINE))
    await stage.opened()
    stage.database.commit("N")
    stage.notice()
    answer = await stage.read()
    await stage.commit("N", "D1b")
    answer()
    await stage.rest()


async def test_list_that_is_asked_for_is_not_read_twice_when_its_user_is_named(play: Play) -> None:
    stage = await play(o1=(1, MINE))
    await stage.opened()
    stage.rounds.windows.ask_window(stage.sockets[1].windows["all"])
    stage.database.commit("M1")
    before = len(stage.asked)
    await stage.settle()
    assert [name for name, *_ in stage.asked[before:]].count("read_lists") <= 1
    stage.check()


async def test_subscription_that_ended_while_it_was_read_ends_once(play: Play) -> None:
    stage = await play()
    stage.subscribe(1, 1)
    answer = await stage.read()
    stage.unsubscribe(1, 1)
    answer()
    await stage.rest()


async def test_candidate_of_a_window_that_closed_is_forgotten(play: Play) -> None:
    stage = await play(o1=(1, MINE))
    await stage.opened()
    stage.database.commit("N")
    stage.notice()
    answer = await stage.read()
    await stage.commit("C3:1A")
    stage.close_window(1, "all")
    answer()
    await stage.rest()
    assert not stage.sockets[1].subscriptions
