"""The settings, read from a test's own variables."""

from __future__ import annotations

import os
import re
import runpy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
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
        return runpy.run_path(str(ROOT / "project" / "settings.py"))

    return load


def settings_variables() -> set[str]:
    """Return the name of each variable that the settings read, but for the limits."""
    paths = [ROOT / "project" / name for name in ("settings.py", "environment.py")]
    source = "".join(path.read_text() for path in paths)
    calls = (
        "text|token|keys|flag|hosts?|port|origins|choice|matching|link|sender|secret|[a-z]+_urls?"
    )
    return set(re.findall(rf'\b(?:{calls})\(\s*"([A-Z_]+)"', source))
