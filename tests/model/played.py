"""A stage whose steps a test takes one by one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any

from tests.model.database import KEYS, Database, Row, State
from tests.model.ghost import Broken
from tests.model.stage import Stage


def rows(**shown: tuple[int, tuple[str, str]]) -> tuple[Row | None, ...]:
    """The objects, each by its status and grants: `o1=(1, MINE)`."""
    given = (shown.get(f"o{pk}") for pk in KEYS)
    return tuple(
        None if one is None else Row(pk, 0, 0, one[0], one[1], "")
        for pk, one in zip(KEYS, given, strict=True)
    )


class Played(Stage):
    """A stage whose steps a test takes; user 1 is sent at once what there is for them."""

    def __init__(self, *, reliable: bool = True, **shown: tuple[int, tuple[str, str]]) -> None:
        state = State(0, (False, False), True, rows(**shown))
        super().__init__(Database(state, hidden=False), reliable=reliable)
        self.asked: list[tuple[Any, ...]] = []
        self.may_join = asyncio.Event()
        self.may_join.set()
        loop = asyncio.get_running_loop()
        self.sockets[1].mailbox._wake = partial(_soon, loop, self._send_all)

    async def run(self, work: Callable[..., Any], *args: Any) -> Any:
        """Note what is asked of the database."""
        self.asked.append((work.__name__, *args))
        return await super().run(work, *args)

    async def group_add(self, *args: Any) -> None:
        """Join, when the test lets it."""
        await self.may_join.wait()
        await super().group_add(*args)

    def _send_all(self) -> None:
        try:
            while self.sockets[1].mailbox:
                self.send(1)
        except Broken as broken:  # which would end in the loop
            self.repairs.append(str(broken))

    async def opened(self, name: str = "all", **more: Any) -> None:
        """User 1 opens a window, and it is complete."""
        self.open(1, name, **more)
        await self.settle()

    async def opening(self, name: str = "all", **more: Any) -> None:
        """User 1 opens a window, and a round is about to read its list."""
        self.open(1, name, **more)
        await self.idle()
        while not (self.asked[-1][0] == "read_round" and self.asked[-1][4]):
            self.awaited[0].go_on()
            await self.idle()

    async def read(self) -> Callable[[], None]:
        """The round under way has its snapshot; return what gives it the answer."""
        await self.idle()
        [one] = self.awaited
        one.go_on()
        return one.go_on

    async def commit(self, *writes: str) -> None:
        """Commit these, and bring what is announced of them."""
        for write in writes:
            assert self.database.commit(write)
        self.publish()
        await self.idle()

    def publish(self) -> None:
        """Bring what is announced of all that was committed."""
        while self.database.unpublished:
            self._publish(0)
        for message in tuple(self.network):
            self.arrive(message)

    async def reads_list(self, name: str) -> Callable[[], None]:
        """A round has read the list of this window of user 1."""
        self.rounds.windows.ask_window(self.sockets[1].windows[name])
        return await self.read()

    async def rest(self) -> None:
        """At rest all is as it should be."""
        await self.settle()
        self.check()


def _soon(loop: asyncio.AbstractEventLoop, work: Callable[[], None]) -> None:
    loop.call_soon(work)
