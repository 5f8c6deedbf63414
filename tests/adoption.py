"""What it takes to add Earshot, and what others take, to the same project: lines, and its tests.

`python -m tests.adoption PYTHON` adds each of the others to a copy of `tests/hosts/usual`, by its
patch in `tests/hosts/beside`, and runs that project's tests with this Python, which has all three
installed; DATABASE_URL may name a server.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parent.parent
HOST: Final = ROOT / "tests" / "hosts" / "usual"
BESIDE: Final = ROOT / "tests" / "hosts" / "beside"
FILE: Final = re.compile(r"^diff --git .*?(?=^diff --git |\Z)", re.MULTILINE | re.DOTALL)
LINE: Final = re.compile(r"^[+-](?![+-]{2} )\s*[^\s#]", re.MULTILINE)


def written(peer: str) -> tuple[int, int]:
    """Return how many lines are written or removed for a peer, and how many it generates."""
    mine, generated = 0, 0
    for text in FILE.findall((BESIDE / f"{peer}.patch").read_text()):
        lines = len(LINE.findall(text))
        if "/migrations/" in text.partition("\n")[0]:
            generated += lines
        else:
            mine += lines
    return mine, generated


def adopted(peer: str, folder: Path) -> Path:
    """Copy the project into the folder, and add the peer to it."""
    house = folder / peer
    shutil.copytree(HOST, house, ignore=shutil.ignore_patterns("__pycache__"))
    subprocess.run(["git", "apply", str(BESIDE / f"{peer}.patch")], cwd=house, check=True)
    return house


def peers() -> list[str]:
    """Return those that there are patches for."""
    return sorted(path.stem for path in BESIDE.glob("*.patch"))


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place:
        for name in peers():
            command = [sys.argv[1], "manage.py", "test"]
            done = subprocess.run(
                command, cwd=adopted(name, Path(place)), capture_output=True, text=True, check=False
            )
            result = next(
                line for line in done.stderr.splitlines()[::-1] if line[:2] in ("OK", "FA")
            )
            sys.stdout.write(f"{name}: {written(name)} lines, tests: {result}\n")
