"""Writes over REST to what names the project's own organization as its tenant."""

from __future__ import annotations

from typing import Any

import pytest

from tenants import opaque
from tests.housed.place import Lamp, house, housed, installed, person
from tests.world import World

__all__ = ["housed", "installed"]

pytestmark = pytest.mark.django_db(transaction=True)


def lamp(owner: str = "owner", short: str = "villa") -> Any:
    return Lamp.objects.create(tenant=house(short), owner=person(owner), title="Lamp")


def test_keeper_writes_and_deletes_what_is_in_the_house(housed: World) -> None:
    mine, theirs = lamp(), lamp("rival", "hut")
    keeper = housed.rest("owner", "villa")
    url, elsewhere = (f"/api/lamp/{opaque.encode(Lamp, obj.pk)}/" for obj in (mine, theirs))
    first = keeper.get(url)
    answer = keeper.patch(url, {"title": "Lit"}, format="json")
    assert (answer.status_code, answer.json()["title"]) == (200, "Lit")
    stale = keeper.delete(url, headers={"If-Match": first["ETag"]})
    assert stale.status_code == 412
    for method in (keeper.patch, keeper.delete):
        assert method(elsewhere, {"title": "Lit"}, format="json").status_code == 404
    assert keeper.delete(url, headers={"If-Match": answer["ETag"]}).status_code == 204
    assert list(Lamp.objects.values_list("title", flat=True)) == ["Lamp"]
