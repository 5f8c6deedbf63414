"""A channel layer that loses every notice of an access change: what is left is the fence."""

from __future__ import annotations

from typing import Any

from channels_redis.pubsub import RedisPubSubChannelLayer


class NoticeDroppingLayer(RedisPubSubChannelLayer):
    """Sends everything but `hub.notice`."""

    async def group_send(self, group: str, message: dict[str, Any]) -> None:
        """Send to a group, unless it is a notice."""
        if message["type"] != "hub.notice":
            await self.__getattr__("group_send")(group, message)  # which it has only by that
