"""The hashing lanes: threads of their own hash passwords, at the lowest priority.

Hashing takes a core for a third of a second. So few passwords are hashed at a time, behind
everything else that the process computes, and a request that waits for it holds no database
connection. There are two lanes, so that strangers who flood theirs do not delay known users.
"""

from __future__ import annotations

import os
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass
from time import monotonic
from typing import Final, TypeVar

from django.contrib.auth.hashers import make_password, verify_password
from rest_framework.exceptions import Throttled

from tenants.connections import give_back
from tenants.limits import limits

T = TypeVar("T")

LOWEST: Final = 19
RETRY_SECONDS: Final = 1


class Busy(Throttled):
    """No password of this address or user can be checked now: others of theirs wait already."""

    def __init__(self) -> None:
        super().__init__(RETRY_SECONDS)


@dataclass(eq=False, slots=True)
class Waiter:
    """A request that waits for its address's place and, if it names one, its user's."""

    address: str
    user: str | None
    arrived: float


class Lane:
    """One hashing thread, with one request of each address and of each user at a time."""

    def __init__(self, name: str) -> None:
        self._name = name
        self.reset()

    def reset(self) -> None:
        """Forget all who wait, and start with a new thread: a forked process has none."""
        self._changed = threading.Condition()
        self._line: list[Waiter] = []
        self._inside: list[Waiter] = []
        # When an address that still waits was last let in: the others go first.
        self._served: dict[str, float] = {}
        self._executor = ThreadPoolExecutor(1, f"earshot-hash-{self._name}", _give_way)

    @contextmanager
    def place(self, address: str, user: str | None = None) -> Iterator[None]:
        """Hold this address's and user's only place in the lane; raise Busy if that takes long.

        Whatever the block hashes is hashed in this lane. The thread's database connection is given
        back, unless it is in a transaction.
        """
        give_back()
        until = monotonic() + limits()["hashing_seconds"]
        waiter = self._enter(address, user, until)
        token = _current.set((self, until))
        try:
            yield
        finally:
            _current.reset(token)
            self._leave(waiter)

    def compute(self, work: Callable[..., T], *args: object, seconds: float | None = None) -> T:
        """Run this on the lane's thread, holding no connection; raise Busy if its turn does not
        come in so many seconds."""
        give_back()
        begun = threading.Event()

        def run() -> T:
            begun.set()
            return work(*args)

        future: Future[T] = self._executor.submit(run)
        begins = begun.wait(limits()["hashing_seconds"] if seconds is None else seconds)
        if not begins and future.cancel():
            raise Busy
        return future.result()

    def _enter(self, address: str, user: str | None, until: float) -> Waiter:
        waiter = Waiter(address, user, monotonic())
        with self._changed:
            self._check_room(address)
            self._line.append(waiter)
            try:
                if not self._changed.wait_for(lambda: self._next(waiter), until - monotonic()):
                    raise Busy
            finally:
                self._line.remove(waiter)
                self._changed.notify_all()
            self._inside.append(waiter)
        return waiter

    def _leave(self, waiter: Waiter) -> None:
        with self._changed:
            self._inside.remove(waiter)
            self._served[waiter.address] = monotonic()
            waiting = {other.address for other in self._line}
            self._served = {a: at for a, at in self._served.items() if a in waiting}
            self._changed.notify_all()

    def _check_room(self, address: str) -> None:
        """Raise Busy if too many wait, or a quarter of them from here: a thread waits for each."""
        most = limits()["hashing_waiting"]
        of_addresses = Counter(other.address for other in (*self._line, *self._inside))
        if of_addresses.total() >= most or of_addresses[address] >= max(1, most // 4):
            raise Busy

    def _next(self, waiter: Waiter) -> bool:
        """Return whether it is this one's turn: of all who want its place, its address has waited
        longest."""
        if any(_share(waiter, other) for other in self._inside):
            return False
        return not any(
            _share(waiter, other) and self._rank(other) < self._rank(waiter)
            for other in self._line
            if not any(_share(other, inside) for inside in self._inside)
        )

    def _rank(self, waiter: Waiter) -> tuple[float, float]:
        return self._served.get(waiter.address, 0.0), waiter.arrived


def verify(password: str | None, encoded: str) -> tuple[bool, bool]:
    """Return whether this is the password, and whether its hash should be made anew."""
    return _compute(verify_password, password, encoded)


def encode(password: str | None) -> str:
    """Return the hash of a password; None gives one that no password fits, at no cost."""
    return make_password(None) if password is None else _compute(make_password, password)


def _compute(work: Callable[..., T], *args: object) -> T:
    # A caller without a place, such as the operator's pages, is let in by other means.
    lane, until = _current.get() or (known, None)
    if until is None:
        return lane.compute(work, *args)
    # A request's second hash must not fail because the first one took its time.
    return lane.compute(work, *args, seconds=max(1.0, until - monotonic()))


def _share(one: Waiter, other: Waiter) -> bool:
    if one is other:
        return False
    return one.address == other.address or (one.user is not None and one.user == other.user)


def _give_way() -> None:
    """Let this thread compute only when no other wants to, where threads have priorities."""
    with suppress(AttributeError, OSError):
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), LOWEST)


known = Lane("known")
strangers = Lane("strangers")
_current: ContextVar[tuple[Lane, float] | None] = ContextVar("lane", default=None)

for _lane in (known, strangers):
    os.register_at_fork(after_in_child=_lane.reset)
