"""A socket's mailbox: what is sent of what happened, in which order, and how often."""

import json
from typing import Any

import pytest

from realtime.state import fence
from realtime.state.codes import Close
from realtime.state.frames import Frame
from realtime.state.mailbox import ITEM_BYTES, QUESTION_BYTES, Mailbox
from realtime.state.subscriptions import GONE, State, Subscription
from tests.realtime.pieces import ID, MODEL, frame, subscription, waiting

NAMED = f'"model":"{MODEL}","id":"{ID}"'
NOT_FOUND = (
    '{"type":"ERROR","code":"not_found",'
    f'"detail":"The object does not exist, or you may not see it.",{NAMED}'
)


def take_all(mailbox: Mailbox) -> list[dict[str, Any]]:
    texts: list[str] = []
    while mailbox:
        texts += mailbox.take()
    return [json.loads(text) for text in texts]


def types(mailbox: Mailbox) -> list[str]:
    return [f["type"] for f in take_all(mailbox)]


@pytest.fixture
def s() -> Subscription:
    """A live subscription whose client asked and has got version 1, `"A"`."""
    s = subscription()
    s.ask(waiting())
    offer(s, frame(1, '"A"'))
    assert types(s.socket.mailbox) == ["SUBSCRIBED"]
    return s


def offer(s: Subscription, offered: Frame) -> None:
    assert fence.offer(s, offered, applied=0)


def test_mailbox_wakes_its_writer_for_answer_state_and_close(s: Subscription) -> None:
    woken: list[int] = []
    mailbox = s.socket.mailbox = Mailbox(lambda: woken.append(len(mailbox)))
    mailbox.answer("answer")
    offer(s, frame(2, '"B"'))
    assert woken == [1, 2]
    mailbox.close(Close.CREDENTIALS)
    assert len(woken) == 3


def test_answers_go_before_states_and_in_order(s: Subscription) -> None:
    offer(s, frame(2, '"B"'))
    s.socket.mailbox.answer("first")
    s.socket.mailbox.answer("second")
    assert s.socket.mailbox.take() == ["first"]
    assert s.socket.mailbox.take() == ["second"]
    assert types(s.socket.mailbox) == ["UPDATE_DOCUMENT"]


def test_states_go_in_the_order_in_which_they_became_ready(s: Subscription) -> None:
    other = subscription(s.socket, pk=2)
    other.put(frame(1, '"other"'))
    offer(s, frame(2, '"B"'))
    other.put(frame(2, '"other, newer"'))
    assert [f["id"] for f in take_all(s.socket.mailbox)] == [other.id, ID]


def test_slow_client_gets_newest_state_once(s: Subscription) -> None:
    for version in range(2, 100):
        offer(s, frame(version, str(version)))
    assert len(s.socket.mailbox) == 1
    (f,) = take_all(s.socket.mailbox)
    assert (f["type"], f["payload"]) == ("UPDATE_DOCUMENT", 99)


def test_update_is_the_text_made_for_everybody(s: Subscription) -> None:
    newer = frame(2, '"B"')
    offer(s, newer)
    (text,) = s.socket.mailbox.take()
    assert text is newer.update_text(s.id)


def test_state_that_went_and_came_back_sends_nothing(s: Subscription) -> None:
    """A -> B -> A, while the client was slow: they have A."""
    offer(s, frame(2, '"B"'))
    offer(s, frame(3, '"A"'))
    assert len(s.socket.mailbox) == 1
    assert s.socket.mailbox.take() == []
    assert s.sent is not None
    assert s.sent.version == 3


def test_state_that_came_back_after_it_was_sent_is_sent(s: Subscription) -> None:
    sent = []
    for version, body in [(2, '"B"'), (3, '"A"')]:
        offer(s, frame(version, body))
        sent += take_all(s.socket.mailbox)
    assert [f["payload"] for f in sent] == ["B", "A"]


def test_silenced_state_is_not_sent(s: Subscription) -> None:
    offer(s, frame(2, '"B"'))
    s.silence()
    assert len(s.socket.mailbox) == 0


def test_moved_reader_is_told_so_even_if_the_payload_is_equal(s: Subscription) -> None:
    s.audience = "editor"
    offer(s, frame(2, '"A"', audience="editor", etag=s.sent and s.sent.etag))
    (text,) = s.socket.mailbox.take()
    assert text == (
        f'{{"type":"AUDIENCE_CHANGED",{NAMED},"audience":"editor","etag":"viewer:\\"A\\"",'
        '"payload":"A"}'
    )


def test_reader_who_moved_and_came_back_before_a_send_hears_only_what_differs(
    s: Subscription,
) -> None:
    s.audience = "editor"
    offer(s, frame(2, '"B"', audience="editor"))
    s.silence()
    s.state, s.audience = State.LIVE, "viewer"
    offer(s, frame(3, '"A"'))
    assert take_all(s.socket.mailbox) == []


def test_first_state_without_a_question_replaces_the_whole_object() -> None:
    s = subscription()
    offer(s, frame(1, '"A"'))
    assert types(s.socket.mailbox) == ["AUDIENCE_CHANGED"]


