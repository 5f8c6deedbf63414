"""The exact bytes of every frame that the server sends."""

import json

import pytest

from realtime.state import messages
from realtime.state.codes import Error
from realtime.state.messages import Reference

BODY = b'{"id":"abc","title":"\xc3\xa9"}'


def test_welcome_says_who_and_how_long_and_how_much() -> None:
    text = messages.welcome(
        tenant="acme",
        user="u1",
        connection="c1",
        expires="2030-01-01T00:00:00Z",
        heartbeat=20,
        limits={"frames_burst": 1000},
        retry={"min": 1.0, "max": 15.0},
    )
    assert text == (
        '{"type":"WELCOME","protocol":1,"tenant":"acme","user":"u1","connection":"c1",'
        '"expires":"2030-01-01T00:00:00Z","heartbeat":20,"limits":{"frames_burst":1000},'
        '"retry":{"min":1.0,"max":15.0}}'
    )


def test_subscribed_carries_the_payload_as_it_is() -> None:
    assert messages.subscribed("resources.document", "abc", "viewer", "e1", BODY, None) == (
        '{"type":"SUBSCRIBED","model":"resources.document","id":"abc","audience":"viewer",'
        '"etag":"e1","payload":{"id":"abc","title":"é"}}'
    )


def test_subscribed_to_what_the_client_holds_has_no_payload() -> None:
    assert messages.subscribed("resources.document", "abc", "viewer", "e1", None, 7) == (
        '{"type":"SUBSCRIBED","model":"resources.document","id":"abc","audience":"viewer",'
        '"etag":"e1","ref":7}'
    )


@pytest.mark.parametrize(
    ("model", "suffix"), [("resources.document", "DOCUMENT"), ("app.time_sheet", "TIME_SHEET")]
)
def test_update_and_delete_are_named_after_the_model(model: str, suffix: str) -> None:
    assert messages.updated(model, "abc", "viewer", "e1", ("title",), BODY) == (
        f'{{"type":"UPDATE_{suffix}","model":"{model}","id":"abc","audience":"viewer",'
        '"etag":"e1","changed":["title"],"payload":{"id":"abc","title":"é"}}'
    )
    assert messages.deleted(model, "abc") == (
        f'{{"type":"DELETE_{suffix}","model":"{model}","id":"abc"}}'
    )


def test_audience_changed_brings_the_whole_object() -> None:
    assert messages.audience_changed("resources.document", "abc", "owner", "e2", BODY) == (
        '{"type":"AUDIENCE_CHANGED","model":"resources.document","id":"abc","audience":"owner",'
        '"etag":"e2","payload":{"id":"abc","title":"é"}}'
    )


@pytest.mark.parametrize(
    ("ref", "echo"),
    [(None, ""), ("", ',"ref":""'), (0, ',"ref":0'), ('"', ',"ref":"\\""'), (2**53, None)],
)
def test_answers_echo_the_ref(ref: Reference | None, echo: str | None) -> None:
    echo = f',"ref":{ref}' if echo is None else echo
    assert messages.pong(ref) == f'{{"type":"PONG"{echo}}}'
    assert messages.unsubscribed("resources.document", "abc", ref) == (
        f'{{"type":"UNSUBSCRIBED","model":"resources.document","id":"abc"{echo}}}'
    )


@pytest.mark.parametrize("code", Error)
def test_every_error_says_what_to_do(code: Error) -> None:
    frame = json.loads(messages.error(code))
    assert frame == {"type": "ERROR", "code": code.value, "detail": messages.DETAILS[code]}


def test_error_names_its_object_and_ref() -> None:
    text = messages.error(Error.NOT_FOUND, 1, detail="No.", model="resources.document", id="")
    assert text == (
        '{"type":"ERROR","code":"not_found","detail":"No.","model":"resources.document","id":"",'
        '"ref":1}'
    )
