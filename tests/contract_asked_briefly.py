"""The server does what its OpenAPI document says: a sixth of all calls, asked by each of six.

In `make contracts`; `make nightly` asks all of them, and much more (`tests/contract_asked.py`).
"""

from __future__ import annotations

import pytest

from tests.asked import WHO, mistakes
from tests.contract_asked import calls, document, unlimited, watched
from tests.world import World

__all__ = ["unlimited", "watched"]


@pytest.mark.parametrize("who", WHO)
@pytest.mark.django_db(transaction=True)
def test_each_of_them_is_answered_as_the_contract_says(watched: World, who: str) -> None:
    part = calls()[list(WHO).index(who) :: len(WHO)]
    found, asked = mistakes(document(watched, who), part, watched.token(WHO[who][0]))
    assert found == []
    assert asked > len(part)


@pytest.mark.django_db(transaction=True)
def test_lie_of_the_contract_is_found(watched: World) -> None:
    lying = document(watched, "owner")
    schemas = lying["components"]["schemas"]
    schemas["Me"]["properties"]["role"] = {"type": "integer"}
    schemas["DocumentPost"]["properties"]["title"]["maxLength"] = 3
    found, _ = mistakes(lying, ["me_retrieve", "documents_create"], watched.token("owner"))
    assert any("GET /api/me/" in each for each in found)
    assert any("POST /api/documents/" in each for each in found)
