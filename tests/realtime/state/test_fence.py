"""The fence: each of its five conditions refuses by itself."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from permissions.representation import ObjectKey
from realtime.state import fence
from realtime.state.frames import Frame
from realtime.state.subscriptions import State, Subscription
from tests.realtime.pieces import MODEL, frame, subscription

APPLIED = 5


def at_version_3() -> Subscription:
    s = subscription()
    s.version = 3
    return s


def test_fence_lets_newer_frame_of_applied_revision_in() -> None:
    s = at_version_3()
    newer = frame(version=4, revision=APPLIED)
    assert fence.offer(s, newer, APPLIED)
    assert s.slot is newer
    assert s.version == 4
    assert len(s.socket.mailbox) == 1


def refused(s: Subscription, offered: Frame) -> bool:
    """Whether the offer changes nothing at all."""
    taken = fence.offer(s, offered, APPLIED)
    return not taken and s.slot is None and s.version == 3 and len(s.socket.mailbox) == 0


@pytest.mark.parametrize("state", [State.PENDING, State.ENDED])
def test_fence_refuses_subscription_that_is_not_live(state: State) -> None:
    s = at_version_3()
    s.state = state
    assert refused(s, frame(version=4))


@pytest.mark.parametrize(
    "seen",
    [
        {"key": ObjectKey(MODEL, 2)},
        {"key": ObjectKey("resources.profile", 1)},
        {"audience": "owner"},
        {"revision": APPLIED + 1},
        {"version": 3},
        {"version": 2},
    ],
    ids=["other object", "other model", "other audience", "later revision", "same", "older"],
)
def test_fence_refuses_frame_that_fails_one_condition(seen: dict[str, Any]) -> None:
    assert refused(at_version_3(), frame(**{"version": 4, "revision": APPLIED, **seen}))


def test_fence_refuses_every_audience_while_none_is_known() -> None:
    s = at_version_3()
    s.audience = None
    assert refused(s, frame(version=4))


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=20))
def test_fence_lets_only_rising_versions_of_applied_revisions_in(
    offers: list[tuple[int, int]],
) -> None:
    s = subscription()
    taken = [
        (version, revision)
        for version, revision in offers
        if fence.offer(s, frame(version=version, revision=revision), APPLIED)
    ]
    versions = [version for version, _ in taken]
    assert versions == sorted(set(versions))
    assert all(revision <= APPLIED for _, revision in taken)
    assert max(versions, default=-1) == max((v for v, r in offers if r <= APPLIED), default=-1)
