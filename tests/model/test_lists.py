"""The code decides which windows hold a row as the model does, wherever that can get, and the
promises hold there."""

from __future__ import annotations

import os
import random
from functools import partial
from typing import Any

import pytest

from tests.model import lists, lists_real
from tests.model.ghost import Broken
from tests.model.lists import Settle
from tests.model.lists_states import Database, Held, Move, Row, State
from tests.model.lists_steps import Step, broken_at_rest, steps

WALKS = int(os.environ.get("MODEL_STEPS") or 120)
LONGEST = 300
WRITES = (
    "D0a", "D0b", "D0w", "D1a", "D1b", "D1w", "D1bw", "U0A", "U0B", "U0-", "U1A", "U1B", "U1-",
    "T", "C0A", "C1A", "C1B", "X0", "X1",
)  # fmt: skip
ON, OFF = Row(0, 0, 0, 1, "A"), Row(0, 0, 0, 0, "A")


def started(*writes: str, rows: tuple[Any, Any] = (ON, ON), **more: Any) -> State:
    """A state in which nothing has happened yet."""
    return State(history=(Database(0, rows),), writes=writes, **more)


SMALL = {
    "a row leaves": started("D1w", "U1-"),
    "a row enters": started("D1w", "D1a", rows=(ON, OFF)),
    "created and deleted": started("C1A", "X1", rows=(ON, None)),
    "lost and regained": started("U1-", "U1A"),
    "a hidden filter": started("U1B", "D1bw", hidden=True),
    "two windows": started("D1w", rows=(ON, OFF), opens=(1, 1), closes=1),
    "all are named": started("T", "U0-"),
}


def both(s: State, key: int) -> State:
    """What the model and the code decide alike."""
    settled = lists.settle(s, key)
    assert lists_real.settle(s, key) == settled, (s, key)
    return settled


def checked(s: State, decided: Settle, settled: Settle) -> list[Step]:
    """The steps that are possible, after the promises were looked at."""
    found = [step for step in steps(s, decided, settled) if step[1] != s]
    if not any(must for _, _, must in found) and (wrong := broken_at_rest(s)):
        raise Broken(wrong, s)
    return found


def explore(start: State, settled: Settle = both) -> None:
    """Take every path from here."""

    decided = partial(lists.decide, settled=settled)
    seen, waiting = {start}, [start]
    while waiting:
        for _, after, _ in checked(waiting.pop(), decided, settled):
            if after not in seen:
                seen.add(after)
                waiting.append(after)


@pytest.mark.parametrize("name", SMALL)
def test_no_path_breaks_a_promise_and_the_code_settles_as_the_model(name: str) -> None:
    explore(SMALL[name])


def test_no_long_path_at_random_breaks_one() -> None:
    chance = random.Random(os.environ.get("MODEL_SEED") or 20_261_128)
    decided = partial(lists.decide, settled=both)
    for _ in range(WALKS):
        writes = [chance.choice(WRITES) for _ in range(chance.randint(3, 8))]
        rows = [chance.choice((ON, OFF, None, ON._replace(audience="B"))) for _ in range(2)]
        opens = chance.choice(((1, 0), (2, 1), (1, 2)))
        s = started(*writes, rows=(rows[0], rows[1]), opens=opens, closes=chance.randint(0, 2),
                    hidden=chance.random() < 0.4)  # fmt: skip
        for _ in range(LONGEST):
            found = checked(s, decided, both)
            if not found:
                break
            must = [step for step in found if step[2]]
            _, s, _ = chance.choice(must if must and chance.random() < 0.5 else found)


def heedless(s: State, key: int) -> State:
    """A row that nobody wants is let go, whatever may come."""
    held = s.held[key]
    if held is None or held.windows or held.state != "live":
        return s
    return s.with_held(key, Held("ended", told=held.told, sent=held.sent) if held.told else None)


def forgetful(s: State, key: int) -> State:
    """What came in a round is not looked at again."""
    return candidate(s, key).put(look=s.look)


def narrow(s: State, audience: str, move: Move) -> State:
    """The newest frame of the object is kept, whoever it is for."""
    others = {one for one in s.kept if one[1].key != move.key}
    return s.put(kept=frozenset(others | {(audience, move)}))


def careless(s: State, name: str, key: int) -> bool:
    """What was listed stays."""
    held = s.held[key]
    return held is not None and held.state != "ended" and s.inside(name, key)


candidate = lists.candidate


@pytest.mark.parametrize(
    ("rule", "instead", "start"),
    [
        ("release", heedless, started("T", "D1w", rows=(ON, OFF), opens=(1, 1))),
        ("candidate", forgetful, started("C1A", rows=(ON, None))),
        ("keep", narrow, started("D1b", "D1a", rows=(ON, Row(0, 0, 0, 1, "B")))),
        ("holds", careless, started("D1w")),
        ("refill", lambda s: s, started("U1-")),
    ],
    ids=[
        "a row dies with what it waits for",
        "look again",
        "by audience",
        "newest state",
        "refill",
    ],
)
def test_each_rule_is_needed(
    rule: str, instead: Any, start: State, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lists, rule, instead)
    with pytest.raises(Broken):
        explore(start, lists.settle)
