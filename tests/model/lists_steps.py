"""The steps of the model of windows: everything that may happen next, and the promises."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from tests.model import lists
from tests.model.ghost import Broken
from tests.model.lists import Settle
from tests.model.lists_states import (
    KEYS,
    LIMIT,
    NAMES,
    Database,
    Held,
    Move,
    Row,
    State,
    Window,
    at,
)

Step = tuple[str, State, bool]
"""What happens, the state after it, and whether it must happen sooner or later."""


def steps(s: State, decided: Settle, settled: Settle) -> Iterator[Step]:
    """Every step that is possible."""
    yield from _writers(s)
    for move in sorted(s.network):
        after = s.put(network=s.network - {move})
        yield f"arrives {move}", lists.arrive(after, move, settled) if s.joined else after, True
    if s.behind < s.history[-1].revision:
        yield "notice", s.put(behind=s.history[-1].revision), True
    yield from _client(s)
    wanted = {n for n in NAMES if (w := s.window(n)) is not None and not w.live}
    if wanted and not s.joined:
        yield "joined", s.put(joined=True).ask(*wanted), True
    if s.joined and s.windows == (None, None) and s.round is None:
        yield "leave", s.put(joined=False, kept=frozenset()), False
    yield from _rounds(s, decided, settled)


def _writers(s: State) -> Iterator[Step]:
    for place, write in enumerate(s.writes):
        if write not in s.writes[:place]:
            left = s.writes[:place] + s.writes[place + 1 :]
            yield f"commit {write}", commit(s, write).put(writes=left), False
    now = s.history[-1]
    for place, (key, fields, created) in enumerate(s.unpublished):
        others = s.unpublished[:place] + s.unpublished[place + 1 :]
        row, sent = now.rows[key], s.network
        if row is not None:
            sent |= {Move(key, s.now, now.revision, row.version, fields, created)}
        yield f"publish {key} {fields}", s.put(unpublished=others, network=sent), True


def _rounds(s: State, decided: Settle, settled: Settle) -> Iterator[Step]:
    asks = any(isinstance(a, int) or s.joined for a in s.asks)
    if s.round is None:
        if asks or s.behind > s.applied:
            yield "round begins", lists.begin(s), True
    elif s.round.read_at < 0:
        yield "round reads", lists.read(s), True
    else:
        yield "round places", lists.place(s, decided, settled), True


def commit(s: State, write: str) -> State:
    """`D1aw` writes fields, `U1B` and `U1-` move the user, `C1A` creates, `X1` deletes, and `T`
    is a change of everybody's access."""
    now, kind = s.history[-1], write[0]
    if kind == "T":
        return _committed(s, now._replace(revision=now.revision + 1), None)
    key, what = int(write[1]), write[2:]
    row = now.rows[key]
    if (row is None) is not (kind == "C"):
        return s
    if kind == "D":
        assert row is not None
        version = row.version + 1
        row = Row(version, version if "a" in what else row.a, version if "b" in what else row.b,
                  1 - row.w if "w" in what else row.w, row.audience)  # fmt: skip
        return _announced(_committed(s, _with(now, key, row)), key, what)
    if kind == "C":
        version = 1 + max((r.version for r in now.rows if r is not None), default=0) + s.now
        row = Row(version, version, version, 1, what)
        return _announced(_committed(s, _with(now, key, row)), key, "", created=True)
    new = None if kind == "X" or row is None else row._replace(audience=what)
    after = _with(now, key, new)._replace(revision=now.revision + 1)
    return _committed(s, after, frozenset({key}))


def _with(now: Database, key: int, row: Row | None) -> Database:
    return now._replace(rows=at(now.rows, key, row))


def _committed(s: State, now: Database, touched: frozenset[int] | None = frozenset()) -> State:
    touches = s.touches if touched == frozenset() else (*s.touches, touched)
    return s.put(history=(*s.history, now), touches=touches)


def _announced(s: State, key: int, fields: str, *, created: bool = False) -> State:
    return s.put(unpublished=(*s.unpublished, (key, fields, created)))


# The client.


def _client(s: State) -> Iterator[Step]:
    for place, name in enumerate(NAMES):
        window = s.window(name)
        if window is None and s.opens[place]:
            after = s.with_window(name, Window(s.numbers)).ask(name)
            opens = at(s.opens, place, s.opens[place] - 1)
            yield f"open {name}", after.put(opens=opens, numbers=s.numbers + 1), False
        if window is not None and s.closes:
            yield f"close {name}", _close(s.put(closes=s.closes - 1), name), False
        entering = any(row is not None and name in row.windows - row.told for row in s.held)
        if window is not None and window.live and window.due and not entering:
            yield f"complete {name}", s.with_window(name, window._replace(due=False)), True
    for key, held in enumerate(s.held):
        if held is not None and _waits(held):
            yield f"send {key}", _send(s, key, held), True


