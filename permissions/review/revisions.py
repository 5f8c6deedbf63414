"""The catalogue of a git revision: its own code prints it, in a separate folder and without a
database. Comparing revisions therefore runs their code."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import tarfile
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from permissions.review.entries import Catalogue
from permissions.review.lock import loads

COMMAND: Final = ("manage.py", "review", "--format", "lock")
SECONDS: Final = 300


class UnusableRevision(Exception):
    """A revision whose catalogue cannot be read; `why` says what failed."""

    def __init__(self, revision: str, why: str) -> None:
        self.revision = revision
        self.why = why
        super().__init__(f"{revision!r} cannot be compared: {why}.")


def at(revision: str, root: Path) -> Catalogue:
    """The catalogue of the project in `root` as it was committed in this revision.

    Raises UnusableRevision, and UnusableLock for what another release says.
    """
    name = f"{revision}^{{commit}}"
    commit = _git(root, revision, "rev-parse", "--verify", "--end-of-options", name).decode()
    # In a subfolder of the repository, it would pack that folder alone.
    packed = _git(root, revision, "archive", "--format=tar", commit.split()[-1])
    with TemporaryDirectory(prefix="earshot-review-") as folder:
        with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
            archive.extractall(folder, filter="data")
        return loads(_ask(revision, folder), revision)


def _git(root: Path, revision: str, *args: str) -> bytes:
    command = ["git", *args]
    try:
        done = subprocess.run(command, cwd=root, capture_output=True, check=False)  # noqa: S603
    except OSError as error:
        raise UnusableRevision(revision, "git is not installed") from error
    if done.returncode:
        raise UnusableRevision(revision, "git does not know it here")
    return done.stdout


def _ask(revision: str, folder: str) -> str:
    """Return what the revision's own command prints; warnings and errors go to stderr."""
    if not Path(folder, COMMAND[0]).exists():
        raise UnusableRevision(revision, f"it has no {COMMAND[0]} here")
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, *COMMAND]
    try:
        done = subprocess.run(  # noqa: S603
            command, cwd=folder, env=environment, capture_output=True, text=True, timeout=SECONDS
        )
    except subprocess.TimeoutExpired as error:
        why = f"its `manage.py review` took longer than {SECONDS} seconds"
        raise UnusableRevision(revision, why) from error
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise UnusableRevision(revision, f"its `manage.py review` failed ({last.rstrip('.')})")
    return done.stdout
