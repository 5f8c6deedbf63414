"""The steps of the model: everything that may happen next in a state."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from realtime.state.deciding import Decision
from tests.model.states import AUDIENCES, GONE, NOBODY, Frame, Round, Row, State, at

Decide = Callable[[State, Row, bool], Decision]
Step = tuple[str, State, bool]
"""What happens, the state after it, and whether it must happen sooner or later."""


def decide(s: State, read: Row, joined: bool) -> Decision:
    """The rules by which a read is placed, as the algorithm has them."""
    if s.standing not in ("pending", "live"):
        return Decision.KEEP
    if read.audience == NOBODY:
        return Decision.END
    if read.version < s.version:
        return Decision.REPAIR if s.overtaken_at == s.version else Decision.READ_AGAIN
    if s.standing == "pending" and not joined:
        return Decision.MOVE
    if s.standing == "live" and read.version == s.version:
        if s.shown() != read.payload(read.audience):
            return Decision.REPAIR
        return Decision.SEND_AGAIN if s.unanswered else Decision.KEEP
    return Decision.TAKE


def steps(s: State, decided: Decide) -> Iterator[Step]:
    """Every step that is possible."""
    yield from _writers(s)
    yield from _broker(s)
    yield from _client(s)
    yield from _groups(s)
    yield from _rounds(s, decided)
    yield from _tail(s)


# Writers and publishers.


def _writers(s: State) -> Iterator[Step]:
    for place, write in enumerate(s.writes):
        if write not in s.writes[:place]:
            left = s.writes[:place] + s.writes[place + 1 :]
            yield f"commit {write}", commit(s, write)._replace(writes=left), False
    for place, fields in enumerate(s.unpublished):
        if fields not in s.unpublished[:place]:
            row = s.history[-1]
            audiences = AUDIENCES if "second" in fields else ("A",)
            frames = {Frame(a, row.version, row.revision, s.now) for a in audiences}
            left = s.unpublished[:place] + s.unpublished[place + 1 :]
            yield (
                f"publish {fields}",
                s._replace(unpublished=left, network=s.network | frames),
                False,
            )


def commit(s: State, write: str) -> State:
    """Write `first`, `second` or both, move the reader `to A`, `to B` or `to -`, or both at once.

    `raw` is a write that nothing captured, and `other` a change of somebody else's access.
    """
    row = s.history[-1]
    if write == "raw":
        return s._replace(history=(*s.history, row._replace(second=row.second + 100)))
    fields, _, audience = (part.strip() for part in write.partition("to "))
    touches, unpublished = s.touches, s.unpublished
    if "first" in fields or "second" in fields:
        version = row.version + 1
        first = version if "first" in fields else row.first
        second = version if "second" in fields else row.second
        row = row._replace(version=version, first=first, second=second)
        unpublished = (*unpublished, fields)
    if audience or fields == "other":
        touches = (*touches, audience not in ("", row.audience))
        row = row._replace(revision=row.revision + 1, audience=audience or row.audience)
    return s._replace(history=(*s.history, row), touches=touches, unpublished=unpublished)


# The broker: it repeats, reorders and loses what it likes.


def _broker(s: State) -> Iterator[Step]:
    for frame in sorted(s.network):
        if s.group(frame.audience) in ("left", "joining"):
            continue
        place = AUDIENCES.index(frame.audience)
        known = s.newest[place]
        newest = frame if known is None or frame.version > known.version else known
        after = s._replace(newest=at(s.newest, place, newest), behind=max(s.behind, frame.revision))
        after = offer(after, frame)
        if after != s:
            yield f"frame {tuple(frame)}", after, False
    if s.behind < s.history[-1].revision:
        yield "notice", s._replace(behind=s.history[-1].revision), False


def offer(s: State, frame: Frame | None) -> State:
    """The fence, and what a frame that passes it does."""
    if (
        frame is None
        or s.standing != "live"
        or frame.audience != s.audience
        or frame.revision > s.applied
        or frame.version <= s.version
    ):
        return s
    return s._replace(version=frame.version, slot=(frame.audience, frame.at))


# The client.


def _client(s: State) -> Iterator[Step]:
    if s.standing in ("none", "ended") and s.subscribes and s.slot is None:
        fresh = {"standing": "pending", "audience": None, "version": -1, "overtaken_at": -1}
        yield (
            "subscribe",
            s._replace(
                **fresh,  # type: ignore[arg-type]
                asked=True,
                unanswered=True,
                sent=None,
                floor=0,
                subscribes=s.subscribes - 1,
            ),
            False,
        )
    if s.standing in ("pending", "live") and s.repeats and not s.unanswered:
        yield (
            "subscribe again",
            s._replace(unanswered=True, asked=True, repeats=s.repeats - 1),
            False,
        )
    if s.slot == GONE:
        yield "send gone", s._replace(slot=None, unanswered=False, sent=GONE), True
    elif isinstance(s.slot, tuple):
        audience, place = s.slot
        payload = s.history[place].payload(audience)
        after = s._replace(slot=None, unanswered=False)
        if s.sent == payload and not s.unanswered:
            yield "nothing to send", after, True
        else:
            floor = max(s.floor, earliest(s, place, audience))
            yield f"send {payload}", after._replace(sent=payload, floor=floor), True


def earliest(s: State, place: int, audience: str) -> int:
    """The first place from which on a payload was as it is at this one."""
    payload = s.history[place].payload(audience)
    while place > 0 and s.history[place - 1].payload(audience) == payload:
        place -= 1
    return place


# Groups.


def _groups(s: State) -> Iterator[Step]:
    for audience in AUDIENCES:
        match s.group(audience):
            case "joining":
                waits = s.standing == "pending" and s.audience == audience
                yield (
                    f"joined {audience}",
                    s.with_group(audience, "joined")._replace(asked=s.asked or waits),
                    True,
                )
            case "joined" if s.round is None and not _is_wanted(s, audience):
                yield f"leave {audience}", s.with_group(audience, "leaving"), False
            case "leaving":
                after = "joining" if _is_wanted(s, audience) else "left"
                yield f"left {audience}", s.with_group(audience, after), True


def _is_wanted(s: State, audience: str) -> bool:
    return s.standing in ("pending", "live") and s.audience == audience


# Rounds.


def _rounds(s: State, decided: Decide) -> Iterator[Step]:
    if s.round is None:
        if s.asked or s.behind > s.applied:
            yield "round begins", _begin(s), True
    elif s.round.read_at is None:
        yield "round reads", _read(s, s.round), True
    else:
        yield "round places", _place(s, s.round, decided), True


def _begin(s: State) -> State:
    row = s.history[-1]
    placed = s.standing in ("pending", "live")
    touched = placed and any(s.touches[s.applied : row.revision])
    joined = tuple(a for a in AUDIENCES if s.group(a) == "joined")
    wanted = placed and (s.asked or touched)
    return s._replace(round=Round(s.now, wanted, touched, joined), asked=False)


def _read(s: State, now: Round) -> State:
    """Read later than the rows; who has left their audience is silenced before the next await."""
    after = s._replace(round=now._replace(read_at=s.now))
    if not (now.wanted and s.standing == "live" and s.history[-1].audience != s.audience):
        return after
    if not now.touched and s.history[-1].revision <= s.applied:
        after = _repair_access(after)
    return silenced(after)


def silenced(s: State) -> State:
    """Nothing is sent until a read says what may be."""
    return s._replace(standing="pending", slot=s.slot if s.slot == GONE else None)


def _repair_access(s: State) -> State:
    row = s.history[-1]
    return s._replace(
        history=(*s.history, row._replace(revision=row.revision + 1)), touches=(*s.touches, True)
    )


def _place(s: State, now: Round, decided: Decide) -> State:
    assert now.read_at is not None
    if now.wanted:
        read = s.history[now.read_at]
        joined = read.audience in now.joined and s.group(read.audience) == "joined"
        s = carry_out(s, decided(s, read, joined), read, now.read_at)
    revision = s.history[now.rows_at].revision
    s = s._replace(round=None, applied=max(s.applied, revision), behind=max(s.behind, revision))
    for frame in s.newest:
        s = offer(s, frame)
    return s


def carry_out(s: State, decision: Decision, read: Row, place: int) -> State:
    """Do what was decided."""
    match decision:
        case Decision.END:
            told = s.unanswered or s.sent not in (None, GONE)
            return s._replace(standing="ended", audience=None, slot=GONE if told else None)
        case Decision.READ_AGAIN:
            return s._replace(asked=True, overtaken_at=s.version)
        case Decision.MOVE:
            return _moved(s, read.audience)
        case Decision.TAKE:
            s = s._replace(standing="live", audience=read.audience)
            return s._replace(version=read.version, slot=(read.audience, place))
        case Decision.SEND_AGAIN:
            return s._replace(slot=(read.audience, place))
        case Decision.REPAIR:
            return _repair_change(s)
    return s


def _moved(s: State, audience: str) -> State:
    s = s._replace(audience=audience)
    if s.group(audience) == "left":
        return s.with_group(audience, "joining")
    return s._replace(asked=s.asked or s.group(audience) == "joined")


def _repair_change(s: State) -> State:
    """Raise the version, if nobody has meanwhile; that is published as any change is."""
    row = s.history[-1]
    if row.version != s.version:
        return s
    raised = row._replace(version=row.version + 1)
    return s._replace(history=(*s.history, raised), unpublished=(*s.unpublished, "first second"))


# The tail and the sweep.


def _tail(s: State) -> Iterator[Step]:
    row = s.history[-1]
    idle = not s.asked and s.round is None
    if s.standing == "live" and row.version > s.version and idle:
        yield "tail asks", s._replace(asked=True), True
    if s.behind < row.revision:
        yield "tail notices", s._replace(behind=row.revision), True
    if s.standing == "live" and s.sweeps and idle and s.shown() != row.payload(row.audience):
        yield "sweep asks", s._replace(asked=True, sweeps=s.sweeps - 1), True
