"""Which windows a change may move."""

from __future__ import annotations

from realtime.state.window_index import WindowIndex
from realtime.state.windows import Window
from tests.realtime.pieces import MODEL, socket

DRAFTS = (("status", ("draft",)),)
OTHER = "resources.profile"


def filled() -> tuple[WindowIndex, list[Window]]:
    """User 1 has all documents and the drafts, user 2 the profiles."""
    one, two = socket(1), socket(2)
    windows = [
        Window(one, MODEL, "all", limit=10),
        Window(one, MODEL, "drafts", limit=10, where=DRAFTS),
        Window(two, OTHER, "profiles", limit=10),
    ]
    index = WindowIndex()
    for window in windows:
        index.add(window)
    return index, windows


def test_created_object_may_enter_all_windows_and_a_changed_one_those_that_filter() -> None:
    index, (everything, drafts, _) = filled()
    assert list(index.moved(MODEL, created=True)) == [everything, drafts]
    assert list(index.moved(MODEL, created=False)) == [drafts]
    assert list(index.moved(OTHER, created=False)) == []


def test_users_windows_are_found_with_and_without_a_model() -> None:
    index, windows = filled()
    assert list(index.of_user(1)) == windows[:2]
    assert list(index.of_user(1, OTHER)) == []
    assert list(index.of_user(None)) == index.all == windows
    assert list(index.of_user(None, OTHER)) == windows[2:]
    assert list(index.of_user(3)) == []


def test_removed_windows_leave_nothing() -> None:
    index, windows = filled()
    assert (bool(index), list(index.models)) == (True, [MODEL, OTHER])
    for window in windows:
        index.remove(window)
    assert (bool(index), vars(index)) == (False, vars(WindowIndex()))
