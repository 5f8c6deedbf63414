"""A cursor is one user's place in one model's list of one tenant, and shows no key."""

from typing import Any

import pytest
from django.test import override_settings

from permissions import cursors
from permissions.audiences import Resource
from permissions.cursors import InvalidCursor
from resources.audiences import DOCUMENTS, PROFILES
from resources.models import Document
from tenants import opaque

MINE = (DOCUMENTS, 1, 2)


def test_cursor_gives_the_key_back_and_shows_the_opaque_id_alone() -> None:
    cursor = cursors.encode(*MINE, 12345)
    assert cursors.decode(*MINE, cursor) == 12345
    assert cursor.split(".")[0] == opaque.encode(Document, 12345)
    assert "12345" not in cursor
    assert cursor == cursors.encode(*MINE, 12345)


@pytest.mark.parametrize("whose", [(DOCUMENTS, 1, 3), (DOCUMENTS, 3, 2), (PROFILES, 1, 2)])
def test_foreign_cursor_is_invalid(whose: tuple[Resource, int, int]) -> None:
    with pytest.raises(InvalidCursor):
        cursors.decode(*MINE, cursors.encode(*whose, 5))


def test_changed_cursor_is_invalid() -> None:
    cursor = cursors.encode(*MINE, 5)
    spelled, signature = cursor.split(".")
    other = opaque.encode(Document, 6)
    wrong: list[Any] = [
        None, 5, [], {}, True, "", ".", "5", spelled, f"{spelled}.", f".{signature}",
        f"{other}.{signature}", cursor[:-1], cursor[1:], cursor + "A", cursor + "\n", f" {cursor}",
        cursor.swapcase(), f"{spelled}.{signature[::-1]}", "\ud800", "é" * 50, "0" * 100_000,
        f"{spelled}.{signature[:-1]}{'A' if signature[-1] != 'A' else 'B'}",
    ]  # fmt: skip
    for each in wrong:
        with pytest.raises(InvalidCursor):
            cursors.decode(*MINE, each)


def test_cursor_of_an_id_that_there_cannot_be_is_invalid() -> None:
    signed = cursors._signer(*MINE).sign("0")
    with pytest.raises(InvalidCursor):
        cursors.decode(*MINE, signed)


def test_old_cursor_is_invalid_once_its_key_is_no_longer_known() -> None:
    cursor = cursors.encode(*MINE, 5)
    with override_settings(SECRET_KEY="n" * 50), pytest.raises(InvalidCursor):
        cursors.decode(*MINE, cursor)
    old = "o" * 50
    with override_settings(SECRET_KEY=old):
        cursor = cursors.encode(*MINE, 5)
    with override_settings(SECRET_KEY_FALLBACKS=[old]):
        assert cursors.decode(*MINE, cursor) == 5
