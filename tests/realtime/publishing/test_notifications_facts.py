"""What a publisher knows of a tenant before it announces a change, from one statement."""

import pytest
from pytest_django import DjangoAssertNumQueries

from permissions import accesslog
from realtime.audit import ledger, watches
from realtime.publishing.notifications import Facts, facts_of
from tests.world import World

LABEL = "resources.document"

pytestmark = pytest.mark.django_db


def test_tenant_has_a_revision_and_at_first_no_windows_and_no_payloads(
    world: World, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    acme = world.tenants["acme"].pk
    revision = accesslog.revision(acme)
    with django_assert_num_queries(1):
        assert facts_of(acme, LABEL) == Facts(revision, watched=False, payloads=False)


def test_windows_of_a_model_and_kept_payloads_are_known(world: World) -> None:
    acme = world.tenants["acme"]
    row = watches.watch(ledger.begin_process(), acme.pk, LABEL)
    acme.record_payloads = True
    acme.save()
    found = facts_of(acme.pk, LABEL)
    assert (found.watched, found.payloads) == (True, True)
    assert not facts_of(acme.pk, "resources.profile").watched
    assert not facts_of(world.tenants["globex"].pk, LABEL).watched
    watches.unwatch([row])
    assert not facts_of(acme.pk, LABEL).watched


def test_nothing_is_so_of_a_tenant_that_is_gone() -> None:
    assert facts_of(987654, LABEL) == Facts(0, watched=False, payloads=False)
