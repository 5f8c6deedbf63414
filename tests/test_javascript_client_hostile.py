"""The JavaScript client where the server, the clock or the page misbehaves, in a real browser.

Sockets say what a test wants, and time passes when it is told to. `tests/realtime/client/
test_connection_hostile.py` does the same to the other client.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from supply import npm
from tests.browser import Browser, browser, needs_browser
from tests.conformance_clients import MODEL

STAGE = (Path(__file__).parent / "scripted_sockets.js").read_text()

pytestmark = [needs_browser, pytest.mark.programs]


@pytest.fixture(scope="module")
def page() -> Iterator[Browser]:
    with browser() as page:
        stage = STAGE[STAGE.index("async") :].strip().rstrip(";")
        page.run(f"({stage})({json.dumps(npm.core())}, {json.dumps(MODEL)})")
        yield page


def run(page: Browser, script: str) -> Any:
    """What the statements return."""
    return page.run(f"(async () => {{ {script} }})()")


@pytest.mark.parametrize(
    "text",
    ["", "no JSON", "null", '{"type":"WELCOME"}', f'{{"model":"{MODEL}","id":"a"}}'],
)
def test_server_that_says_what_is_no_frame_is_left_and_tried_again(
    page: Browser, text: str
) -> None:
    found = run(
        page,
        f"await live(); last().say({json.dumps(text)}); const was = [earshot.status.code, shown()];"
        "await pass(1); return [was, sockets(), thrown.length];",
    )
    assert found == [[4500, ["pending", "one"]], 2, 1]


def test_server_that_answers_nothing_is_left_within_a_heartbeat_and_a_second(page: Browser) -> None:
    found = run(
        page,
        "await live(); last().deaf = true; last().say(WELCOME); await pass(20);"
        "const was = earshot.status.state; await pass(1);"
        "return [was, statuses.filter(([state]) => state === 'waiting')];",
    )
    assert found == ["open", [["waiting", 1006, 0.25]]]


def test_storm_of_failures_is_met_with_growing_delays_until_it_is_over(page: Browser) -> None:
    delays = run(
        page,
        "await open(); for (let n = 0; n < 9; n += 1) { last().end(4500);"
        " await pass(earshot.status.delay); last().say(WELCOME); }"
        "await pass(11); last().end(4500);"
        "return statuses.filter(([state]) => state === 'waiting').map(([, , delay]) => delay);",
    )
    assert delays == [0.25, 0.5, 1, 2, 4, 8, 15, 15, 15, 0.25]


def test_fresh_credentials_may_take_as_long_as_somebody_types(page: Browser) -> None:
    """Other ones may not."""
    typing = "credentials: ({ renew }) => (asked.push(renew), renew"
    later = " ? new Promise((done) => { window.typed = done; }) : 'old')"
    found = run(
        page,
        f"await open({{ {typing}{later} }}); last().end(4401); await pass(500);"
        "const was = earshot.status.state; typed('fresh'); await pass();"
        "return [was, asked, last().ticket];",
    )
    assert found == ["connecting", [False, True], "fresh"]
    hanging = "credentials: () => new Promise(() => {})"
    assert run(page, f"begin({{ {hanging} }}); await pass(15); return statuses[1];") == [
        "waiting",
        1006,
        0.25,
    ]


@pytest.mark.parametrize("outcome", ["done('fresh')", "failed(new Error())"])
def test_renewal_that_races_a_close_ends_with_it(page: Browser, outcome: str) -> None:
    later = "new Promise((done, failed) => { window.settle = () => OUTCOME; })"
    credentials = f"({{ renew }}) => (asked.push(renew), renew ? {later} : 'old')"
    found = run(
        page,
        f"await live({{ credentials: {credentials.replace('OUTCOME', outcome)} }},"
        " { expires: ends(100) }); await pass(95); const before = [...asked];"
        "ENDING settle(); await pass(100);"
        "return [before, asked.slice(2), sent().filter(([action]) => action === 'renew')];".replace(
            "ENDING", "earshot.close();"
        ),
    )
    assert found == [[False, True], [], []]
    found = run(
        page,
        f"await live({{ credentials: {credentials.replace('OUTCOME', outcome)} }},"
        " { expires: ends(100) }); await pass(95); last().end(4500); await pass(1);"
        "last().say(WELCOME); settle(); await pass(100);"
        "return [asked, sent().filter(([action]) => action === 'renew')];",
    )
    assert found == [[False, True, False], []]


def test_clock_that_jumps_neither_hurries_nor_forgets_a_renewal(page: Browser) -> None:
    """When to renew is counted from WELCOME; a clock that is far ahead is told by 4401."""
    jump = "date += %d; await pass(%d); return asked;"
    for milliseconds in (-(10**8), 10**8):
        begun = "await live({}, { expires: ends(100) });"
        assert run(page, begun + jump % (milliseconds, 89)) == [False]
        assert run(page, "await pass(2); return [asked, sent().at(-1)[0]];") == [
            [False, True],
            "renew",
        ]
    script = "await live({}, { expires: ends(-100) }); await pass(50); return asked;"
    assert run(page, script) == [False]


def test_listener_that_closes_the_client_when_it_is_cut_off_has_closed_it(page: Browser) -> None:
    found = run(
        page,
        "await live(); copy.subscribe(({ state }) => state === 'pending' && earshot.close());"
        "await pass(); last().end(4500); await pass(60); return [statuses.at(-1)[0], sockets()];",
    )
    assert found == ["closed", 1]
    found = run(
        page,
        "await live(); let again; copy.subscribe(({ state }) => {"
        "  if (state !== 'pending' || again) return;"
        "  again = true; earshot.close(); earshot.connect(); });"
        "await pass(); last().end(4500); await pass(); last().say(WELCOME); await pass(9);"
        "return [earshot.status.state, sockets()];",
    )
    assert found == ["open", 2]


def test_views_that_come_and_go_at_once_cost_one_subscription(page: Browser) -> None:
    found = run(
        page,
        "await open(); const it = earshot.object(MODEL, 'a');"
        "for (let n = 0; n < 50; n += 1) it.subscribe(() => {})();"
        "const stop = it.subscribe(() => {}); await pass(); const first = sent(); stop();"
        "await pass(); const again = it.subscribe(() => {}); again(); await pass();"
        "return [first, sent()];",
    )
    assert found[0] == [["subscribe", "a"]]
    assert found[1] == [[each, "a"] for each in ("subscribe", "unsubscribe") * 2]


def test_frames_after_the_end_and_in_another_order_change_nothing(page: Browser) -> None:
    found = run(
        page,
        "await live(); last().say(state('two')); stop(); await pass(); last().say(state('three'));"
        "const ended = shown(); stop = copy.subscribe(() => {}); await pass();"
        "const about = { model: MODEL, id: 'a' };"
        "last().say({ type: 'ERROR', code: 'not_found', detail: '', ...about, ref: 1 });"
        "last().say({ type: 'UNSUBSCRIBED', ...about, ref: 2 });"
        "last().say(state('four', { type: 'SUBSCRIBED', ref: 3 })); await pass();"
        "return [ended, shown()];",
    )
    assert found == [["pending", None], ["live", "four"]]


@pytest.mark.parametrize(
    ("status", "code"), [(409, "conflict"), (412, "precondition_failed"), (503, "unavailable")]
)
def test_write_that_is_refused_is_taken_back_and_says_where_to_read_on(
    page: Browser, status: int, code: str
) -> None:
    found = run(
        page,
        "await live(); let answer;"
        "const sending = new Promise((done) => { answer = done; });"
        "const writing = copy.write({ title: 'mine' }, () => sending)"
        "  .catch(({ status, help, message }) => [status, help, message]);"
        "await pass(); const draft = shown();"
        f"answer(Response.json({{ code: '{code}', detail: 'Why.' }}, {{ status: {status} }}));"
        "const error = await writing; return [draft, error, shown()];",
    )
    assert found == [
        ["live", "mine"],
        [status, f"/api/docs/errors/{code}/", "Why."],
        ["live", "one"],
    ]


@pytest.mark.parametrize(
    "answer",
    [
        "Response.json({ title: ['This field is required.'] }, { status: 400 })",
        "new Response('<h1>Bad gateway</h1>', { status: 502 })",
        "Promise.reject(new TypeError('Failed to fetch'))",
        "(() => { throw new Error('No.'); })()",
    ],
)
def test_write_that_fails_otherwise_is_taken_back_too(page: Browser, answer: str) -> None:
    found = run(
        page,
        f"await live(); const error = await copy.write({{ title: 'mine' }}, () => {answer})"
        ".catch(({ help }) => [help ?? null]); return [error, shown()];",
    )
    assert found == [[None], ["live", "one"]]


@pytest.mark.parametrize(
    ("headers", "shown"),
    [
        ("{ ETag: '\"two\"', 'X-Audience': 'viewer' }", "mine"),
        ("{ ETag: 'W/\"two\"', 'X-Audience': 'viewer' }", "mine"),  # as proxies that compress say
        ("{}", "one"),
    ],
)
def test_answer_to_a_write_is_taken_where_it_says_which_copy_it_is(
    page: Browser, headers: str, shown: str
) -> None:
    answer = f"Response.json({{ title: 'mine' }}, {{ headers: {headers} }})"
    found = run(
        page,
        f"await live(); await copy.write({{ title: 'mine' }}, async () => {answer});"
        "const mine = shown(); last().say(state('two')); await pass();"
        "return [mine, shown(), last().sent.filter(({ etag }) => etag).map(({ etag }) => etag)];",
    )
    told = ["live", "mine"] if shown == "mine" else ["live", "two"]
    assert found == [["live", shown], told, ["two"] if shown == "mine" else []]


def test_refusals_say_where_to_read_on(page: Browser) -> None:
    found = run(
        page,
        "await open();"
        "const one = earshot.object(MODEL, 'a'), all = earshot.collection(MODEL);"
        "one.subscribe(() => {}); all.subscribe(() => {});"
        "const why = { type: 'ERROR', code: 'invalid', detail: '', model: MODEL };"
        "last().say({ ...why, id: 'a', ref: 1 }, { ...why, window: 'w2', ref: 2 });"
        "return [one, all].map(({ value }) => value.error.help);",
    )
    assert found == ["/api/docs/errors/invalid/"] * 2
