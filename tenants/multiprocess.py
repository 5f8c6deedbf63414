"""Figures of several workers in one folder, where `PROMETHEUS_MULTIPROC_DIR` names one.

Each process that counts keeps a lock in the folder as long as it lives, however it ends. So a dead
one is not taken for alive when its process id is used again. The gauges of dead processes go; their
counters are added up in one file of each kind, so that restarts do not grow the folder.
"""

from __future__ import annotations

import fcntl
import logging
import os
import struct
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any, Final

from django.core.exceptions import ImproperlyConfigured
from prometheus_client import Counter, Gauge, Histogram
from prometheus_client.mmap_dict import MmapedDict
from prometheus_client.multiprocess import MultiProcessCollector

# Joined on import, so that any process that makes a metric, however early, has joined before.
__all__ = ["Counter", "Gauge", "Histogram", "all_at_once", "collect", "folder", "join"]

logger = logging.getLogger(__name__)

FOLDER_LOCK: Final = "folder.lock"
THE_DEAD: Final = "0"
"""Stands for the process in the name of a file that adds up what dead processes counted."""

_mine: Any = None


def folder() -> Path | None:
    """Return the folder of the workers' figures, if there are several workers."""
    name = os.environ.get("PROMETHEUS_MULTIPROC_DIR")
    return Path(name) if name else None


def join() -> None:
    """Declare that this process lives, before it counts anything; make the folder if need be."""
    global _mine
    place = folder()
    if place is None:
        return
    try:
        place.mkdir(parents=True, exist_ok=True)
        (place / FOLDER_LOCK).touch()
    except OSError as error:
        raise ImproperlyConfigured(
            f"PROMETHEUS_MULTIPROC_DIR must name a directory this process can write to: {error}."
        ) from error
    with _alone(place):
        if _mine is not None:  # the parent's, in a child
            _mine.close()
        _mine = _lock_of(place, os.getpid()).open("w")
        fcntl.flock(_mine, fcntl.LOCK_EX)


def collect() -> list[Any]:
    """Return the metrics of all workers, after clearing away the dead ones."""
    place = folder()
    assert place is not None  # else nobody asks here
    with _alone(place):
        _clear(place)
        # The file of a worker that has just begun is empty for a moment, and cannot be read.
        files = [str(path) for path in sorted(place.glob("*.db")) if path.stat().st_size]
        return list(MultiProcessCollector.merge(files))


@contextmanager
def all_at_once() -> Iterator[None]:
    """Let scrapes see what is made and set inside together: a gauge begins with 0."""
    place = folder()
    with nullcontext() if place is None else _alone(place):
        yield


@contextmanager
def _alone(place: Path) -> Iterator[None]:
    """Let one process at a time in: joining, and reading while files move, must not overlap."""
    with (place / FOLDER_LOCK).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _lock_of(place: Path, pid: int | str) -> Path:
    return place / f"{pid}.lock"


def _clear(place: Path) -> None:
    files: defaultdict[str, list[Path]] = defaultdict(list)
    for path in place.glob("*.db"):
        files[path.stem.rsplit("_", 1)[1]].append(path)
    for lock in place.glob("[0-9]*.lock"):
        files[lock.stem]  # it may have no file yet, or none any more
    dead = [pid for pid in files if pid != THE_DEAD and not _lives(place, pid)]
    _add_up(place, [path for pid in dead for path in files[pid]])
    for pid in dead:
        _lock_of(place, pid).unlink(missing_ok=True)


def _lives(place: Path, pid: str) -> bool:
    if pid == str(os.getpid()):  # it could lock its own again
        return True
    try:
        with _lock_of(place, pid).open("r+") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


def _add_up(place: Path, files: Iterable[Path]) -> None:
    """Add what these files count to what others counted, and delete them."""
    by_kind: defaultdict[str, list[Path]] = defaultdict(list)
    for path in files:
        by_kind[path.stem.split("_", 1)[0]].append(path)
    gauges = by_kind.pop("gauge", [])
    for kind, paths in by_kind.items():
        whole = place / f"{kind}_{THE_DEAD}.db"
        totals: defaultdict[str, float] = defaultdict(float)
        for path in [*paths, *([whole] if whole.exists() else [])]:
            for key, value in _values(path):
                totals[key] += value
        new = whole.with_suffix(".new")
        new.unlink(missing_ok=True)
        written = MmapedDict(str(new))
        for key, value in totals.items():
            written.write_value(key, value, 0.0)
        written.close()
        new.replace(whole)
    for path in [*gauges, *(path for paths in by_kind.values() for path in paths)]:
        path.unlink()


def _values(path: Path) -> list[tuple[str, float]]:
    try:
        return [(key, value) for key, value, *_ in MmapedDict.read_all_values_from_file(str(path))]
    except (RuntimeError, ValueError, struct.error):  # its process ended while it wrote
        logger.warning("The metrics file %s cannot be read and is left out.", path.name)
        return []


join()
os.register_at_fork(after_in_child=join)
