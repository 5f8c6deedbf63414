"""Frames through the channel layer, and back."""

from channels.layers import get_channel_layer

from realtime.publishing import framing, layer_messages
from tests.realtime.pieces import frame


async def test_frame_arrives_through_the_channel_layer_as_it_was() -> None:
    """Serializers of layers may turn bytes or tuples into something else."""
    layer = get_channel_layer()
    channel = await layer.new_channel()
    sent = frame(version=2**40, body='{"title":"é"}', revision=7)
    await layer.group_add("earshot.test", channel)
    try:
        await layer.group_send("earshot.test", layer_messages.to_layer(sent))
        message = await layer.receive(channel)
    finally:
        await layer.group_discard("earshot.test", channel)
    assert message["type"] == "hub.frame"
    received = layer_messages.from_layer(message)
    assert received == sent
    assert received.update_text("id") == sent.update_text("id")


async def test_frame_of_the_broker_keeps_its_own_revision_and_is_shared_with_reads() -> None:
    read = framing.shared(frame(body='{"title":"both"}'))
    came = layer_messages.from_layer(
        layer_messages.to_layer(frame(body='{"title":"both"}', revision=9))
    )
    assert (read.seen.revision, came.seen.revision) == (0, 9)
    del read
    came = layer_messages.from_layer(
        layer_messages.to_layer(frame(body='{"title":"both"}', revision=9))
    )
    assert framing.shared(frame(body='{"title":"both"}', revision=10)) is came
