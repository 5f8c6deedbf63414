"""The hub's one channel: what the broker has for this process, message by message."""

from __future__ import annotations

import asyncio
import logging

from realtime.failures import log_failure
from realtime.hub.group_membership import GroupMemberships
from realtime.metrics import UNREADABLE
from realtime.publishing.layer_messages import Layer, Message
from tenants import optional

logger = logging.getLogger(__name__)
unreadable = logging.getLogger(f"{__name__}.unreadable")

OF_OTHER_KEYS = (
    *optional.errors("cryptography.fernet", "InvalidToken"),
    *optional.errors("msgpack", "ExtraData"),
)
"""What the layer raises of a message encrypted with other keys, and without keys of any."""


class Channel:
    """Opens the channel by which `groups` are joined, and receives on it."""

    def __init__(self, layer: Layer, groups: GroupMemberships, timeout: float) -> None:
        self._layer = layer
        self._groups = groups
        self._timeout = timeout

    async def open(self) -> None:
        """Open the channel; without a broker the hub lives by the tail, and tries again."""
        try:
            async with asyncio.timeout(self._timeout):
                self._groups.channel = await self._layer.new_channel()
        except Exception as error:
            log_failure(logger, "The broker assigned no channel", error)

    async def next(self) -> Message | None:
        """Return the next message; None if it is unreadable, or after a pause without a broker."""
        try:
            if self._groups.channel is not None:
                return await self._layer.receive(self._groups.channel)
            await self.open()
        except OF_OTHER_KEYS:
            UNREADABLE.inc()
            unreadable.error(
                "A message of the broker cannot be decrypted: are the EARSHOT_BROKER_KEYS of all "
                "processes alike? The tail delivers changes meanwhile."
            )
            await asyncio.sleep(0)  # the next message may be readable, but others want to run too
            return None
        except Exception as error:  # redis, sockets and layers raise what they like
            log_failure(logger, "Receiving from the broker failed", error)
        await asyncio.sleep(self._timeout)
        return None
