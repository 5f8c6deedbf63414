"""How many statements a request costs."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.world import World

CONTROL = ("BEGIN", "SET TRANSACTION", "SAVEPOINT", "RELEASE", "COMMIT", "ROLLBACK")

DOOR = 2
"""The token with its user, the membership with its tenant."""


@pytest.mark.parametrize(
    ("method", "body", "most"),
    [
        ("get", None, DOOR + 2),  # the decision, the object
        # The decision, the lock, the decision under it, the write, the object as it is now.
        ("patch", {"title": "Other"}, DOOR + 5),
    ],
)
def test_request_costs_no_more_statements_than_it_needs(
    world: World, method: str, body: object, most: int
) -> None:
    client = world.rest("owner")
    client.get(world.url)  # what is looked for once in a process
    with CaptureQueriesContext(connection) as captured:
        answer = getattr(client, method)(world.url, body, format="json")
    assert answer.status_code == 200
    found = [q["sql"] for q in captured if not q["sql"].startswith(CONTROL)]
    assert len(found) == most, found
