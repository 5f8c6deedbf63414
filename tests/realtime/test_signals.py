"""What the layers below tell reaches the outbox; what it is about is tested in `dependents`."""

from typing import Any

import pytest
from django.contrib.contenttypes.models import ContentType
from django.db import models, transaction
from django.db.models.signals import post_delete

from permissions import accesslog
from permissions.accesslog import Touch
from realtime.committed import Committed
from realtime.models import Change
from realtime.outbox import outbox
from resources.models import Document, Profile
from tests.realtime.conftest import ear
from tests.world import World


@pytest.mark.django_db(transaction=True)
def test_access_change_is_noticed_after_its_commit_only(monkeypatch: pytest.MonkeyPatch) -> None:
    told = ear(monkeypatch)
    with transaction.atomic():
        accesslog.record(7, [Touch(1)], "test")
        assert told == []
    noticed = [Committed(noticed={7: accesslog.revision(7)})]
    assert told == noticed
    with transaction.atomic():
        accesslog.record(8, [Touch(1)], "test")
        transaction.set_rollback(True)
    assert told == noticed


def test_deletions_of_rows_that_nobody_watches_stay_one_query() -> None:
    """A listener for every model would make Django load what it deletes: rows are pruned so."""
    watched: list[type[models.Model]] = [Document, Profile]
    assert all(post_delete.has_listeners(model) for model in watched)
    assert not any(post_delete.has_listeners(model) for model in (Change, ContentType))


def test_deleted_row_that_nobody_shows_leaves_no_note(world: World) -> None:
    world.document.delete()
    assert outbox.flush()
    assert not Change.objects.filter(version=0).exists()


def test_failing_listener_does_not_fail_the_committed_write(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> None:
        raise RuntimeError

    monkeypatch.setattr("realtime.dependents.raise_for", fail)
    both = world.user("both")
    both.username = "renamed"
    both.save()
