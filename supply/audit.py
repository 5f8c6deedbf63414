"""Asks the vulnerability service about the locked packages; where it has no answer, says so.

Exceptions stand in `audit-exceptions.txt`, one a line: the vulnerability's id, and the reason.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

EXCEPTIONS: Final = Path("audit-exceptions.txt")
SECONDS: Final = 90
OPTIONS: Final = [
    "--requirement", "requirements.txt", "--require-hashes", "--disable-pip", "--format", "json",
    "--progress-spinner", "off", "--timeout", "5",
]  # fmt: skip


class WithoutReason(Exception):
    """An exception gives no reason."""


def excepted(text: str) -> dict[str, str]:
    """Return the reason of each vulnerability that is accepted."""
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    found = {each: " ".join(reason) for each, *reason in map(str.split, lines)}
    if without := [each for each, reason in found.items() if not reason]:
        raise WithoutReason(f"{EXCEPTIONS}: give a reason for {', '.join(without)}.")
    return found


def verdict(output: str, accepted: dict[str, str]) -> tuple[int, str]:
    """Return the exit code, and a line for each vulnerability, or one for how it went.

    Where only packages can be fetched, pip-audit finds none of them and reports no vulnerability.
    """
    try:
        packages: list[dict[str, Any]] = json.loads(output)["dependencies"]
    except (ValueError, KeyError):
        packages = []
    asked = [package for package in packages if "skip_reason" not in package]
    if not asked:
        return 0, "Audit: no vulnerability service can be reached from here; nothing was audited."
    found = [
        f"{package['name']} {package['version']}: {each['id']}, "
        f"fixed in {', '.join(each['fix_versions']) or 'no version'}"
        for package in asked
        for each in package["vulns"]
        if not {each["id"], *each.get("aliases", ())} & accepted.keys()
    ]
    told = f"Audit: {len(asked)} of {len(packages)} packages, {len(accepted)} exceptions."
    return int(bool(found)), "\n".join([*found, told])


def main(program: str) -> int:
    """Ask, for a bounded time, and say what came of it."""
    try:
        done = subprocess.run(
            [program, *OPTIONS], capture_output=True, text=True, check=False, timeout=SECONDS
        )
        output = done.stdout
    except (OSError, subprocess.TimeoutExpired):
        output = ""
    code, told = verdict(output, excepted(EXCEPTIONS.read_text()))
    print(told)
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
