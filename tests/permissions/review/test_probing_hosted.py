"""The probe reaches every audience of models whose tenant is the project's own."""

from __future__ import annotations

from typing import Any

import pytest

from tests.housed.models import Bulb, Lamp, Shade
from tests.housed.place import Employment, House, housed, installed
from tests.permissions.review.test_probing_placed import probed
from tests.world import World

__all__ = ["housed", "installed"]

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize("model", [Lamp, Bulb, Shade], ids=lambda model: model.__name__)
def test_rows_in_a_house_are_probed(housed: World, model: Any) -> None:
    before = House.objects.count(), Employment.objects.count()
    probed(model)
    assert (House.objects.count(), Employment.objects.count()) == before
