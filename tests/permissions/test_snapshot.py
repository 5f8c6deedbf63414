"""Several reads of one committed state, while others write."""

import pytest
from django.db import InternalError, connection, transaction

from permissions.snapshot import SnapshotInTransaction, rehearsal, snapshot
from resources.models import Document
from tests.databases import on_postgresql
from tests.permissions.conftest import elsewhere
from tests.world import World


def title(world: World) -> str:
    return Document.objects.across_tenants().get(pk=world.document.pk).title


def rename(world: World, title: str) -> None:
    Document.objects.across_tenants().filter(pk=world.document.pk).update(title=title)


def test_commit_between_two_reads_is_not_seen(world: World) -> None:
    """A writer on another thread commits within the snapshot: they neither wait nor are seen."""
    with snapshot():
        assert title(world) == "Plan"
        elsewhere(lambda: rename(world, "New"))
        assert title(world) == "Plan"
        assert elsewhere(lambda: title(world)) == "New"
        assert Document.objects.filter(tenant_id=world.document.tenant_id, title="New").count() == 0
    assert title(world) == "New"


def test_what_was_committed_before_is_seen(world: World) -> None:
    rename(world, "First")
    with snapshot():
        assert title(world) == "First"
    rename(world, "Second")
    with snapshot():
        assert title(world) == "Second"


def test_snapshot_on_a_fresh_connection(world: World) -> None:
    def read() -> str:
        assert connection.connection is None
        with snapshot():
            return title(world)

    assert elsewhere(read) == "Plan"


def test_open_transaction_is_refused_a_snapshot(world: World) -> None:
    with transaction.atomic():
        rename(world, "Uncommitted")
        with pytest.raises(SnapshotInTransaction, match="outside the transaction"), snapshot():
            pytest.fail("the block ran")
        assert title(world) == "Uncommitted"


def test_snapshot_within_a_snapshot_is_refused(world: World) -> None:
    with snapshot(), pytest.raises(SnapshotInTransaction), snapshot():
        pytest.fail("the block ran")


@pytest.mark.parametrize("fails", [True, False])
def test_connection_writes_as_before_afterwards(world: World, fails: bool) -> None:
    mode = getattr(connection, "transaction_mode", None)
    try:
        with snapshot():
            assert title(world) == "Plan"
            if fails:
                raise LookupError
    except LookupError:
        assert fails
    assert not connection.in_atomic_block
    assert getattr(connection, "transaction_mode", None) == mode
    with transaction.atomic():
        rename(world, "After")
    assert elsewhere(lambda: title(world)) == "After"


@on_postgresql
def test_snapshot_refuses_writes(world: World) -> None:
    with pytest.raises(InternalError, match="read-only"), snapshot():
        rename(world, "Never")
    assert title(world) == "Plan"


def test_rehearsal_is_read_as_it_is_written_and_is_gone_after_it(world: World) -> None:
    with rehearsal():
        rename(world, "Rehearsed")
        with snapshot():
            assert title(world) == "Rehearsed"
    assert title(world) == "Plan"
    with transaction.atomic(), pytest.raises(SnapshotInTransaction), snapshot():
        pytest.fail("the block ran")
