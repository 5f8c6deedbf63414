"""The probe reaches every audience of models whose tenant is the project's own, on a path, or one
for all."""

from __future__ import annotations

from typing import Any

import pytest

from permissions.audiences import registry
from permissions.review.probing import probe
from tenants.models import Membership, Tenant
from tests.housed.place import housed
from tests.keyed.models import Book, Leaf, Loose
from tests.keyed.place import installed, keyed
from tests.world import World

__all__ = ["housed", "installed", "keyed"]

pytestmark = pytest.mark.django_db(transaction=True)


def probed(model: Any) -> None:
    """Every field of every audience is shown to somebody, and nothing else."""
    resource = registry.of(model)
    counted = (Tenant, Membership, model)
    before = [each._base_manager.count() for each in counted]
    findings = probe([resource])
    assert [each._base_manager.count() for each in counted] == before
    assert findings.faults == []
    shown = {key for key in findings.fields if key[2] not in ("lamp", "bulb")}  # they are keys
    assert shown <= findings.tried, findings.unfilled


@pytest.mark.each_case
@pytest.mark.parametrize("model", [Book, Leaf, Loose], ids=lambda model: model.__name__)
def test_rows_on_a_path_are_probed(keyed: World, model: Any) -> None:
    probed(model)
