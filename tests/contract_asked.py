"""The server does what its OpenAPI document says, whoever asks, and refuses what it does not say.

Schemathesis makes up the requests, in `make nightly`: what is at the bounds of each call, then
`ASKED` at random, by each of six; `contract_asked_briefly.py` sees it find a lie.
"""

from __future__ import annotations

import os
from typing import Any

import pytest

from tests.asked import ENDING, WHO, ids, mistakes, narrowed
from tests.contracts import contracts
from tests.test_inputs import unlimited
from tests.world import World

__all__ = ["unlimited"]

ASKED = int(os.environ.get("ASKED", "20"))


def calls() -> list[str]:
    """The id of each call that leaves whoever asks where they are."""
    paths = contracts().openapi["paths"].values()
    ids = sorted(call["operationId"] for each in paths for call in each.values())
    return [id for id in ids if id not in ENDING and not id.startswith("stream_")]


@pytest.fixture
def watched(unlimited: World) -> World:
    """The world with a reviewer, where nobody has asked too often."""
    unlimited.appoint("watcher")
    return unlimited


def document(world: World, who: str) -> Any:
    """The contract for one of them."""
    return narrowed(contracts().openapi, WHO[who][1], ids(world))


@pytest.mark.parametrize("who", WHO)
@pytest.mark.django_db(transaction=True)
def test_each_of_them_is_answered_as_the_contract_says(watched: World, who: str) -> None:
    for phase in ("coverage", "fuzzing"):
        token = watched.token(WHO[who][0])
        assert mistakes(document(watched, who), calls(), token, phase, ASKED)[0] == []
    for call in ENDING:
        token = watched.token(WHO[who][0])
        assert mistakes(document(watched, who), [call], token)[0] == []
