"""The log: one line a record, as text or JSON, and no secret in it."""

from __future__ import annotations

import json
import logging
import sys

import pytest
from daphne.access import AccessLogGenerator

from project.logs import Formatter, Seldom, redact, request_id, take_over_daphne

SECRET = "Jx7kQ2mVb9TnRw4e"


def record(message: str, *args: object, **more: object) -> logging.LogRecord:
    made = logging.LogRecord("some.logger", logging.INFO, __file__, 1, message, args, None)
    vars(made).update(more)
    return made


@pytest.mark.parametrize(
    "text",
    [
        f'127.0.0.1:5 - "WebSocket /ws/?ticket={SECRET}" [accepted]',
        f"/ws/?tenant=acme&ticket={SECRET}",
        f"/ws/?tenant=acme;ticket={SECRET}",
        f"/ws/?t%69cket={SECRET}",
        f"/ws/?TICKET={SECRET}&x=1",
        f"/ws/?%2574icket={SECRET}",
        f"GET /x/?token={SECRET} HTTP/1.1",
        f"Authorization: Token {SECRET}",
        f"authorization=Bearer {SECRET}",
        f"{{'Authorization': 'Token {SECRET}'}}",
        f"[(b'authorization', b'Token {SECRET}'), (b'host', b'x')]",
        f"Cookie: csrftoken=a; sessionid={SECRET}",
        f"(b'cookie', b'sessionid={SECRET}; a=b')",
        f"sessionid={SECRET}",
        f'{{"ticket": "{SECRET}"}}',
        f"ticket: {SECRET}",
        f"a Token {SECRET} was sent",
        f"redis://:{SECRET}@broker:6379/0",
        f"postgres://me:{SECRET}@db/earshot",
        f"https://app.example/password/#BkjJaH5n/{SECRET}",
    ],
)
def test_secrets_are_taken_out_of_a_line(text: str) -> None:
    assert SECRET in text
    found = redact(text)
    assert SECRET not in found
    assert "***" in found


@pytest.mark.parametrize(
    "text",
    [
        "GET /api/documents/?page=2&page_size=10 200",
        "A ticket is good once; tokens are not.",
        "The cookie, and what it is for",
        "Listening on TCP address 127.0.0.1:8000",
        "somebody@example.com was told",
    ],
)
def test_what_is_no_secret_stays(text: str) -> None:
    assert redact(text) == text


def test_record_is_one_line_with_time_level_and_what_it_belongs_to() -> None:
    line = Formatter(as_json=False).format(record("first\nsecond\r\n\x1b[2J", connection="c1"))
    assert line.count("\n") == 0
    time, level, logger, rest = line.split(" ", 3)
    assert time.endswith("Z")
    assert (level, logger) == ("INFO", "some.logger")
    assert rest == "[c1]: first | second | \\x1b[2J"


def test_traceback_is_in_the_line_too() -> None:
    try:
        raise ValueError(f"ticket={SECRET}\nand more")
    except ValueError:
        info = sys.exc_info()
    plain = Formatter(as_json=False).format(record("It failed", exc_info=info))
    shown = json.loads(Formatter(as_json=True).format(record("It failed", exc_info=info)))
    for text in (plain, shown["error"]):
        assert "\n" not in text
        assert SECRET not in text
        assert "ValueError" in text
    assert shown["message"] == "It failed"


def test_json_has_a_field_for_each_part() -> None:
    token = request_id.set("r1")
    try:
        shown = json.loads(Formatter(as_json=True).format(record("%s", "said", connection="c1")))
    finally:
        request_id.reset(token)
    assert shown.pop("time")
    assert shown == {
        "level": "INFO", "logger": "some.logger", "message": "said",
        "request": "r1", "connection": "c1",
    }  # fmt: skip


@pytest.mark.parametrize(("form", "as_json"), [("json", True), ("", False), ("JSON", True)])
def test_process_without_settings_reads_the_form_itself(
    monkeypatch: pytest.MonkeyPatch, form: str, as_json: bool
) -> None:
    monkeypatch.setenv("EARSHOT_LOG", form)
    assert Formatter().as_json is as_json


def test_library_says_the_same_thing_once_a_minute() -> None:
    seldom = Seldom()
    said = [record("error connecting in %r: %s", "pool", number) for number in range(3)]
    for number, one in enumerate(said):
        one.created = 1000.0 + number
    assert [seldom.filter(one) for one in said] == [True, False, False]
    assert seldom.filter(record("something else"))
    said[2].created += 60
    assert seldom.filter(said[2])


def test_daphne_tells_of_sockets_as_all_others_do(
    caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    take_over_daphne()
    caplog.set_level(logging.INFO)
    log = AccessLogGenerator(sys.stdout)
    details = {"client": "127.0.0.1:5", "path": "/ws/?ticket=abc", "method": "GET"}
    log("websocket", "connected", details)
    log("http", "complete", details | {"status": 200, "size": 5})
    [record] = caplog.records
    assert record.getMessage() == '127.0.0.1:5 "WSCONNECT /ws/?ticket=abc"'
    assert capsys.readouterr().out == ""


def test_server_without_daphne_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "daphne.access")
    take_over_daphne()
