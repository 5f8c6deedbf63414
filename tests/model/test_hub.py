"""The code decides as the model does, wherever the model can get, and the promises hold there."""

from __future__ import annotations

import os
import random
from collections import deque
from collections.abc import Iterator
from typing import Any

import pytest

from realtime.state.deciding import Decision
from tests.model import hub, promises, real
from tests.model.promises import Broken
from tests.model.states import Frame, Row, State

WALKS = int(os.environ.get("MODEL_STEPS") or 320)
LONGEST = 400
WRITES = (
    "first", "second", "first second", "to A", "to B", "to -", "other", "raw",
    "first second to A", "first second to B", "first to -",
)  # fmt: skip

SMALL = [
    State(writes=("second", "to B")),
    State(writes=("first", "to -", "to A"), subscribes=2),
    State(writes=("to B", "first second to A")),
    State(writes=("first", "raw"), sweeps=6),
    State(writes=("second", "other"), repeats=1),
]


met: set[Decision] = set()


def both(s: State, read: Row, joined: bool) -> Decision:
    """The decision, on which the model and the code agree."""
    decision = hub.decide(s, read, joined)
    assert real.decide(s, read, joined) is decision, (s, read, joined)
    met.add(decision)
    return decision


def checked(s: State, path: list[str], decided: hub.Decide) -> list[hub.Step]:
    """The steps that are possible, after the promises were looked at."""
    found = [step for step in hub.steps(s, decided) if step[1] != s]
    wrong = None
    if any(label.startswith("send (") for label, _, _ in found):
        wrong = promises.broken_by_sending(s)
    elif not any(must for _, _, must in found):
        wrong = promises.broken_at_rest(s)
    if wrong:
        raise Broken(wrong, s, path)
    return found


def explore(start: State, decided: hub.Decide = both) -> None:
    """Take every path from here."""
    came: dict[State, tuple[State, str] | None] = {start: None}
    waiting = deque([start])
    while waiting:
        s = waiting.popleft()
        for label, after, _ in checked(s, list(path_to(s, came))[::-1], decided):
            if after not in came:
                came[after] = (s, label)
                waiting.append(after)


def path_to(s: State, came: dict[State, tuple[State, str] | None]) -> Iterator[str]:
    """The steps that lead to a state, the last one first."""
    while (before := came[s]) is not None:
        s, label = before
        yield label


def walk(chance: random.Random, decided: hub.Decide = both) -> None:
    """Take one path at random, until all has happened."""
    writes = tuple(chance.choice(WRITES) for _ in range(chance.randint(3, 10)))
    s = State(writes=writes, subscribes=3, repeats=2, sweeps=20 if "raw" in writes else 0)
    path: list[str] = []
    for _ in range(LONGEST):
        found = checked(s, path, decided)
        must = [step for step in found if step[2]]
        may = [step for step in found if not step[2]]
        if not must and (not may or (not s.writes and chance.random() < 0.2)):
            break
        label, s, _ = chance.choice(must if must and (not may or chance.random() < 0.7) else may)
        path.append(label)


@pytest.mark.parametrize("start", SMALL, ids=lambda s: ", ".join(s.writes))
def test_no_path_breaks_a_promise_and_the_code_decides_as_the_model(start: State) -> None:
    explore(start)


def test_every_decision_is_met() -> None:
    """But for one: the model knows no row that cannot be shown."""
    met.clear()
    for start in (State(writes=("first", "raw"), sweeps=6), State(writes=("to -",))):
        explore(start)
    assert met == set(Decision) - {Decision.TAKE_UNAVAILABLE}


def test_no_long_path_at_random_breaks_one() -> None:
    chance = random.Random(os.environ.get("MODEL_SEED") or 20_261_128)
    for _ in range(WALKS):
        walk(chance)


def without(decision: Decision, instead: Decision) -> hub.Decide:
    """The rules, but for one."""

    def decide(s: State, read: Row, joined: bool) -> Decision:
        decided = hub.decide(s, read, joined)
        return instead if decided is decision and s.standing == "live" else decided

    return decide


LIVE = (
    "subscribe", "round begins", "round reads", "round places", "joined A",
    "round begins", "round reads", "round places", "send ('A', 0, 0)",
)  # fmt: skip


def follow(s: State, *labels: str) -> State:
    """Take these steps."""
    for label in labels:
        s = next(after for found, after, _ in hub.steps(s, hub.decide) if found == label)
    return s


@pytest.mark.parametrize(
    ("rules", "start"),
    [
        # Else a frame of the forbidden time passes when access is back.
        (
            without(Decision.TAKE, Decision.KEEP),
            follow(
                State(writes=("to -", "first", "first", "to A")),
                *LIVE, "commit to -", "commit first", "publish first",
            ),
        ),
        (without(Decision.REPAIR, Decision.KEEP), State(writes=("raw",), sweeps=2)),
        (without(Decision.SEND_AGAIN, Decision.KEEP), State(writes=("first",), repeats=1)),
    ],
    ids=["take", "repair", "send again"],
)  # fmt: skip
def test_each_rule_of_the_decision_is_needed(rules: hub.Decide, start: State) -> None:
    with pytest.raises(Broken):
        explore(start, rules)


def unsilenced(s: State) -> State:
    """Who has left their audience goes on as before until the read is placed."""
    return s


def unfenced(s: State, frame: Frame | None) -> State:
    """Whatever comes for the audience is taken."""
    if frame is None or s.standing != "live" or frame.audience != s.audience:
        return s
    return s._replace(version=frame.version, slot=(frame.audience, frame.at))


@pytest.mark.parametrize(
    ("name", "rule"), [("silenced", unsilenced), ("offer", unfenced)], ids=["silence", "fence"]
)
def test_each_rule_beside_the_decision_is_needed(
    name: str, rule: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub, name, rule)
    with pytest.raises(Broken):
        explore(State(writes=("first", "to B")), hub.decide)
