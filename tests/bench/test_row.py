from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

import pytest
from django.db import DatabaseError

from bench import row


@pytest.mark.parametrize("error", [DatabaseError("it broke"), TimeoutError("it broke")])
def test_row_that_fails_in_whatever_way_is_recorded_as_missing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], error: Exception
) -> None:
    def measure() -> None:
        raise error

    recorded: dict[str, Any] = {}
    windows = ModuleType("bench.windows")
    monkeypatch.setattr(windows, "measure", measure, raising=False)
    monkeypatch.setitem(sys.modules, "bench.windows", windows)
    monkeypatch.setattr(row, "record", recorded.__setitem__)
    assert row.main("windows") == 1
    [found] = recorded["windows"]
    assert found.found == f"missing: {type(error).__name__}: it broke"
    assert "it broke" in capsys.readouterr().err
