"""The oracle finds a frame that is not what REST answers its reader, and holds up nobody."""

from __future__ import annotations

import threading
from dataclasses import replace
from time import monotonic
from typing import Any

import pytest

from permissions.read import Again, read, read_again
from permissions.rendering import SERIALIZATIONS
from permissions.representation import ObjectKey
from realtime.hub import oracle as module
from realtime.hub.oracle import Oracle, Waiting, oracle
from realtime.metrics import ORACLE, ORACLE_DIFFERENCES
from realtime.state.comparing import Sent
from realtime.state.frames import Frame
from realtime.state.mailbox import Mailbox
from realtime.state.subscriptions import Subscription
from resources.documents.serializers import ViewerSerializer
from tenants.limits import DEFAULTS
from tests.client import in_thread, subscribed
from tests.gates import rounds_of
from tests.realtime.pieces import MODEL, frame, socket, subscription
from tests.world import World

pytestmark = pytest.mark.usefixtures("by_hand")


def outcomes(name: str) -> float:
    return ORACLE.labels(name)._value.get()


def differing(audience: str) -> float:
    return ORACLE_DIFFERENCES.labels(MODEL, audience)._value.get()


def viewers(world: World) -> Subscription:
    [s] = [s for s in rounds_of(world).index.all if s.user_id == world.user("viewer").pk]
    return s


def of(world: World, username: str) -> Frame:
    """What a user sees of the document, as a frame with a version that nobody has had."""
    pair = (world.user(username).pk, ObjectKey(MODEL, world.document.pk))
    seen = read(world.tenants["acme"].pk, [pair]).seen[pair]
    assert seen is not None
    return Frame(seen, ("title",))


@pytest.fixture
def before() -> dict[str, float]:
    assert oracle.flush()
    return {name: outcomes(name) for name in ("same", "moved", "left out", "failed", "different")}


async def flushed() -> None:
    assert await in_thread(oracle.flush)()


async def test_each_frame_is_compared_and_none_differs(
    world: World, before: dict[str, float]
) -> None:
    async with subscribed(world, "viewer") as viewer, subscribed(world, "owner"):
        await flushed()
        await in_thread(world.write)(title="New")
        assert len(await viewer.settle()) == 1
        await flushed()
        assert outcomes("same") == before["same"] + 4
        assert outcomes("different") == before["different"]


@pytest.mark.forges
async def test_payload_of_another_audience_is_found(
    world: World, before: dict[str, float], caplog: pytest.LogCaptureFixture
) -> None:
    """A frame of the viewers that holds what owners see."""
    async with subscribed(world, "viewer") as viewer:
        found = differing("viewer")
        owners, viewers_ = await in_thread(of)(world, "owner"), await in_thread(of)(world, "viewer")
        wrong = replace(viewers_.seen, body=owners.seen.body, etag="forged")
        viewers(world).put(Frame(wrong, ("title",)))
        await viewer.receive_until("UPDATE_DOCUMENT")
        await flushed()
        assert differing("viewer") == found + 1
        [record] = [r for r in caplog.records if r.name == module.__name__]
        told = record.getMessage()
        assert f"{MODEL} {world.id}" in told
        assert "never budget" in told
        assert "payload.review_notes" in told
        assert world.document.title not in told


@pytest.mark.forges
async def test_frame_of_another_audience_is_found_while_access_is_as_it_was(world: World) -> None:
    async with subscribed(world, "viewer") as viewer:
        found = differing("owner")
        viewers(world).put(await in_thread(of)(world, "owner"))
        await viewer.receive_until("AUDIENCE_CHANGED")
        await flushed()
        assert differing("owner") == found + 1


