"""What is answered is told to the records that are registered, once it is sure to be answered."""

from __future__ import annotations

import pytest
from django.db import transaction

from permissions import disclosures
from permissions.disclosures import Disclosed, disclose
from permissions.representation import ObjectKey, Representation
from tenants.models import Tenant

pytestmark = pytest.mark.django_db(transaction=True)
SHOWN = Representation(5, ObjectKey("resources.document", 3), "viewer", 1, 0, "e", "s", b"{}")


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[Disclosed]:
    monkeypatch.setattr(disclosures, "_registered", [])
    found: list[Disclosed] = []
    disclosures.register(found.extend)
    return found


def test_records_are_told_only_of_tenants_that_want_it(told: list[Disclosed]) -> None:
    disclose(Tenant(pk=5), 7, [SHOWN])
    assert told == []
    disclose(Tenant(pk=5, record_reads=True), 7, [])
    assert told == []
    disclose(Tenant(pk=5, record_reads=True), 7, [SHOWN])
    assert told == [(5, 7, "resources.document", 3, "viewer")]


def test_write_that_is_rolled_back_is_not_told(told: list[Disclosed]) -> None:
    tenant = Tenant(pk=5, record_reads=True)
    with transaction.atomic():
        disclose(tenant, 7, [SHOWN])
        transaction.set_rollback(True)
    assert told == []


def test_record_is_told_once_however_often_it_registers(told: list[Disclosed]) -> None:
    [record] = disclosures._registered
    disclosures.register(record)
    disclose(Tenant(pk=5, record_reads=True), 7, [SHOWN])
    assert len(told) == 1
