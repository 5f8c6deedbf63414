"""The settings, read from a test's own variables."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from types import CodeType
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
SETTINGS = ROOT / "project" / "settings.py"
SECRET = "a secret of the tests, long enough"
KEY = "a key of the tests that is long enough"
NEEDED = {"SECRET_KEY": SECRET, "EARSHOT_SINGLE_PROCESS": "1"}

Load = Callable[..., dict[str, Any]]


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch) -> Load:
    """Run the settings with these variables and no others, and return what they set."""

    def load(**variables: str) -> dict[str, Any]:
        for name in [*settings_variables(), *filter(re.compile("EARSHOT_").match, os.environ)]:
            monkeypatch.setenv(name, "")  # so that whatever the settings read in is undone
            monkeypatch.delenv(name)
        for name, value in ({"ENV_FILE": os.devnull} | variables).items():
            monkeypatch.setenv(name, value)
        read: dict[str, Any] = {"__name__": "settings", "__file__": str(SETTINGS)}
        exec(compiled_settings(), read)
        return read

    return load


@cache
def compiled_settings() -> CodeType:
    """Return the settings' code: to compile it takes as long as a test."""
    return compile(SETTINGS.read_text(), str(SETTINGS), "exec")


@cache
def settings_variables() -> frozenset[str]:
    """Return the name of each variable that the settings read, but for the limits."""
    paths = [ROOT / "project" / name for name in ("settings.py", "environment.py")]
    source = "".join(path.read_text() for path in paths)
    calls = (
        "text|token|keys|flag|hosts?|port|origins|choice|matching|link|sender|secret|[a-z]+_urls?"
    )
    return frozenset(re.findall(rf'\b(?:{calls})\(\s*"([A-Z_]+)"', source))
