"""What goes out of one socket: its mailbox's texts in their order, and at last a close code.

What the server takes at once is sent at once, by whoever puts it into the mailbox: waking a task
costs as much as sending. Only what has to wait is left to a task.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from realtime.failures import log_failure
from realtime.metrics import CLOSES
from realtime.state.codes import Close
from realtime.state.mailbox import Mailbox
from realtime.state.sockets import Socket
from realtime.transport.transport import Transport

logger = logging.getLogger(__name__)


class Sender:
    """Empties the mailbox of one connection; calls `gone` when it has sent a close code."""

    __slots__ = ("_at_once", "_busy", "_cut_seconds", "_gone", "_last", "_name", "_sending",
                 "_socket", "_task", "_texts", "_transport", "mailbox")  # fmt: skip

    def __init__(
        self,
        name: str,
        transport: Transport,
        cut_seconds: float,
        gone: Callable[[], object],
    ) -> None:
        self.mailbox = Mailbox(self._wake)
        self._name = name
        self._transport = transport
        self._cut_seconds = cut_seconds
        self._gone = gone
        self._socket: Socket | None = None
        self._at_once = False
        self._texts: list[str] = []
        self._sending = 0
        self._last = 0
        self._task: asyncio.Task[None] | None = None
        self._busy = False

    def serve(self, socket: Socket) -> None:
        """Send for this socket from now on; before, only a close code can be sent."""
        self._socket = socket
        self._at_once = True
        self.mailbox.bound = socket.limits["socket_bytes"]
        self.mailbox.under_way = lambda: max(0, self.buffered() - self._last)
        self.mailbox.send_now = self._send_now

    def _wake(self) -> None:
        """Send what waits, unless somebody is already sending, who then sends this too."""
        if self._busy:
            return
        if self._at_once:
            self._send_at_once()
        if not self._busy and (self._texts or self.mailbox or self.mailbox.closing is not None):
            self._busy = True
            self._task = asyncio.get_running_loop().create_task(self._write())

    def _next(self) -> str | None:
        """Return the next text, which from now on counts as sent; None if nothing waits."""
        while not self._texts and self.mailbox:
            self._texts = self.mailbox.take()
        return self._texts.pop(0) if self._texts else None

    def _send_now(self, text: str) -> bool:
        """Send a text that waits for nothing; return False if the server does not take it now."""
        socket, transport = self._socket, self._transport
        if self._busy or socket is None or self._texts or not self._at_once or not transport.ready:
            return False
        self._busy = True
        try:
            transport.write_now(text)
            self._last = socket.sent(text)
        except OSError:
            return True  # the client went; the server's disconnect follows
        except Exception as error:
            self._failed(error)
            return True
        self._busy = False
        return True

    def _send_at_once(self) -> None:
        assert self._socket is not None  # it is served
        transport = self._transport
        self._busy = True  # what is taken may put more, which comes after it
        write, sent = transport.write_now, self._socket.sent
        try:
            while (self._texts or self.mailbox) and transport.ready:
                if (text := self._next()) is not None:
                    write(text)
                    self._last = sent(text)
        except OSError:
            return  # the client went; the server's disconnect follows
        except Exception as error:
            self._failed(error)
            return
        self._busy = False

    def _failed(self, error: Exception) -> None:
        """Close the socket by its ordinary `send`: the server's protocol raises what it likes."""
        log_failure(
            logger, f"Socket {self._name} could not be sent to", error, connection=self._name
        )
        self._at_once = False
        self._busy = False
        self.mailbox.close(Close.SERVER_ERROR)

    async def _write(self) -> None:
        """Send what waits, and the close code if there is one."""
        try:
            while (text := self._next()) is not None:
                await self._send_text(text)
            if self.mailbox.closing is None:
                self._busy = False
                return
            await self._close(self.mailbox.closing)
            self._gone()
        except OSError:
            pass  # the client went; the server's disconnect follows
        except Exception as error:
            log_failure(
                logger, f"Sending to socket {self._name} failed", error, connection=self._name
            )
            await self._close(Close.SERVER_ERROR)

    async def _send_text(self, text: str) -> None:
        assert self._socket is not None  # a refused one has no answers
        self._socket.sending_since = asyncio.get_running_loop().time()
        self._last = self._sending = self._socket.sent(text)
        await self._transport.write(text)
        self._sending = 0
        self._socket.sending_since = None

    async def fail(self) -> None:
        """Send nothing more, except that the server failed."""
        self.cancel()
        await self._close(Close.SERVER_ERROR)

    def cut(self) -> None:
        """End a socket that takes nothing: a send hangs, and a close would too."""
        self.cancel()
        self.mailbox.close(Close.TOO_SLOW)
        self._task = asyncio.get_running_loop().create_task(self._cut_off())

    async def _cut_off(self) -> None:
        self._gone()
        await self._close(Close.TOO_SLOW)

    def leave(self, seconds: float) -> None:
        """Send nothing more; cut off what the server still holds after so long.

        A closed transport waits for its buffer, which a client that is gone never takes.
        """
        self.cancel()
        if self._transport.buffered():
            asyncio.get_running_loop().call_later(seconds, self._transport.abort)

    def cancel(self) -> None:
        """Send nothing more."""
        self._busy = True
        if self._task is not None:
            self._task.cancel()

    async def _close(self, code: Close) -> None:
        """Send a close frame, if possible; the server's disconnect ends the consumer."""
        CLOSES.labels(int(code)).inc()
        try:
            async with asyncio.timeout(self._cut_seconds):
                await self._transport.close(code)
        except TimeoutError:
            self._transport.abort()
        except Exception as error:  # servers differ in what they raise when the client went first
            logger.debug("Socket %s was already gone (%s).", self._name, type(error).__name__)

    def buffered(self) -> int:
        """Return how many bytes wait because the client does not take them: here, and in the
        server, if it says."""
        return self._sending + sum(map(len, self._texts)) + self._transport.buffered()
