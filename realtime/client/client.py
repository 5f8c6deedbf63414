"""Objects and lists of one connection, as asynchronous iterables."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator, Mapping
from dataclasses import replace
from types import TracebackType
from typing import Any, Final, Literal

from .connection import Connection, Credentials, Frame, Status
from .copies import Answer, Copy, Payload, Rows, changes_of, help_of
from .held import Item, Window
from .store import Store

Values = str | int | float | bool | None
OnFrame = Callable[[Frame, Literal["in", "out"]], None]
OnStatus = Callable[[Status], None]


class Stopped(Exception):
    """The server said not to come back: nothing more will come. `code` is the close code, and
    `help` where the server has a page about it."""

    def __init__(self, code: int | None) -> None:
        super().__init__(f"The server closed the connection for good ({code}).")
        self.code = code
        self.help = None if code is None else help_of(code)


def connect(
    url: str,
    *,
    credentials: Credentials,
    tenant: str | None = None,
    on_frame: OnFrame | None = None,
    on_status: OnStatus | None = None,
    **options: Any,
) -> Earshot:
    """Return a client, which is connected while its `async with` block runs.

    `credentials` is a token, or is asked for one before each connection; `options` are for
    `websockets`, such as `ssl` or `proxy`.
    """
    return Earshot(url, tenant, credentials, on_frame, on_status, options)


class Earshot:
    """Live copies of what a user may see, over one socket that comes back by itself."""

    def __init__(
        self, url: str, tenant: str | None, credentials: Credentials, on_frame: OnFrame | None,
        on_status: OnStatus | None, options: dict[str, Any],
    ) -> None:  # fmt: skip
        self.status = Status("connecting")
        self.store: Final = Store()
        self._on_frame, self._on_status = on_frame, on_status
        self._connection = Connection(url, tenant, credentials, self, options)
        self._task: asyncio.Task[None] | None = None
        self._held: dict[str, tuple[Item | Window, int]] = {}
        self._waiting: dict[Item | Window, set[asyncio.Event]] = {}

    async def __aenter__(self) -> Earshot:
        self._task = asyncio.create_task(self._run())
        return self

    async def _run(self) -> None:
        """What ends it otherwise than by a close is raised where the block ends."""
        try:
            await self._connection.run()
        except Exception:
            self.became(Status("stopped"))
            raise

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:  # fmt: skip
        assert self._task is not None
        self._task.cancel()
        try:
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        finally:
            self.ended(forget=True)
            self.became(Status("closed"))

    def object(self, model: str, id: str, first: Answer | None = None) -> LiveObject:
        """Return one object, such as `object("resources.document", "YPZ3r7Kk")`."""
        return LiveObject(self, model, id, first)

    def collection(
        self, model: str, *, where: Mapping[str, Values | list[Values]] | None = None,
        limit: int | None = None, after: str | None = None, first: Mapping[str, Any] | None = None,
    ) -> LiveList:  # fmt: skip
        """Return the objects of a model that the user may see; `first` is the list GET's answer."""
        given = {"where": where, "limit": limit, "after": after}
        options = {name: value for name, value in given.items() if value is not None}
        return LiveList(self, model, options, first)

    # What the connection tells.

    def opened(self) -> None:
        with self.deciding() as store:
            store.connected()

    def told(self, frame: Frame, direction: Literal["in", "out"]) -> None:
        guard(self._on_frame, frame, direction)
        if direction == "in":
            with self.deciding() as store:
                store.receive(frame)

    def ended(self, forget: bool) -> None:
        with self.deciding() as store:
            store.disconnected(forget)

    def became(self, status: Status) -> None:
        self.status = status
        guard(self._on_status, status)
        if status.state in ("stopped", "closed"):
            for events in self._waiting.values():
                for event in events:
                    event.set()

    @contextlib.contextmanager
    def deciding(self) -> Iterator[Store]:
        """Send and tell what follows from what is done to the store within."""
        store = self.store
        yield store
        out, changed = store.out, store.changed
        store.out, store.changed = [], set()
        for frame in out:
            self._connection.send(frame)
        for target in changed:
            for event in self._waiting.get(target, ()):
                event.set()

    # What is held as long as somebody iterates over it; all of them hold it together.

    async def follow(
        self, key: str, hold: Callable[[Store], Item | Window],
        release: Callable[[Store, Any], None],
    ) -> AsyncGenerator[Any, None]:  # fmt: skip
        """Yield the target each time that it has changed, the newest state only.

        Raises Stopped when the connection has ended for good.
        """
        target, count = self._held.get(key, (None, 0))
        if target is None or isinstance(target, Item):  # which is asked for again once it is over
            with self.deciding() as store:
                target = hold(store)
        self._held[key] = target, count + 1
        event = asyncio.Event()
        event.set()
        self._waiting.setdefault(target, set()).add(event)
        try:
            while True:
                await event.wait()
                event.clear()
                if self.status.state in ("stopped", "closed"):
                    raise Stopped(self.status.code)
                yield target
        finally:
            self._let_go(key, target, event, release)

    def _let_go(
        self, key: str, target: Item | Window, event: asyncio.Event,
        release: Callable[[Store, Any], None],
    ) -> None:  # fmt: skip
        self._waiting[target].discard(event)
        count = self._held.pop(key)[1] - 1
        if count:
            self._held[key] = target, count
        else:
            del self._waiting[target]
            with self.deciding() as store:
                release(store, target)


