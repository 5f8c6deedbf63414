"""REST, as a plain thread asks it of one of the servers that are up."""

from __future__ import annotations

import http.client
from typing import Any

import orjson

from bench.soak.fleet import Fleet
from bench.soak.town import Person

SECONDS = 60


class Unexpected(Exception):
    """An answer that the caller had no reason to expect."""

    def __init__(self, status: int, body: bytes) -> None:
        super().__init__(status, body[:200])


class NobodyUp(Exception):
    """No server is up."""


class Rest:
    """Calls in the name of people of the town."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet

    def call(
        self, person: Person, method: str, path: str, body: Any = None, expect: tuple[int, ...] = ()
    ) -> tuple[int, Any]:
        """The status and what the body says; raises Unexpected unless it is 200 or expected."""
        process = self._fleet.pick()
        if process is None:
            raise NobodyUp
        connection = http.client.HTTPConnection("127.0.0.1", process.port, timeout=SECONDS)
        headers = {
            "Authorization": f"Token {person.rest}",
            "X-Tenant": person.tenant.slug,
            "Content-Type": "application/json",
        }
        try:
            text = None if body is None else orjson.dumps(body)
            connection.request(method, path, text, headers)
            answer = connection.getresponse()
            content = answer.read()
        finally:
            connection.close()
        if answer.status != 200 and answer.status not in expect:
            raise Unexpected(answer.status, content)
        return answer.status, orjson.loads(content) if content else None
