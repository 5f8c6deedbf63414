"""What must hold in every state of the model, and when nothing is left to happen."""

from __future__ import annotations

from tests.model.states import GONE, NOBODY, State


class Broken(AssertionError):
    """A promise is broken; `path` are the steps that lead there."""

    def __init__(self, promise: str, state: State, path: list[str]) -> None:
        self.promise = promise
        self.state = state
        self.path = path
        super().__init__("\n".join([promise, *path, repr(state)]))


def broken_by_sending(before: State) -> str | None:
    """What sending the slot breaks: a payload leaks, or an older one follows a newer one."""
    assert isinstance(before.slot, tuple)
    audience, at = before.slot
    payload = before.history[at].payload(audience)
    held = [row for row in before.history if row.audience == audience]
    if all(row.payload(audience) != payload for row in held):
        return "a payload was sent to somebody who was never to see it"
    last = at
    while last < before.now and before.history[last + 1].payload(audience) == payload:
        last += 1
    if last < before.now and last < before.floor:
        return "an older state was sent after a newer one"
    return None


def broken_at_rest(s: State) -> str | None:
    """What is wrong when nothing has to happen any more."""
    row = s.history[-1]
    if s.unanswered:
        return "a subscribe was not answered"
    if s.standing == "none":
        return None
    if s.standing == "ended":
        return None if s.sent in (GONE, None) and s.slot is None else "the end was not told"
    if row.audience == NOBODY:
        return "a subscription outlived its access"
    right = s.standing == "live" and s.sent == row.payload(row.audience)
    return None if right else "the copy is not what its reader may see"
