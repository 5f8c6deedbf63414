"""Old names of limits: they still count in this release, and a warning names the new one."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from typing import Any, Final

logger = logging.getLogger(__name__)

RENAMED: Final = {
    "beat_seconds": "broker_probe_seconds",
    "heartbeat_seconds": "ping_seconds",
}
"""The old name of each renamed limit, with the new one."""


def variable(name: str) -> str:
    """Return the environment variable that sets a limit."""
    return f"EARSHOT_{name.upper()}"


def old_variables() -> list[str]:
    """Return the variables of the old names."""
    return [variable(old) for old in RENAMED]


def from_environ(environ: Mapping[str, str]) -> dict[str, str]:
    """Return what old variables set, by the new names, which go first; warn of each that is set."""
    found = {}
    for old, new in RENAMED.items():
        if text := environ.get(variable(old)):
            logger.warning(WARNING, variable(old), variable(new))
            found[variable(new)] = environ.get(variable(new)) or text
    return found


def by_new_names(given: dict[str, Any]) -> dict[str, Any]:
    """Return these limits by their new names.

    The old name goes first here: where `read_limits` gave the rest, the new one is there too.
    """
    if RENAMED.keys().isdisjoint(given):
        return given
    return given | {new: given[old] for old, new in RENAMED.items() if old in given}


def warn_of_settings(given: Iterable[str]) -> None:
    """Warn of each old name among those of `settings.EARSHOT`."""
    for old in RENAMED.keys() & set(given):
        logger.warning(WARNING, f'EARSHOT["{old}"]', f'EARSHOT["{RENAMED[old]}"]')


WARNING: Final = "%s is now called %s; the old name works in this release only. Rename it."
