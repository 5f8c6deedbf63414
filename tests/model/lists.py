"""The rules of windows, as the algorithm has them: what a message, a round and a client do.

`settle` is where they are decided; `tests/model/test_lists.py` has the code decide the same.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

from tests.model.lists_states import LIMIT, NAMES, Held, Move, Round, State

Settle = Callable[[State, int], State]


# Which windows hold a row.


def settle(s: State, key: int) -> State:
    """It follows from the row's newest state and the windows' ranges alone."""
    held = s.held[key]
    if held is None:
        return s
    s = s.with_held(key, held._replace(windows=frozenset(n for n in NAMES if holds(s, n, key))))
    few = s.window("few")
    mine = [k for k in (0, 1) if (row := s.held[k]) is not None and "few" in row.windows]
    if few is not None and len(mine) > LIMIT:  # the floor rises, or rows below would be missed
        lowest = s.held[mine[0]]
        assert lowest is not None
        s = s.with_window("few", few._replace(floor=mine[0]))
        s = s.with_held(mine[0], lowest._replace(windows=lowest.windows - {"few"}))
        if mine[0] != key:
            s = release(s, mine[0])
    return release(refill(s), key)


def holds(s: State, name: str, key: int) -> bool:
    """What is pending stays where it is, as far as the range lets it."""
    held = s.held[key]
    if held is None or held.state == "ended" or not s.inside(name, key):
        return False
    if held.state == "pending":
        return name in held.windows
    return s.matches(name, s.view(held.at, key, held.audience))


def refill(s: State) -> State:
    """A list of which fewer than half of the rows are left, and that has more, is read again."""
    few = s.window("few")
    if few is None or few.floor < 0 or few.placing:
        return s
    left = sum(row is not None and "few" in row.windows for row in s.held)
    return s.ask("few") if 2 * left < LIMIT else s


def release(s: State, key: int) -> State:
    """A row that nobody wants is let go, unless something newer of it may come: it dies with what
    it waits for."""
    held = s.held[key]
    if held is None or held.windows or held.state != "live":
        return s
    again = Held(told=held.told, sent=held.sent)
    if s.round is not None and key in s.round.todo:
        return s.with_held(key, again)
    newer = any(m.key == key and m.version > held.version for _, m in s.kept)
    if (key in s.asks or newer) and any(s.inside(name, key) for name in NAMES):
        return s.with_held(key, again).ask(key)
    return s.with_held(key, again._replace(state="ended") if held.told else None)


def candidate(s: State, key: int) -> State:
    """An object that windows may come to hold is read, if the socket does not have it."""
    if s.round is not None:
        s = s.put(look=s.look | {key})
    held = s.held[key]
    if not any(s.inside(n, key) for n in NAMES) or (held is not None and held.state != "ended"):
        return s
    told = Held() if held is None else Held(told=held.told, sent=held.sent)
    return s.with_held(key, told).ask(key)


# Messages.


def offer(s: State, audience: str, move: Move) -> State:
    """The fence: what is newer, for the row's audience, and of what has been applied."""
    held = s.held[move.key]
    if held is None or held.state != "live" or held.audience != audience:
        return s
    if move.version <= held.version or move.revision > s.applied:
        return s
    taken = held._replace(version=move.version, at=move.at, fresh=True)
    return s.with_held(move.key, taken)


def arrive(s: State, move: Move, settled: Settle) -> State:
    """What comes in a round, or ahead, is kept: the newest of each object and audience."""
    ahead = move.revision > s.applied
    s = s.put(behind=max(s.behind, move.revision))
    for audience in move.audiences(s.hidden):
        if s.round is not None or ahead:
            s = keep(s, audience, move)
        s = offer(s, audience, move)
    s = settled(s, move.key)
    views = [s.view(move.at, move.key, audience) for audience in move.audiences(s.hidden)]
    flips = "w" in move.fields and any(s.matches("few", view) for view in views)
    return candidate(s, move.key) if flips or move.created else s


def keep(s: State, audience: str, move: Move) -> State:
    """The newest of this object and audience."""
    same = [one for one in s.kept if one[0] == audience and one[1].key == move.key]
    if any(m.version >= move.version for _, m in same):
        return s
    return s.put(kept=s.kept - set(same) | {(audience, move)})


# Rounds.


