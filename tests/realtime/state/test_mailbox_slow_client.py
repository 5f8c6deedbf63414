"""A socket's mailbox and a client that takes when it likes, in any order of events."""

import json
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from realtime.state import fence
from realtime.state.subscriptions import State
from tests.realtime.pieces import frame, subscription, waiting


class SlowClient(RuleBasedStateMachine):
    """Frames in any order, moves, questions, and a client that takes when it likes."""

    def __init__(self) -> None:
        super().__init__()
        self.s = subscription()
        self.s.ask(waiting())
        self.versions: list[int] = []
        self.etags: list[tuple[str, str]] = []
        self.copy: Any = None
        self.newest = frame(-1)
        self.asked = 1
        self.answered = 0

    @rule(version=st.integers(0, 20), body=st.sampled_from("ABC"))
    def frame(self, version: int, body: str) -> None:
        before = self.s.version
        assert self.s.audience is not None
        offered = frame(version, f'"{body}"', audience=self.s.audience)
        assert fence.offer(self.s, offered, applied=0) == (version > before)
        if version > before:
            self.newest = offered

    @rule(audience=st.sampled_from(["owner", "viewer"]), body=st.sampled_from("ABC"))
    def move(self, audience: str, body: str) -> None:
        """As a round does it: silence, then what the read saw."""
        self.s.silence()
        self.s.audience, self.s.state = audience, State.LIVE
        self.s.version += 1
        self.newest = frame(self.s.version, f'"{body}"', audience=audience)
        self.s.put(self.newest)

    @precondition(lambda self: self.s.version >= 0)
    @rule()
    def ask(self) -> None:
        """A repeated subscribe; the round's read finds nothing newer."""
        newest = self.newest
        self.s.ask(waiting("again"))
        self.asked += 1
        self.s.put(newest)

    @precondition(lambda self: len(self.s.socket.mailbox) > 0)
    @rule()
    def take(self) -> None:
        texts = self.s.socket.mailbox.take()
        for text in texts:
            f = json.loads(text)
            self.copy = f["payload"]
            if f["type"] == "SUBSCRIBED":
                self.answered += 1
            else:
                assert len(texts) == 1
                assert (f["audience"], f["etag"]) != self.etags[-1]
            self.etags.append((f["audience"], f["etag"]))
        assert self.s.sent is not None
        self.versions.append(self.s.sent.version)

    @invariant()
    def at_most_one_state_waits(self) -> None:
        assert len(self.s.socket.mailbox) <= 1

    @invariant()
    def versions_never_fall(self) -> None:
        assert self.versions == sorted(self.versions)

    def teardown(self) -> None:
        """Whoever takes at last has the newest state, and an answer to each question."""
        while self.s.socket.mailbox:
            self.take()
        if self.s.version >= 0:
            assert self.s.sent is not None
            assert self.s.sent.version == self.s.version
            assert self.copy == json.loads(self.newest.seen.body or "")
            assert self.answered == self.asked


TestSlowClient = SlowClient.TestCase