def _close(s: State, name: str) -> State:
    """Its rows live on where something else wants them."""
    s = s.with_window(name, None).put(asks=s.asks - {name})
    s = s.put(rows=frozenset(one for one in s.rows if one[0] != name))
    s = s.put(copies=tuple(c if _has(s, k) else None for k, c in enumerate(s.copies)))
    for key in (0, 1):
        held = s.held[key]
        if held is None:
            continue
        told = held.told - {name}
        s = s.with_held(key, held._replace(windows=held.windows - {name}, told=told,
                                           sent=held.sent if told else None))  # fmt: skip
        if held.state == "pending":
            if any(s.inside(other, key) for other in NAMES):
                s = s.ask(key)
            elif s.round is None or key not in s.round.todo:
                s = s.put(asks=s.asks - {key})
                s = s.with_held(key, Held("ended", told=told) if told else None)
        else:
            s = lists.release(s, key)
            left = s.held[key]
            if left is not None and left.state == "ended" and not left.told:
                s = s.with_held(key, None)
    return s


def _has(s: State, key: int) -> bool:
    return any(k == key for _, k in s.rows)


def _waits(held: Held) -> bool:
    live = held.state == "live" and (held.fresh or bool(held.windows - held.told))
    return live or bool(held.told - held.windows)


def _send(s: State, key: int, held: Held) -> State:
    """What is equal is decided here; what moves is told once, before it enters and leaves."""
    if held.state == "live":
        s, held = _send_state(s, key, held)
    for name in sorted(held.told - held.windows):
        if (name, key) not in s.rows:
            raise Broken(f"{key} leaves {name}, where it is not", s)
        s = _leave(s, name, key)
        held = held._replace(told=held.told - {name})
    if not held.told:
        held = held._replace(sent=None)
    gone = held.state == "ended" and not held.told
    return s.with_held(key, None if gone else held)


def _send_state(s: State, key: int, held: Held) -> tuple[State, Held]:
    payload = s.view(held.at, key, held.audience)
    if held.told and held.fresh and held.sent != payload and held.windows:
        if not _has(s, key):
            raise Broken(f"an update of {key}, which the client does not hold", s)
        s, held = _show(s, key, held, payload), held._replace(sent=payload)
    for name in sorted(held.windows - held.told):
        if (name, key) in s.rows:
            raise Broken(f"{key} enters {name} twice", s)
        s = _show(s, key, held, payload).put(rows=s.rows | {(name, key)})
        held = held._replace(told=held.told | {name}, sent=payload)
    return s, held._replace(fresh=False)


def _show(s: State, key: int, held: Held, payload: object) -> State:
    """The client takes a payload: it was theirs at some time, and is no older than the last."""
    places = [
        n for n, now in enumerate(s.history)
        if now.rows[key] is not None and s.view(n, key, held.audience) == payload
    ]  # fmt: skip
    if not any(s.history[n].audience(key) == held.audience for n in places):
        raise Broken(f"{payload} of {key} was never theirs to see", s)
    later = [n for n in places if n >= s.floors[key]]
    if not later:
        raise Broken(f"{payload} of {key} is older than what came before", s)
    first = held.at
    while first - 1 in places:
        first -= 1
    floor = max(s.floors[key], first)
    return s.put(copies=at(s.copies, key, payload), floors=at(s.floors, key, floor))


def _leave(s: State, name: str, key: int) -> State:
    outside = [n for n in range(s.floors[key], len(s.history))
               if key not in s.listed(name, n)[: LIMIT if name == "few" else None]]  # fmt: skip
    if not outside:
        raise Broken(f"{key} leaves {name}, where it always belonged", s)
    s = s.put(rows=s.rows - {(name, key)}, floors=at(s.floors, key, outside[0]))
    return s if _has(s, key) else s.put(copies=at(s.copies, key, None))


# The promises when all is quiet.


def broken_at_rest(s: State) -> str | None:
    """What a client has that it should not, or has not that it should."""
    found = (*map(partial(_broken_window, s), NAMES), *map(partial(_broken_copy, s), (0, 1)))
    return next((wrong for wrong in found if wrong), None)


def _broken_window(s: State, name: str) -> str | None:
    window, rows = s.window(name), [k for k in KEYS if (name, k) in s.rows]
    if window is None:
        return f"rows without {name}" if rows else None
    whole = list(s.listed(name, s.now))
    expected = whole[:LIMIT] if name == "few" else whole
    if not window.live or window.due or rows != expected:
        return f"{name} has {rows}, and not {expected}"
    if len(rows) < len(whole) and window.floor < 0:
        return f"{name} says that there is no more"
    return None


def _broken_copy(s: State, key: int) -> str | None:
    audience, held = s.history[-1].audience(key), s.held[key]
    if _has(s, key) and (audience is None or s.copies[key] != s.view(s.now, key, audience)):
        return f"{s.copies[key]} of {key} is not as it is"
    return f"{key} is held for nobody" if held is not None and not held.windows else None