def begin(s: State) -> State:
    """Read the log's rows above what was applied, and with them what was asked."""
    touches = s.touches[s.applied : s.history[-1].revision]
    everything = any(keys is None for keys in touches)
    named = frozenset[int]().union(*(keys for keys in touches if keys is not None))
    names = [n for n in NAMES if s.joined and (w := s.window(n)) is not None
             and (n in s.asks or (everything and w.live))]  # fmt: skip
    asked = frozenset(k for k in s.asks if isinstance(k, int))
    s = s.put(asks=frozenset(), look=frozenset())
    for key in sorted(named):
        s = candidate(s, key)
    s = s.put(asks=frozenset(n for n in s.asks if isinstance(n, str)), look=frozenset())
    here = frozenset(k for k in (0, 1) if (row := s.held[k]) is not None and row.state != "ended")
    todo = (asked | named) & here if not (names or everything) else here
    lists = tuple((n, w.number) for n in names if (w := s.window(n)) is not None)
    return s.put(round=Round(s.now, todo, lists))


def read(s: State) -> State:
    """Read later than the rows; who left their audience is silenced before anything else."""
    now = s.round
    assert now is not None
    lists = tuple(s.listed(name, s.now) for name, _ in now.lists)
    named = [key for (n, _), keys in zip(now.lists, lists, strict=True)
             for key in (keys[:LIMIT] if n == "few" else keys)]  # fmt: skip
    s = s.put(round=now._replace(read_at=s.now, todo=now.todo | set(named), listed=lists))
    for key in now.todo:
        held = s.held[key]
        gone = held is not None and held.state == "live"
        if held is not None and gone and s.history[-1].audience(key) != held.audience:
            s = s.with_held(key, held._replace(state="pending", fresh=False))
    return s


def place(s: State, decided: Settle, settled: Settle) -> State:
    """Place windows with their rows in one step, then the other rows; apply; look again."""
    now = s.round
    assert now is not None
    live = {
        name: keys[:LIMIT] if name == "few" else keys
        for (name, number), keys in zip(now.lists, now.listed, strict=True)
        if (w := s.window(name)) is not None and w.number == number
    }
    wanted = {key for keys in live.values() for key in keys}
    s = _ranged(s, live, now)
    for key in wanted & now.todo:
        held = s.held[key]
        if held is None or held.state == "ended":
            s = s.with_held(key, Held() if held is None else held._replace(state="pending"))
    for key in sorted(now.todo, key=lambda k: (k in wanted, -k)):
        s = decided(s, key)
    for key in (1, 0) if live else ():
        s = settled(s, key)
    for name in live:
        window = s.window(name)
        assert window is not None
        s = s.with_window(name, window._replace(placing=False))
    return _applied(refill(s), s.history[now.rows_at].revision, settled)


def _ranged(s: State, live: Collection[str], now: Round) -> State:
    """These windows are live, from what their lists say."""
    for (name, _), keys in zip(now.lists, now.listed, strict=True):
        window = s.window(name)
        if name in live and window is not None:
            floor = keys[LIMIT] if name == "few" and len(keys) > LIMIT else -1
            s = s.with_window(name, window._replace(live=True, floor=floor, placing=True))
    return s


def _applied(s: State, revision: int, settled: Settle) -> State:
    """Offer what is kept, which may have waited for this; look again at what came meanwhile."""
    s = s.put(applied=max(s.applied, revision), behind=max(s.behind, revision))
    for audience, move in sorted(s.kept):
        s = settled(offer(s, audience, move), move.key)
    ahead = frozenset(one for one in s.kept if one[1].revision > s.applied)
    look, s = s.look, s.put(kept=ahead, look=frozenset(), round=None)
    for key in sorted(look):
        s = candidate(s, key)
    return s


def decide(s: State, key: int, settled: Settle) -> State:
    """What one read means for a row; what was kept is offered in the same step."""
    now, held = s.round, s.held[key]
    assert now is not None
    s = s.put(round=now._replace(todo=now.todo - {key}))
    if held is None or held.state == "ended":
        return s
    audience = s.history[now.read_at].audience(key)
    row = s.history[now.read_at].rows[key]
    if audience is None or row is None:
        s = settled(s.with_held(key, Held("ended", told=held.told, sent=held.sent)), key)
        return s if held.told else s.with_held(key, None)
    if row.version < held.version:
        return s.ask(key)
    if not (held.state == "live" and row.version == held.version):
        taken = held._replace(state="live", audience=audience, version=row.version,
                              at=now.read_at, fresh=True)  # fmt: skip
        s = s.with_held(key, taken)
        for whose, move in sorted(s.kept):
            s = offer(s, whose, move) if move.key == key else s
    return settled(s, key)