@pytest.fixture
def readers_name(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A serializer that shows as title whatever stands here: as if it asked who reads."""
    name = ["of the socket"]
    inner = ViewerSerializer.to_representation

    def shown(self: Any, instance: Any) -> Any:
        return inner(self, instance) | {"title": name[0]}

    monkeypatch.setattr(ViewerSerializer, "to_representation", shown)
    return name


@pytest.mark.forges
async def test_serializer_that_depends_on_its_reader_is_found(
    world: World, readers_name: list[str]
) -> None:
    found = differing("viewer")
    async with subscribed(world, "viewer"):
        s, sent = viewers(world), await in_thread(of)(world, "viewer")
        readers_name[0] = "of REST"
        oracle.deliver(s, sent, sent.update_text(world.id))
        await flushed()
    assert differing("viewer") > found


def judged(name: str, until: float | None, now: Frame) -> Waiting | None:
    """What becomes of a viewers' frame whose field of this name is old, at the same version."""
    sent = frame(3, f'{{"id":"x","title":"old","{name}":"old"}}')
    s = subscription(socket(tenant_id=1))
    text = sent.update_text(s.id)
    waiting = Waiting(Sent("c", 1, s.pair, s.id, sent.seen, text), until)
    made = Oracle()
    made.watch(s.socket.mailbox, {**DEFAULTS, "oracle": 1.0})
    return made._judge(waiting, Again({1: 0}, {(1, s.pair): now.seen}))


@pytest.mark.forges
def test_only_a_field_that_shows_another_row_may_be_old_for_a_moment() -> None:
    """The version rises after that row's commit: then it is not the same any more."""
    found = differing("viewer")
    now = frame(3, '{"id":"x","title":"old","owner_name":"new"}')
    again = judged("owner_name", None, now)
    assert again is not None
    assert again.until is not None
    assert differing("viewer") == found
    assert judged("owner_name", again.until, now) is None
    assert differing("viewer") == found + 1
    assert judged("title", None, frame(3, '{"id":"x","title":"new"}')) is None
    assert differing("viewer") == found + 2


def test_its_reads_are_not_counted_and_tell_of_no_failure(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    tenant, pair = world.tenants["acme"].pk, (world.user("viewer").pk, world.key)
    counter = SERIALIZATIONS.labels(MODEL, "viewer")
    rendered = counter._value.get()
    shown = read_again({tenant: [pair]}).seen[tenant, pair]
    assert shown is not None
    assert shown.body is not None
    monkeypatch.setattr(ViewerSerializer, "to_representation", lambda *_: 1 / 0)
    failed = read_again({tenant: [pair]}).seen[tenant, pair]
    assert failed is not None
    assert failed.body is None
    assert counter._value.get() == rendered
    assert caplog.records == []


def idle(**limits: float) -> tuple[Oracle, Mailbox]:
    """An oracle whose thread never begins, and a mailbox that it watches."""
    made, mailbox = Oracle(), socket().mailbox
    made._worker = threading.current_thread()
    made.watch(mailbox, {**DEFAULTS, **limits})
    return made, mailbox


def test_where_it_is_off_nobody_is_told() -> None:
    assert idle()[1].delivered is None
    assert idle(oracle=0.5)[1].delivered is not None


def test_every_text_that_shows_a_state_is_told_once_and_none_that_was_not_sent() -> None:
    s = subscription()
    mailbox, told, taken = s.socket.mailbox, list[str](), list[str]()
    mailbox.delivered = lambda _, frame, text: told.append(text)
    mailbox.send_now = lambda text: taken.append(text) or True  # type: ignore[func-returns-value]
    s.put(frame(1, '{"a":1}'))
    first = mailbox.take()
    s.put(frame(2, '{"a":2}'))  # passes by
    s.put(frame(3, '{"a":2}'))  # is what they have
    mailbox.send_now = lambda text: False
    s.put(frame(4, '{"a":4}'))  # waits
    assert told == [*first, *taken]
    assert (len(told), len(taken)) == (2, 1)
    assert mailbox.take() == told[2:]


def test_share_of_the_frames_is_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    made, _ = idle(oracle=0.25)
    numbers = iter([0.1, 0.24, 0.25, 0.9])
    monkeypatch.setattr(module, "random", lambda: next(numbers))
    for _ in range(4):
        made.deliver(subscription(), frame(), "{}")
    assert len(made._queue) == 2


def test_frames_for_which_there_is_no_room_are_left_out() -> None:
    made, _ = idle(oracle=1.0, oracle_bytes=2_000)
    before = outcomes("left out")
    for _ in range(5):
        made.deliver(subscription(), frame(), "x" * 400)
    assert (len(made._queue), outcomes("left out")) == (2, before + 3)


def test_waiting_for_its_end_has_an_end() -> None:
    made, _ = idle(oracle=1.0)
    made.deliver(subscription(), frame(), "{}")
    assert not made.flush(0.01)


def test_frame_that_differed_is_read_again_when_its_time_has_come() -> None:
    made, _ = idle(oracle=1.0)
    sent = Sent("c", 1, (1, ObjectKey(MODEL, 1)), "x", frame().seen, "{}")
    early, late = Waiting(sent, monotonic() - 1), Waiting(sent, monotonic() + 3600)
    made._later = [early, late]
    assert made._due()
    assert made._take() == [early]
    assert not made._due()
    made._hurried = True
    assert made._take() == [late]


def test_failure_is_counted_and_the_next_are_compared(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    made, _ = idle(oracle=1.0)
    made.deliver(subscription(), frame(), "{}")
    before = outcomes("failed")

    def fails(_: object) -> Any:
        raise LookupError

    monkeypatch.setattr(module, "read_again", fails)
    made._compare(made._take())
    assert outcomes("failed") == before + 1
    assert made._bytes == 0
    [record] = caplog.records
    assert "could not be compared" in record.getMessage()
