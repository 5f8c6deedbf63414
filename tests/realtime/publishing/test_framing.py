"""One frame of what was rendered, for all who get it."""

import weakref

import pytest

from permissions.audiences import Audience
from realtime.publishing import framing
from resources.documents.audiences import DOCUMENTS
from tests.realtime.pieces import frame

ALL = ("id", "title", "body", "status", "owner_name", "updated_at")


def viewer() -> Audience:
    audience = DOCUMENTS.audience("viewer")
    assert audience is not None
    return audience


@pytest.mark.parametrize(
    ("fields", "changed"),
    [
        (["status", "title"], ("title", "status")),
        (["title", "budget"], ("title",)),
        (["budget"], ALL),
        ([], ALL),
        (None, ALL),
    ],
    ids=["payload's order", "only this payload's", "conflated", "nothing", "any"],
)
def test_frame_names_changed_fields_of_its_payload(
    fields: list[str] | None, changed: tuple[str, ...]
) -> None:
    assert viewer().fields == ALL
    assert framing.make(DOCUMENTS, frame().seen, fields).changed == changed


def test_frames_of_the_same_bytes_are_one_while_somebody_holds_it() -> None:
    first = framing.shared(frame(body='{"title":"T"}'))
    assert framing.shared(frame(body='{"title":"T"}', revision=7)) is first
    assert framing.shared(frame(body='{"title":"U"}')) is not first
    assert framing.shared(frame(version=2, body='{"title":"T"}')) is not first
    assert framing.shared(frame(audience="editor", body='{"title":"T"}')) is not first


def test_frame_that_nobody_holds_is_gone() -> None:
    held = framing.shared(frame(body='{"title":"gone"}'))
    kept, digest = weakref.ref(held), held.digest
    assert framing.shared(frame(body='{"title":"gone"}')) is held
    del held
    assert kept() is None
    assert digest == (1, "viewer", 'viewer:{"title":"gone"}', 16)
