"""A body names only rows of its tenant, however those rows' tenants are found."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest
from django.test.utils import isolate_apps
from rest_framework import serializers

from permissions.serializers import validate_within
from tenants import opaque
from tenants.models import Tenant
from tenants.placed import tenancy_of
from tests.housed import models
from tests.housed.place import Bulb, Lamp, Shade, house, housed, installed, person
from tests.world import World

__all__ = ["housed", "installed"]

pytestmark = pytest.mark.django_db(transaction=True)
ABSENT = 999_999


def placed(kind: str, short: str = "villa") -> Any:
    """A lamp or a bulb in this house."""
    lamp = Lamp.objects.create(tenant=house(short), title="Secret")
    return lamp if kind == "lamp" else Bulb.objects.create(lamp=lamp)


@pytest.mark.parametrize("kind", ["lamp", "bulb"])
def test_row_in_another_house_is_as_absent(housed: World, kind: str) -> None:
    here, there = placed(kind), placed(kind, "hut")
    keeper = housed.rest("owner", "villa")
    made = keeper.post("/api/shade/", {"title": "S", kind: here.pk}, format="json")
    assert made.status_code == 201, made.json()
    url = f"/api/shade/{opaque.encode(Shade, Shade.objects.get().pk)}/"
    for ask, address in ((keeper.post, "/api/shade/"), (keeper.patch, url), (keeper.put, url)):
        answers = [
            ask(address, {"title": "T", "lamp": None, "bulb": None, kind: pk}, format="json")
            for pk in (there.pk, ABSENT)
        ]
        assert [answer.status_code for answer in answers] == [400, 400]
        foreign, absent = (answer.content.decode() for answer in answers)
        assert foreign == absent.replace(str(ABSENT), str(there.pk))
    assert list(Shade.objects.values_list("title", f"{kind}_id")) == [("S", here.pk)]


class Keys(serializers.ModelSerializer[Any]):
    """A body that names rows by their keys."""

    lamp = serializers.IntegerField(source="lamp_id", required=False)
    bulb = serializers.IntegerField(source="bulb_id", required=False)
    owner = serializers.IntegerField(source="owner_id", required=False)

    class Meta:
        model = models.Shade
        fields: ClassVar[list[str]] = ["lamp", "bulb", "owner"]


@pytest.mark.parametrize("kind", ["lamp", "bulb"])
def test_key_of_a_row_in_another_house_is_as_absent(housed: World, kind: str) -> None:
    villa = Tenant.objects.get(slug="villa").pk
    owner = person("owner").pk
    validate_within(Keys(data={kind: placed(kind).pk, "owner": owner}), villa)
    for pk in (placed(kind, "hut").pk, ABSENT):
        with pytest.raises(serializers.ValidationError) as refused:
            validate_within(Keys(data={kind: pk, "owner": owner}), villa)
        assert refused.value.detail == {kind: ["Not an allowed value."]}


def test_proxy_is_placed_as_its_model(housed: World) -> None:
    with isolate_apps("tests.housed"):

        class Candle(models.Bulb):
            class Meta:
                app_label = "housed"
                proxy = True

    assert tenancy_of(Candle) == tenancy_of(Bulb)
    assert tenancy_of(Candle).path == "lamp__tenant"
