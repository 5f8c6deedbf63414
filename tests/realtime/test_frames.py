"""What goes to one audience, made once."""

import weakref

import pytest
from channels.layers import get_channel_layer

from permissions.audiences import Audience
from realtime import frames
from resources.documents.audiences import DOCUMENTS
from resources.models import Document
from tenants import opaque
from tests.realtime.pieces import frame

ALL = ("id", "title", "body", "status", "owner_name", "updated_at")


def viewer() -> Audience:
    audience = DOCUMENTS.audience("viewer")
    assert audience is not None
    return audience


def test_frame_names_object_as_clients_do() -> None:
    f = frame(version=3)
    assert f.id == opaque.encode(Document, 1)
    assert (f.ref, f.version) == (f.seen.ref, 3)


def test_update_text_is_made_once() -> None:
    f = frame(body='{"title":"T"}')
    assert f.update_text == (
        f'{{"type":"UPDATE_DOCUMENT","model":"resources.document","id":"{f.id}",'
        '"audience":"viewer","etag":"viewer:{\\"title\\":\\"T\\"}","changed":["title"],'
        '"payload":{"title":"T"}}'
    )
    assert f.update_text is f.update_text


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
    assert frames.make(DOCUMENTS, frame().seen, fields).changed == changed


async def test_frame_arrives_through_the_channel_layer_as_it_was() -> None:
    """Serializers of layers may turn bytes or tuples into something else."""
    layer = get_channel_layer()
    channel = await layer.new_channel()
    sent = frame(version=2**40, body='{"title":"é"}', revision=7)
    await layer.group_add("earshot.test", channel)
    try:
        await layer.group_send("earshot.test", frames.to_layer(sent))
        message = await layer.receive(channel)
    finally:
        await layer.group_discard("earshot.test", channel)
    assert message["type"] == "hub.frame"
    received = frames.from_layer(message)
    assert received == sent
    assert received.update_text == sent.update_text


def test_frames_of_the_same_bytes_are_one_while_somebody_holds_it() -> None:
    first = frames.shared(frame(body='{"title":"T"}'))
    assert frames.shared(frame(body='{"title":"T"}', revision=7)) is first
    assert frames.shared(frame(body='{"title":"U"}')) is not first
    assert frames.shared(frame(version=2, body='{"title":"T"}')) is not first
    assert frames.shared(frame(audience="editor", body='{"title":"T"}')) is not first


def test_frame_that_nobody_holds_is_gone() -> None:
    held = frames.shared(frame(body='{"title":"gone"}'))
    kept, digest = weakref.ref(held), held.digest
    assert frames.shared(frame(body='{"title":"gone"}')) is held
    del held
    assert kept() is None
    assert digest == (1, "viewer", 'viewer:{"title":"gone"}', 16)


async def test_frame_of_the_broker_keeps_its_own_revision_and_is_shared_with_reads() -> None:
    read = frames.shared(frame(body='{"title":"both"}'))
    came = frames.from_layer(frames.to_layer(frame(body='{"title":"both"}', revision=9)))
    assert (read.seen.revision, came.seen.revision) == (0, 9)
    del read
    came = frames.from_layer(frames.to_layer(frame(body='{"title":"both"}', revision=9)))
    assert frames.shared(frame(body='{"title":"both"}', revision=10)) is came
