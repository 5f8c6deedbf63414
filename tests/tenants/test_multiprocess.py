"""Files of workers that live, of workers that died, and of numbers that others have by now."""

from __future__ import annotations

import fcntl
import os
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from prometheus_client.mmap_dict import MmapedDict, mmap_key

from tenants import multiprocess
from tests.measuring import measured


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder that this process has joined."""
    folder = tmp_path / "made" / "metrics"
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(folder))
    monkeypatch.setattr(multiprocess, "_mine", None)
    with measured():  # to join is part of what is tried
        multiprocess.join()
    yield folder
    assert multiprocess._mine is not None
    multiprocess._mine.close()


@pytest.fixture
def alive(folder: Path) -> Iterator[Callable[[int], None]]:
    """Has a worker of this number live until the end of the test."""
    with ExitStack() as stack:

        def begin(pid: int) -> None:
            lock = stack.enter_context((folder / f"{pid}.lock").open("w"))
            fcntl.flock(lock, fcntl.LOCK_EX)

        yield begin


def write(folder: Path, kind: str, pid: int, name: str, value: float, **labels: str) -> None:
    """What prometheus_client writes for a worker."""
    family = name.removesuffix("_total").removesuffix("_bucket").removesuffix("_sum")
    written = MmapedDict(str(folder / f"{kind}_{pid}.db"))
    written.write_value(mmap_key(family, name, [*labels], [*labels.values()], "Help."), value, 0.0)
    written.close()


def worker(folder: Path, pid: int, counted: float = 1.0) -> None:
    write(folder, "counter", pid, "frames_total", counted)
    write(folder, "gauge_livesum", pid, "sockets", 5.0)
    write(folder, "gauge_livemin", pid, "tail_seen", float(pid))
    write(folder, "histogram", pid, "round_bucket", counted, le="1.0")
    write(folder, "histogram", pid, "round_bucket", counted, le="+Inf")
    write(folder, "histogram", pid, "round_sum", counted / 2)


def figures() -> dict[str, float]:
    return {
        sample.name + "".join(sample.labels.values()): sample.value
        for metric in multiprocess.collect()
        for sample in metric.samples
    }


def files(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()} - {"folder.lock", f"{os.getpid()}.lock"}


def test_without_a_folder_there_is_nothing_to_join(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", "")
    monkeypatch.setattr(multiprocess, "_mine", None)
    multiprocess.join()
    assert multiprocess._mine is None


def test_what_a_dead_worker_measured_goes_and_what_it_counted_stays(
    folder: Path, alive: Callable[[int], None]
) -> None:
    alive(101)
    worker(folder, 101, 10)
    worker(folder, 102, 32)
    for _ in range(2):
        assert figures() == {
            "frames_total": 42,
            "sockets": 5,
            "tail_seen": 101,
            "round_bucket1.0": 42,
            "round_bucket+Inf": 84,
            "round_count": 84,
            "round_sum": 21,
        }
    assert not [name for name in files(folder) if "102" in name]


def test_whoever_makes_a_metric_has_joined_before() -> None:
    """Also uvicorn's protocol, which is imported before Django: its files would be a dead one's."""
    root = Path(multiprocess.__file__).parent.parent
    for app in ("tenants", "permissions", "realtime", "resources", "project"):
        for path in (root / app).rglob("*.py"):
            found = re.findall(
                "^from prometheus_client import (.*)", path.read_text(), re.MULTILINE
            )
            made = re.findall("Counter|Gauge|Histogram|Summary|Info|Enum", " ".join(found))
            assert not made or path == Path(multiprocess.__file__), path


def test_own_figures_stay(folder: Path) -> None:
    worker(folder, os.getpid())
    assert figures()["sockets"] == 5


def test_folder_does_not_grow_with_restarts(folder: Path) -> None:
    for pid in range(1000, 1100):
        (folder / f"{pid}.lock").touch()
        worker(folder, pid)
        if pid % 10 == 0:
            figures()
    assert figures() == {
        "frames_total": 100,
        "round_bucket1.0": 100,
        "round_bucket+Inf": 200,
        "round_count": 200,
        "round_sum": 50,
    }
    assert files(folder) == {"counter_0.db", "histogram_0.db"}


def test_process_that_has_a_dead_workers_number_is_not_taken_for_it(folder: Path) -> None:
    worker(folder, os.getppid())  # it lives, and never joined
    assert "sockets" not in figures()


def test_worker_with_a_dead_ones_number_counts_on(
    folder: Path, alive: Callable[[int], None]
) -> None:
    worker(folder, 101)
    alive(101)
    assert figures()["frames_total"] == 1
    assert (folder / "counter_101.db").exists()


@pytest.mark.parametrize("torn", [b"", b"\x40\0\0\0\0\0\0\0\xff\xff\0\0" + b"x" * 100])
def test_file_of_which_a_killed_worker_wrote_half_is_left_out(
    folder: Path, torn: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    worker(folder, 101)
    (folder / "counter_102.db").write_bytes(torn)
    assert figures()["frames_total"] == 1
    assert "counter_102.db" in caplog.text
    assert files(folder) == {"counter_0.db", "histogram_0.db"}


def test_worker_that_has_just_begun_has_no_figures_yet(
    folder: Path, alive: Callable[[int], None]
) -> None:
    alive(101)
    (folder / "counter_101.db").touch()
    worker(folder, 102)
    assert figures()["frames_total"] == 1
    assert (folder / "counter_101.db").exists()


def test_child_has_a_lock_of_its_own(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    parents: Any = multiprocess._mine
    monkeypatch.setattr(os, "getpid", lambda: 4242)
    multiprocess.join()
    assert parents.closed
    assert (folder / "4242.lock").exists()


def test_readers_that_meet_read_the_same_sum(folder: Path) -> None:
    """Whoever reads while the dead are added up would count them twice, or not at all."""
    for pid in range(1000, 1040):
        worker(folder, pid)
    found: list[float] = []
    begin = threading.Barrier(8)

    def read() -> None:
        begin.wait()
        found.append(figures()["frames_total"])

    threads = [threading.Thread(target=read) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [40] * 8


def test_folder_that_cannot_be_made_names_the_variable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path / "file" / "folder"))
    with pytest.raises(ImproperlyConfigured, match="MULTIPROC_DIR must name a directory"):
        multiprocess.join()
