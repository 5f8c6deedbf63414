"""The broker probe: a message through the hub's own channel tells whether the broker is there.

The pub/sub layer subscribes again by itself after an outage, but the messages sent meanwhile are
lost, and it tells nobody (channels_redis#406). With several hosts, the probe watches the one that
has the channel.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from realtime.failures import broker
from realtime.metrics import BROKER_UP
from realtime.publishing.layer_messages import Layer

logger = logging.getLogger(__name__)


class BrokerProbe:
    """Sends probes to the hub's channel; `up` is whether the last one came back in time."""

    def __init__(self, layer: Layer, timeout: float) -> None:
        self.up = True
        self._layer = layer
        self._timeout = timeout
        self._number = 0
        self._heard = asyncio.Event()

    async def run(
        self,
        channel: Callable[[], str | None],
        on_return: Callable[[], Awaitable[None]],
        seconds: float,
    ) -> None:
        """Probe for ever, with pauses of so many seconds; call `on_return` when the broker is back
        after a missed probe."""
        while True:
            before, self.up = self.up, await self.probe(channel())
            BROKER_UP.set(self.up)
            if before and not self.up:
                logger.error("The broker is not responding; the tail delivers changes meanwhile.")
            elif self.up and not before:
                logger.warning("The broker is back; rejoining all groups.")
                broker.over()
                await on_return()
            await asyncio.sleep(seconds)

    async def probe(self, channel: str | None) -> bool:
        """Send a probe and return whether it came back in time; without a channel, it did not."""
        if channel is None:
            return False
        self._number += 1
        self._heard.clear()
        try:
            async with asyncio.timeout(self._timeout):
                await self._layer.send(channel, {"type": "hub.probe", "number": self._number})
                await self._heard.wait()
        except Exception as error:  # redis, sockets and layers raise what they like
            logger.debug("A probe did not come back (%s).", type(error).__name__)
            return False
        return True

    def heard(self, number: int) -> None:
        """Note that a probe came back; a late one, which is older than the last, does not count."""
        if number == self._number:
            self._heard.set()