def test_every_subscribe_is_answered_with_its_ref_and_without_what_the_client_holds(
    s: Subscription,
) -> None:
    newer = frame(2, '"B"')
    for each in (waiting("a"), waiting(2, etag=newer.seen.etag), waiting(None, etag='viewer:"A"')):
        s.ask(each)
    offer(s, newer)
    answers = take_all(s.socket.mailbox)
    assert [(f["type"], f.get("ref"), f.get("payload")) for f in answers] == [
        ("SUBSCRIBED", "a", "B"),
        ("SUBSCRIBED", 2, None),
        ("SUBSCRIBED", None, "B"),
    ]
    assert "payload" not in answers[1]
    offer(s, frame(3, '"B"'))
    assert take_all(s.socket.mailbox) == []


def test_answers_of_a_large_object_are_made_one_at_a_time(s: Subscription) -> None:
    """A client that asks for it again and again does not fill the memory with its texts."""
    s.ask(waiting(1))
    s.ask(waiting(2))
    offer(s, frame(2, '"B"'))
    (first,) = s.socket.mailbox.take()
    offer(s, frame(3, '"C"'))
    (second,) = s.socket.mailbox.take()
    assert [json.loads(text)["payload"] for text in (first, second)] == ["B", "C"]
    assert take_all(s.socket.mailbox) == []


def test_one_who_asks_and_takes_no_answer_is_closed_and_nothing_is_kept(s: Subscription) -> None:
    mailbox = s.socket.mailbox
    mailbox.bound = 2**20
    for _ in range(15):
        mailbox.answer("x" * 2**16)
    assert len(mailbox) == 15
    mailbox.answer("x" * 2**16)
    assert mailbox.closing is Close.TOO_SLOW
    assert (len(mailbox), mailbox.held) == (0, 0)


def test_answers_count_with_what_each_costs_and_in_bytes(s: Subscription) -> None:
    mailbox = s.socket.mailbox
    mailbox.answer("x" * 10)
    mailbox.answer("\u00e9" * 10)
    assert mailbox.held == 2 * ITEM_BYTES + 30


def test_subscribes_that_are_not_answered_count(s: Subscription) -> None:
    mailbox = s.socket.mailbox
    mailbox.bound = 10 * QUESTION_BYTES
    for _ in range(10):
        s.ask(waiting("r" * 64, etag="e" * 64))
    assert (mailbox.closing, mailbox.held) == (None, mailbox.bound)
    s.ask(waiting())
    assert mailbox.closing is Close.TOO_SLOW


def test_what_is_under_way_counts(s: Subscription) -> None:
    mailbox = s.socket.mailbox
    mailbox.bound = 1000
    mailbox.under_way = lambda: 900
    mailbox.answer("x")
    assert mailbox.closing is None
    mailbox.answer("x")
    assert mailbox.closing is Close.TOO_SLOW


def test_one_who_takes_all_answers_may_ask_for_ever(s: Subscription) -> None:
    mailbox = s.socket.mailbox
    mailbox.bound = 2**20
    for _ in range(100):
        mailbox.answer("x" * 2**16)
        mailbox.take()
    assert mailbox.closing is None


def test_subscribe_of_what_may_not_be_seen_is_answered_not_found() -> None:
    s = subscription()
    s.ask(waiting())
    s.ask(waiting("b"))
    s.end()
    assert s.socket.mailbox.take() == [NOT_FOUND + "}", NOT_FOUND + ',"ref":"b"}']
    assert len(s.socket.mailbox) == 0


def test_lost_object_is_deleted_once(s: Subscription) -> None:
    s.end()
    s.put(GONE)
    assert s.socket.mailbox.take() == [f'{{"type":"DELETE_DOCUMENT",{NAMED}}}']
    s.put(GONE)
    assert s.socket.mailbox.take() == []


def test_subscribe_repeated_while_it_is_lost_gets_both(s: Subscription) -> None:
    s.ask(waiting("again"))
    s.end()
    assert types(s.socket.mailbox) == ["ERROR", "DELETE_DOCUMENT"]
    assert not s.waiting


def test_closing_mailbox_sends_waiting_answers_and_no_state(s: Subscription) -> None:
    offer(s, frame(2, '"B"'))
    s.socket.mailbox.answer("answer")
    s.socket.mailbox.close(Close.FORBIDDEN)
    offer(s, frame(3, '"C"'))
    assert s.socket.mailbox.take() == ["answer"]
    assert len(s.socket.mailbox) == 0


def test_first_close_code_counts(s: Subscription) -> None:
    mailbox = s.socket.mailbox
    assert mailbox.closing is None
    mailbox.close(Close.CREDENTIALS)
    mailbox.close(Close.TOO_SLOW)
    assert mailbox.closing is Close.CREDENTIALS


def test_mailbox_that_finishes_sends_all_that_waits_and_takes_no_more(s: Subscription) -> None:
    mailbox = s.socket.mailbox
    s.put(frame(1))
    mailbox.finish(Close.GOING_AWAY)
    mailbox.finish(Close.TOO_SLOW)
    assert mailbox.closing is Close.GOING_AWAY
    assert len(mailbox.take()) == 1
    s.put(frame(2))
    assert not mailbox


def test_state_that_waits_while_the_mailbox_finishes_may_be_replaced(s: Subscription) -> None:
    """A process drained while a change came: the slow client's socket failed with 4500."""
    mailbox = s.socket.mailbox
    s.put(frame(2, '"B"'))
    mailbox.finish(Close.GOING_AWAY)
    s.put(frame(3, '"C"'))
    assert [f["payload"] for f in take_all(mailbox)] == ["C"]
    assert mailbox.held == 0


def test_state_that_is_replaced_before_it_is_sent_is_counted(s: Subscription) -> None:
    for version in (1, 2, 3):
        s.put(frame(version))
    assert s.socket.mailbox.conflated == 2
