"""Each object, and each row that objects show, has what its declaration says it must have."""

from __future__ import annotations

import pytest

from realtime.capture.live import Live, Shown, lives, shown
from tests.realtime.capture.declared_live import of_live, of_shown, wrong
from tests.world import World

OURS = [live for live in lives() if live.table.startswith("resources_")]
SHOWN = shown()

pytestmark = pytest.mark.django_db


@pytest.fixture
def place() -> World:
    return World()


@pytest.mark.parametrize("live", OURS, ids=lambda live: live.table)
def test_raw_write_to_an_object_is_logged_with_what_it_changed(place: World, live: Live) -> None:
    assert wrong(of_live(live)) == []


@pytest.mark.parametrize("row", SHOWN, ids=lambda row: row.table)
def test_raw_write_to_a_row_that_is_shown_leaves_a_note(place: World, row: Shown) -> None:
    assert wrong(of_shown(row)) == []


def test_these_columns_count() -> None:
    """A column that is left out is missed here: the tests of declarations follow them."""
    assert {live.table: {*live.compared} for live in OURS} == {
        "resources_document": {
            "owner_id", "title", "body", "status", "review_notes", "due_on", "budget", "created_at",
        },
        "resources_profile": {
            "user_id", "membership_id", "display_name", "title", "bio", "email", "phone",
            "timezone",
        },
    }  # fmt: skip
    assert {live.table: live.holders for live in OURS} == {
        "resources_document": ("owner_id",), "resources_profile": ("user_id",),
    }  # fmt: skip
    assert {row.table: {*row.watched} for row in SHOWN} == {
        "resources_profile": {"id", "user_id", "tenant_id", "membership_id"},
        "earshot_tenants_user": {"id", "username"},
    }
