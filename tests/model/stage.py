"""The real rounds and windows of one tenant, with a database, a broker and clients that do as a
walk says: whatever is awaited is a step of its own, and may be taken late, twice or never.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any

from permissions import cursors
from permissions.audiences import registry
from realtime.hub import obeying
from realtime.hub.group_membership import GroupMemberships
from realtime.hub.rounds import Rounds
from realtime.hub.tail import overtaken
from realtime.publishing.moves import Move
from realtime.state.commands import CloseWindow, OpenWindow, Subscribe, Target, Unsubscribe
from realtime.state.due import Due
from realtime.state.frames import Frame
from realtime.state.ledger_entries import Entries, Written
from realtime.state.sockets import Socket
from realtime.state.windows import Where
from resources.models import Document
from tenants import opaque
from tenants.limits import limits
from tests.model.accounts import Accounts
from tests.model.database import KEYS, MODEL, TENANT, USERS, Database
from tests.model.ghost import Broken, Ghost
from tests.realtime.pieces import socket

DRAFT = (("status", ("1",)),)
ID = {pk: opaque.encode(Document, pk) for pk in KEYS}


class Awaited:
    """Something that is awaited: first it happens, then its result comes."""

    def __init__(self, work: Callable[[], Any]) -> None:
        self.work: Callable[[], Any] | None = work
        self.result: Any = None
        self.future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

    def go_on(self) -> None:
        """Take the next step."""
        if self.work is not None:
            self.result, self.work = self.work(), None
        elif not self.future.done():
            self.future.set_result(self.result)


class Stage:
    """A hub as far as rounds see it; `reliable`: each message comes exactly once."""

    def __init__(self, database: Database, *, reliable: bool) -> None:
        self.limits = limits()
        self.due: Due[Any] = Due()
        self.windows_due: Due[Any] = Due()
        self.ledger = self.session_checks = self
        self.process = 1
        self.database = database
        self.reliable = reliable
        self.awaited: list[Awaited] = []
        self.network: list[Frame | Move] = []
        self.noticed = 0
        self.seen = 0
        self.numbers = iter(range(1, 10**6))
        self.repairs: list[str] = []
        self.accounts = Accounts(database)
        self.groups = GroupMemberships(self, 10_000)
        self.groups.channel = "channel"
        self.rounds = Rounds(TENANT, self)  # type: ignore[arg-type]
        self.sockets: dict[int, Socket] = {}
        self.ghosts: dict[int, Ghost] = {}
        for user in USERS:
            of = self.sockets[user] = socket(user, TENANT, f"socket of {user}")
            of.keeper = self.rounds.windows
            of.mailbox.again = self.rounds.ask
            self.ghosts[user] = Ghost(database, user)

    # What rounds need of a hub, of the ledger and of the channel layer.

    async def run(self, work: Callable[..., Any], *args: Any) -> Any:
        """Read or write, in two steps."""
        if work.__name__.startswith("repair"):
            self.repairs.append(f"nothing escaped, and yet {work.__name__}{args}")
        found = getattr(self.database, work.__name__, None)
        return await self._await(lambda: 1 if found is None else found(*args))

    def _await(self, work: Callable[[], Any]) -> Awaitable[Any]:
        self.awaited.append(Awaited(work))
        return self.awaited[-1].future

    async def write(self, tenant_id: int, made: Entries) -> None:
        """Write a round's entries."""
        if made:
            await self._await(lambda: None)
            self.accounts.write(made)
            rows = [[next(self.numbers) for _ in some] for some in (made.begun, made.viewed)]
            made.written(Written(*rows))

    def end(self, *_: Any) -> None:
        """End an access, or a subscription."""
        if not isinstance(_[0], int):
            s, why = _
            s.cancel(why)
            s.socket.forget(s)
            self.rounds.remove(s)

    def end_viewing(self, window: Any) -> None:
        """Nobody reads until when it was viewed."""

    def unwatch(self, rows: Any) -> None:
        """Nobody reads what is watched."""

    async def of_users(self, *_: Any) -> None:
        """All may stay."""

    def rounds_of(self, tenant_id: int) -> Rounds:
        """The only tenant's."""
        return self.rounds

    async def group_add(self, *_: Any) -> None:
        """Join, in two steps."""
        await self._await(lambda: None)

    async def group_discard(self, *_: Any) -> None:
        """Leave, in two steps."""
        await self._await(lambda: None)

    # Steps.

    async def idle(self) -> None:
        """Let the loop do all that it can."""
        for _ in range(15):
            await asyncio.sleep(0)
        self.awaited = [one for one in self.awaited if not one.future.done()]

    def must(self) -> list[Callable[[], Any]]:
        """What must happen sooner or later."""
        steps: list[Callable[[], Any]] = [one.go_on for one in self.awaited]
        for user, of in self.sockets.items():
            if of.mailbox:
                steps.append(partial(self.send, user))
        if self.reliable:
            steps += self.arrivals()
            if self.noticed < self.database.now.revision:
                steps.append(self.notice)
        elif self.seen < len(self.database.changes) or self.noticed < self.database.now.revision:
            steps.append(self.tail)
        return steps

    def arrivals(self) -> list[Callable[[], Any]]:
        """What publishers and the broker may do."""
        publishers = range(len(self.database.unpublished))
        return [
            *(partial(self._publish, place) for place in publishers),
            *(partial(self.arrive, message) for message in self.network),
        ]

    def _publish(self, place: int) -> None:
        self.network.extend(self.database.publish(place))

    def arrive(self, message: Frame | Move) -> None:
        """Bring a message, if the process is in the group."""
        if self.reliable:
            self.network.remove(message)
        if isinstance(message, Frame):
            self.rounds.frame(message)
        else:
            name = f"earshot.{TENANT}.{MODEL}"
            if self.groups.get(name) is not None:
                self.rounds.arrivals.arrive(message)

    def notice(self) -> None:
        """Bring a notice."""
        self.noticed = self.database.now.revision
        self.rounds.notice(self.noticed)

    def tail(self) -> None:
        """Look once for all that committed since."""
        self.notice()
        changes, self.seen = self.database.changes[self.seen :], len(self.database.changes)
        for changed in changes:
            rows = self.rounds.index.of_key(changed.key)
            self.rounds.ask([s for s in rows if overtaken(s, changed)])
            self.rounds.arrivals.see(changed)

    def send(self, user: int) -> None:
        """Send what is next to a client."""
        ghost = self.ghosts[user]
        for text in self.sockets[user].mailbox.take():
            ghost.take(text)
        for pk, (audience, _) in ghost.copies.items():
            self.accounts.check(user, pk, audience)

    # Clients.

    def act(self, chance: random.Random) -> None:
        """A client opens or closes something."""
        user = chance.choice(USERS)
        ghost = self.ghosts[user]
        kind = chance.choice("owwuussc")
        name = chance.choice(("some", "all"))
        if (kind in "ow" and name not in ghost.rows) or kind == "o":
            self._open(chance, user, name)
        elif kind in "uc" and name in ghost.rows:
            self.close_window(user, name)
        elif chance.random() < 0.4:
            self.unsubscribe(user, chance.choice(KEYS))
        else:
            self.subscribe(user, chance.choice(KEYS))

    def _open(self, chance: random.Random, user: int, name: str) -> None:
        few, copies = name == "some", self.ghosts[user].copies
        self.open(
            user,
            name,
            where=DRAFT if few and chance.random() < 0.7 else (),
            limit=chance.choice((1, 1, 2)) if few else 100,
            after=chance.choice((None, None, 3)) if few else None,
            have={ID[k]: a + _json(p) for k, (a, p) in copies.items() if chance.random() < 0.5},
        )

    def open(
        self,
        user: int,
        name: str = "all",
        *,
        where: Where = (),
        limit: int = 100,
        after: int | None = None,
        have: Mapping[str, str] | None = None,
    ) -> None:
        """A client opens a window, perhaps in the place of another one."""
        ghost, ref = self.ghosts[user], f"{name} {next(self.numbers)}"
        if name in ghost.rows:
            ghost.closed(name)
        cursor = None if after is None else cursors.encode(registry.get(MODEL), TENANT, user, after)
        ghost.rows[name] = []
        ghost.windows[name] = {"where": where, "limit": limit, "after": after}
        ghost.waiting = {w for w in ghost.waiting if not w.startswith(name)} | {ref}
        window = OpenWindow(MODEL, name, where, limit, cursor, have or {}, ref)
        obeying.open_window(self, self.sockets[user], window)  # type: ignore[arg-type]

    def close_window(self, user: int, name: str) -> None:
        """A client closes a window."""
        ghost, close = self.ghosts[user], CloseWindow(MODEL, name, next(self.numbers))
        obeying.close_window(self, self.sockets[user], close)  # type: ignore[arg-type]
        ghost.closed(name)
        ghost.waiting = {w for w in ghost.waiting if not w.startswith(name)}

    def subscribe(self, user: int, pk: int) -> None:
        """A client asks for an object by its id."""
        ref = f"{pk} {next(self.numbers)}"
        self.ghosts[user].waiting.add(ref)
        command = Subscribe(Target(MODEL, ID[pk], pk), None, ref)
        obeying.subscribe(self, self.sockets[user], command)  # type: ignore[arg-type]

    def unsubscribe(self, user: int, pk: int) -> None:
        """A client wants an object no more by its id."""
        ghost = self.ghosts[user]
        ghost.singles.discard(pk)
        ghost._forget(pk)
        ghost.waiting = {w for w in ghost.waiting if not w.startswith(f"{pk} ")}
        command = Unsubscribe(Target(MODEL, ID[pk], pk), None)
        obeying.unsubscribe(self, self.sockets[user], command)  # type: ignore[arg-type]

    async def settle(self) -> None:
        """Let all happen that must, the oldest first."""
        await self.idle()
        while must := self.must():
            must[0]()
            await self.idle()

    def check(self) -> None:
        """When all is quiet, everybody has what they should."""
        if self.repairs:
            raise Broken(self.repairs[0])
        for user, ghost in self.ghosts.items():
            ghost.check()
            for s in self.sockets[user].subscriptions.values():
                if not s.held:
                    raise Broken(f"{s.key} is held for nobody")

    async def close(self) -> None:
        """End what is under way."""
        for task in self.rounds.tasks():
            task.cancel()
        for task in self.groups._tasks:
            task.cancel()
        await asyncio.sleep(0)


def _json(payload: dict[str, Any]) -> str:
    import json

    return json.dumps(payload)
