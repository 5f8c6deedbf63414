"""Writes over REST that wait for the object's lock, and what happens meanwhile."""

from typing import Any

import pytest
from django.db import transaction

from permissions.rest import AudienceViewSet
from tests.permissions.answers import DENIED, NOT_FOUND, stored
from tests.world import World


@pytest.mark.parametrize("method", ["patch", "delete"])
def test_object_that_goes_between_decision_and_lock_is_absent(
    world: World, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    decide = AudienceViewSet.audience_of

    def decide_and_lose(view: AudienceViewSet, pk: str) -> Any:
        audience = decide(view, pk)
        world.document.delete()
        return audience

    monkeypatch.setattr(AudienceViewSet, "audience_of", decide_and_lose)
    answer = getattr(world.rest("owner"), method)(world.url, {"title": "New"}, format="json")
    assert answer.status_code == 404


@pytest.mark.parametrize("method", ["put", "patch", "delete"])
def test_writer_who_waits_for_the_lock_gets_nothing_that_was_written_after_the_loss(
    world: World, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    """They may write when asked; then somebody takes that, writes, and lets the lock go."""
    lock = AudienceViewSet.locked

    def lose_and_lock(self: AudienceViewSet, pk: str) -> Any:
        with transaction.atomic():
            world.hand_over("both")
            world.write(body="Written after the loss")
        return lock(self, pk)

    rest = world.rest("owner")
    monkeypatch.setattr(AudienceViewSet, "locked", lose_and_lock)
    answer = getattr(rest, method)(world.url, {"title": "Late"}, format="json")
    assert (answer.status_code, answer.json()) == (404, NOT_FOUND)
    assert stored(world)["title"] == "Plan"


def test_grant_that_waits_for_the_lock_is_not_made_after_its_makers_loss(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = AudienceViewSet.locked

    def lose_and_lock(self: AudienceViewSet, pk: str) -> Any:
        world.hand_over("both")
        world.grant("owner", "editor")
        return lock(self, pk)

    rest, url = world.rest("owner"), f"{world.url}grants/user:{world.user_id('member')}/"
    monkeypatch.setattr(AudienceViewSet, "locked", lose_and_lock)
    answer = rest.put(url, {"audience": "owner"}, format="json")
    assert (answer.status_code, answer.json()) == (403, DENIED)
