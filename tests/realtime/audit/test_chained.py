"""What of the ledger is chained: every table that is declared, and what its facts cover."""

from __future__ import annotations

from uuid import UUID

import pytest

from permissions.models import AccessChange
from realtime.audit.chained import CHAINED
from realtime.audit.models import Access, Push
from tenants.models import Tenant
from tests.realtime.audit.rows_of_ledger import access


@pytest.mark.parametrize("model", dict.fromkeys(kind.model for kind in CHAINED))
def test_every_column_is_sealed_by_some_kind(model: type[Access]) -> None:
    # The key and the tenant are in every fact; a transaction's id is the database's own affair.
    columns = {field.attname for field in model._meta.concrete_fields}
    columns -= {"id", "tenant_id", "xid", "ended_xid"}
    kinds = [kind for kind in CHAINED if kind.model is model]
    sealed = {name for kind in kinds for name in (*kind.columns, *kind.later)}
    assert sealed == columns


def test_the_ledger_is_chained() -> None:
    assert {kind.model for kind in CHAINED} >= {Access, Push, AccessChange}
    assert len({kind.name for kind in CHAINED}) == len(CHAINED)
    assert all(len(kind.name) <= 20 for kind in CHAINED)


@pytest.mark.django_db
def test_fact_names_a_key_that_is_unique_everywhere_as_a_text() -> None:
    row = access(Tenant.objects.create(slug="acme", name="Acme"), object_id=UUID(int=5))
    [kind] = [kind for kind in CHAINED if kind.name == "access"]
    assert kind.facts([row.pk])[row.pk].fact["object_id"] == str(UUID(int=5))


@pytest.mark.django_db
def test_facts_are_what_json_can_say_and_come_in_the_order_of_the_keys() -> None:
    acme = Tenant.objects.create(slug="acme", name="Acme")
    one, other = access(acme, object_id=4), access(acme)
    [kind] = [kind for kind in CHAINED if kind.name == "access"]
    found = kind.facts([other.pk, one.pk, 10**9])
    assert list(found) == [one.pk, other.pk]
    assert found[one.pk].tenant_id == acme.pk
    assert found[one.pk].fact == {
        "id": one.pk,
        "tenant": acme.pk,
        "user_id": 7,
        "model": "resources.document",
        "object_id": 4,
        "audience": "viewer",
        "began_at": one.began_at.isoformat(timespec="microseconds"),
        "began": "subscribed",
        "process": 1,
        "connection": "c",
    }
