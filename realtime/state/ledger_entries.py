"""What a round has to write into the ledger before it places what it read. No I/O."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import chain
from typing import Final, NamedTuple

from permissions.representation import ObjectKey
from realtime.state.codes import Close
from realtime.state.frames import Frame
from realtime.state.subscriptions import ENDED, LIVE, Opened, Subscription
from realtime.state.windows import Window, WindowState

# Why an access begins.
SUBSCRIBED: Final = "subscribed"
MOVED: Final = "audience changed"
# Why it ends, besides that the reader moved.
REVOKED: Final = "revoked"
DELETED: Final = "deleted"
UNSUBSCRIBED: Final = "unsubscribed"
DISCONNECTED: Final = "disconnected"
CREDENTIAL_ENDED: Final = "credential ended"
CLOSED: Final = "closed by an administrator"
PROCESS_LOST: Final = "process lost"
CLOSED_BY: Final[Mapping[Close | None, str]] = {
    Close.CREDENTIALS: CREDENTIAL_ENDED,
    Close.FORBIDDEN: REVOKED,
    Close.ENDED: CLOSED,
}
"""What is said of a socket's accesses when it is closed with one of these codes."""


class Applied(NamedTuple):
    """Access revisions of a tenant: what was lost up to `revision` is shown no more, and what was
    given up to `read` can be."""

    revision: int
    read: int


class Applying:
    """What was last written of what a process has applied for a tenant, while it has windows."""

    def __init__(self) -> None:
        self._last = Applied(-1, -1)

    def raised(self, revision: int, read: int) -> Applied | None:
        """Return what a round has to write, if it raised anything."""
        now = Applied(max(revision, self._last.revision), max(read, self._last.read))
        return None if now == self._last else now

    def wrote(self, applied: Applied | None) -> None:
        """Note that this is in the ledger."""
        self._last = applied or self._last


class Written(NamedTuple):
    """The keys of the rows for accesses and viewings that began, in their order."""

    accesses: Sequence[int]
    viewings: Sequence[int]


class Entries:
    """Accesses that begin, with why; accesses that end, by why; versions pushed; windows that are
    viewed from now on, and what the round has raised for them.

    An access is of what a client asked for by its id. What windows show writes nothing for each
    row: what they could show follows from who holds what, and from what was `applied` when.
    """

    def __init__(self, viewed: Iterable[Window] = (), applied: Applied | None = None) -> None:
        self.viewed = list(viewed)
        self.applied = applied
        self.begun: list[tuple[Subscription, Frame, str]] = []
        self.ended: defaultdict[str, list[Subscription]] = defaultdict(list)
        self.pushed: dict[tuple[ObjectKey, str, int], Frame] = {}

    def __bool__(self) -> bool:
        return self.applied is not None or not self.only_applied

    @property
    def only_applied(self) -> bool:
        """Return whether there is nothing to write but what the round has raised, if that."""
        return not (self.begun or self.ended or self.pushed or self.viewed)

    def enter(self, s: Subscription, frame: Frame | None, deleted: Collection[ObjectKey]) -> None:
        """What a round that read this for a subscription has to write; `deleted` names the objects
        that its rows say are gone."""
        if s.state is ENDED:
            return
        if frame is None:
            if s.opened is not None:
                lost = DELETED if s.key in deleted else REVOKED
                self.ended[CLOSED_BY.get(s.socket.mailbox.closing, lost)].append(s)
            return
        had = None if s.opened is None else s.opened.audience
        if had not in (None, frame.seen.audience):
            self.ended[MOVED].append(s)
        if frame.available:  # else nothing leaves
            self._enter_payload(s, frame, had)

    def _enter_payload(self, s: Subscription, frame: Frame, had: str | None) -> None:
        if s.single and had != frame.seen.audience:
            self.begun.append((s, frame, SUBSCRIBED if had is None else MOVED))
        mended = s.state is LIVE and not s.available  # perhaps without a new version
        if mended or -1 < s.version < frame.version:
            self.pushed[s.key, frame.seen.audience, frame.version] = frame

    def written(self, written: Written) -> Ends:
        """Note that all is written, with the keys of the rows; return what ended meanwhile."""
        for s in chain.from_iterable(self.ended.values()):
            s.opened = None
        late = Ends()
        for (s, frame, _), access in zip(self.begun, written.accesses, strict=True):
            if s.asked is None:
                late.accesses[UNSUBSCRIBED].append(access)
            elif s.state is ENDED:
                late.accesses[s.asked.ended].append(access)
            else:
                s.opened = Opened(access, frame.seen.audience)
        for window, viewing in zip(self.viewed, written.viewings, strict=True):
            window.viewing = viewing
            late.end(window)
        return late


class Ends:
    """What has ended and is still to be written: accesses and viewings, by why, connections that
    were closed, and watches that were taken back."""

    def __init__(self) -> None:
        self.accesses: defaultdict[str, list[int]] = defaultdict(list)
        self.viewings: defaultdict[str, list[int]] = defaultdict(list)
        self.connections: list[str] = []
        self.watches: list[int] = []

    def __bool__(self) -> bool:
        return bool(self.accesses or self.viewings or self.connections or self.watches)

    def end(self, window: Window) -> None:
        """Note that a window is viewed no more, if it has ended."""
        if window.state is WindowState.ENDED and window.viewing is not None:
            self.viewings[window.ended].append(window.viewing)
            window.viewing = None

    def add(self, others: Ends) -> None:
        """Note these too."""
        for mine, theirs in (
            (self.accesses, others.accesses),
            (self.viewings, others.viewings),
        ):
            for cause, rows in theirs.items():
                mine[cause] += rows
        self.connections += others.connections
        self.watches += others.watches
