"""The sockets of random histories: each holds all that comes against the reference."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

from rest_framework.test import APIClient

from tests.client import SocketClient
from tests.reference import DOCUMENT, PROFILE, Reference, Violation
from tests.reference_lists import List, ListReader, listed

PATHS = {DOCUMENT: "documents", PROFILE: "profiles"}


class Guest:
    """A socket of a user, its token, and what the reference says of it."""

    def __init__(self, reference: Reference, tenant: str, user: str, token: Any, text: str) -> None:
        self.user = user
        self.tenant = tenant
        self.token = token
        self.client = SocketClient(text, tenant)
        self.reader = ListReader(reference, user)
        self.mailbox: Any = None
        self.wake: Callable[[], None] | None = None

    def take(self) -> None:
        """Hold everything that has come against the reference."""
        queue = self.client.communicator.output_queue
        while not queue.empty():
            event = queue.get_nowait()
            if event["type"] == "websocket.close":
                self.reader.close(event["code"])
            else:
                self.reader.receive(json.loads(event["text"]))

    def closes(self) -> bool:
        """Take what has come; whether the close was among it."""
        self.take()
        return bool(self.reader.closed)

    def get(self, path: str, **query: Any) -> Any:
        """What REST answers to the owner of this socket."""
        rest = APIClient()
        rest.credentials(HTTP_AUTHORIZATION=f"Token {self.client.token}", HTTP_X_TENANT=self.tenant)
        return rest.get(f"/api/{path}/", query)

    def page(self, window: List, limit: int = 100) -> dict[str, Any]:
        """The beginning of the list GET of what a window shows."""
        query = {"status": window.where, "after": window.cursor}
        asked = {name: value for name, value in query.items() if value}
        found: dict[str, Any] = self.get(PATHS[window.model], limit=limit, **asked).json()
        return found

    def verify(self) -> None:
        """Everything asked is answered, and every copy and window is what REST answers."""
        reader = self.reader
        if reader.must_close or reader.unanswered:
            raise Violation(f"{self.user} is not closed, or waits for {reader.unanswered}")
        for key, copy in reader.copies.items():
            answer = self.get(f"{PATHS[key[0]]}/{key[1]}")
            now = (answer["X-Audience"], answer.json()) if answer.status_code == 200 else None
            if not copy == now == reader.view(key):
                raise Violation(f"{self.user} holds {copy}; REST: {now}")
        reader.verify_current()
        self.verify_lists()

    def verify_lists(self) -> None:
        """The list GET answers what the reference has, wherever that has moved since it was asked
        last: every window was held against the reference."""
        for window in self.reader.lists.values():
            expected = listed(self.reader.reference, self.user, window)
            if expected != window.listed:
                found = self.page(window)
                shown = [row["audience"] for row in found["rows"]]
                if list(zip(shown, found["results"], strict=True)) != [v for _, v in expected]:
                    raise Violation(f"{self.user}, {window}: GET {found}, and not {expected}")
                window.listed = expected


async def until_so(done: Callable[[], bool]) -> None:
    """Let the loop's other tasks go on until it is so: nothing tells when a queue was emptied."""
    while not done():  # noqa: ASYNC110
        await asyncio.sleep(0)
