"""A delivered frame against what REST answers: each thing that differs is named, without values."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from permissions.representation import ObjectKey, Representation
from realtime.state.comparing import Sent, differences, shown_against
from realtime.state.messages import entered, in_window, subscribed, updated
from tests.realtime.pieces import ID, MODEL, frame

BODY = '{"id":"x","title":"A"}'
SEEN = frame(3, BODY).seen
TEXT = updated(MODEL, ID, "viewer", SEEN.etag, ["title"], BODY.encode())


def sent(text: str = TEXT, **more: Any) -> Sent:
    values = {"tenant_id": 1, "pair": (1, SEEN.key), "id": ID, "seen": SEEN, **more}
    return Sent(connection="c", text=text, **values)


def test_equal_frame_has_no_differences() -> None:
    assert differences(sent(), 0, SEEN) == ()
    answer = subscribed(MODEL, ID, "viewer", SEEN.etag, None, "ref")
    assert differences(sent(answer), 7, SEEN) == ()
    first = entered(MODEL, ID, "viewer", SEEN.etag, BODY.encode())
    assert differences(sent(in_window(first, "w", None)), 7, SEEN) == ()


@pytest.mark.parametrize(
    ("body", "names"),
    [
        ('{"id":"x","title":"B"}', ("payload.title",)),
        ('{"id":"x","title":"A","budget":1}', ("payload.budget",)),
        ('{"id":"x"}', ("payload.title",)),
        ('{"title":"A","id":"x"}', ("payload",)),
    ],
)
def test_field_that_differs_is_named(body: str, names: tuple[str, ...]) -> None:
    assert differences(sent(TEXT.replace(BODY, body)), 0, SEEN) == names


@pytest.mark.parametrize(
    ("old", "new", "name"),
    [
        (f'"{ID}"', '"other"', "id"),
        (MODEL, "resources.profile", "model"),
        ('"audience":"viewer"', '"audience":"owner"', "audience"),
        (SEEN.etag.replace('"', '\\"'), "stale", "etag"),
        ('["title"]', '["title","budget"]', "changed"),
        ('"changed":', '"before":1,"changed":', "before"),
    ],
)
def test_rest_of_the_frame_counts_too(old: str, new: str, name: str) -> None:
    assert old in TEXT
    assert differences(sent(TEXT.replace(old, new)), 0, SEEN) == (name,)


@pytest.mark.parametrize(
    "now",
    [
        replace(SEEN, version=4),
        replace(SEEN, schema="of another release"),
        replace(SEEN, body=None),
    ],
)
def test_what_has_moved_is_not_comparable(now: Representation) -> None:
    assert differences(sent(), 0, now) is None


@pytest.mark.parametrize("now", [None, replace(SEEN, audience="owner", version=9)])
def test_another_audience_differs_while_access_has_not_changed(now: Representation | None) -> None:
    assert differences(sent(), 0, now) == ("audience",)
    assert differences(sent(), 1, now) is None


def test_frame_of_another_tenant_or_object_differs_whatever_has_changed() -> None:
    assert differences(sent(tenant_id=2), 9, None) == ("the object",)
    assert differences(sent(pair=(1, ObjectKey(MODEL, 2))), 9, SEEN) == ("the object",)


def test_what_must_never_be_shown_is_named() -> None:
    assert shown_against(sent(), {"title", "budget"}) == ("never title",)
    assert shown_against(sent(subscribed(MODEL, ID, "viewer", "", None, 1)), {"title"}) == ()