def guard(callback: Callable[..., None] | None, *args: Any) -> None:
    """Call it; what it raises harms neither the others nor the connection."""
    try:
        if callback is not None:
            callback(*args)
    except Exception as error:
        about = {"message": "Earshot: a callback failed.", "exception": error}
        asyncio.get_running_loop().call_exception_handler(about)


class LiveObject:
    """One object: iterate over it for each new copy, the newest only."""

    def __init__(self, earshot: Earshot, model: str, id: str, first: Answer | None) -> None:
        self._earshot, self._model, self._id, self._first = earshot, model, id, first

    @property
    def value(self) -> Copy:
        """Return what is known now."""
        item = self._item
        return Copy(self._id, "pending") if item is None else item.copy()

    async def __aiter__(self) -> AsyncIterator[Copy]:
        def hold(store: Store) -> Item:
            return store.watch(self._model, self._id, self._first)

        key = f"{self._model} {self._id}"
        async with contextlib.aclosing(self._earshot.follow(key, hold, Store.unwatch)) as news:
            async for item in news:
                yield item.copy()

    def wrote(self, answer: Answer) -> None:
        """Take the answer to a write of your own; the socket's frame is recognised by its etag."""
        item = self._item
        if item is not None:
            with self._earshot.deciding() as store:
                store.wrote(item, answer)

    async def write(self, values: Payload, send: Callable[[], Awaitable[Answer]]) -> Answer:
        """Show these values at once, send them, and take the answer; an error takes them back, and
        is raised."""
        item = self._item
        if item is None:
            return await send()
        with self._earshot.deciding() as store:
            store.draft(item, values)
        try:
            answer = await send()
            self.wrote(answer)
        finally:
            with self._earshot.deciding() as store:
                store.undraft(item, values)
        return answer

    @property
    def _item(self) -> Item | None:
        return self._earshot.store.objects.get((self._model, self._id))


class LiveList:
    """The objects of a model that one may see: iterate over it for each new list, the newest only,
    with what has changed since the one before."""

    def __init__(
        self, earshot: Earshot, model: str, options: Mapping[str, Any],
        first: Mapping[str, Any] | None,
    ) -> None:  # fmt: skip
        self._earshot, self._model, self._options, self._first = earshot, model, options, first

    async def __aiter__(self) -> AsyncIterator[Rows]:
        def hold(store: Store) -> Window:
            return store.open(self._model, self._options, self._first)

        key = json.dumps([self._model, self._options], sort_keys=True)
        before: dict[str, str | None] = {}
        async with contextlib.aclosing(self._earshot.follow(key, hold, Store.close)) as news:
            async for window in news:
                rows = self._earshot.store.rows(window)
                changes = tuple(changes_of(before, rows.rows))
                before = {row.id: row.etag for row in rows.rows}
                yield replace(rows, changes=changes)
