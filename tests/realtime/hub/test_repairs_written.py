"""What a repair writes."""

from __future__ import annotations

import pytest

from permissions import accesslog
from permissions.accesslog import Touch
from permissions.models import AccessChange
from realtime.hub import reading
from realtime.hub.repairs import repair_access, repair_change
from tests.realtime.recorded import Recording, stored
from tests.world import World


@pytest.fixture
def acme(world: World) -> int:
    return world.tenants["acme"].pk


def test_repaired_change_raises_the_version_and_may_be_of_any_field(
    world: World, acme: int
) -> None:
    recording = Recording(world.document)
    before = stored(world.document)
    assert repair_change(acme, world.key, before.version, before.version)
    assert recording.shows(None)
    assert stored(world.document).updated_at == before.updated_at


def test_change_is_not_repaired_when_somebody_else_raised_the_version(
    world: World, acme: int
) -> None:
    recording = Recording(world.document)
    older, now = world.document.version - 1, recording.version
    assert not repair_change(acme, world.key, older, older)
    assert not repair_change(world.tenants["globex"].pk, world.key, now, now)
    assert recording.shows()


def test_repaired_access_touches_the_user_on_the_object(world: World, acme: int) -> None:
    applied = accesslog.revision(acme)
    user_id = world.user("viewer").pk
    repair_access(acme, user_id, world.key)
    assert reading.read_round(acme, applied, []).touches == [
        Touch(user_id, "resources.document", world.document.pk)
    ]
    assert AccessChange.objects.latest("pk").cause == "repaired"
