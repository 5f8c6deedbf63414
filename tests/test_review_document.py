"""docs/review.md is run: each command that it shows prints, on the demo's data, what stands there.

`…` stands for what differs each time: ids, etags, moments.
"""

from __future__ import annotations

import re
import shlex
import shutil
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command
from pytest_django import Settings

from permissions.review.lock import NAME

ROOT = Path(__file__).parent.parent
DOCUMENT = (ROOT / "docs" / "review.md").read_text()
BLOCKS = re.findall(r"^```console\n(.*?)^```$", DOCUMENT, re.MULTILINE | re.DOTALL)


def shown() -> list[tuple[str, str]]:
    """Each command with the output below it."""
    parts = [part for block in BLOCKS for part in re.split(r"^\$ ", block, flags=re.MULTILINE)]
    return [
        (command, output) for part in parts if part for command, _, output in [part.partition("\n")]
    ]


def run(command: str) -> str:
    """What the command prints, whatever it ends with."""
    program, name, *args = shlex.split(command)
    assert program == "manage.py"
    out = StringIO()
    call_command(name, *args, stdout=out)
    return "".join(f"{line.rstrip()}\n" for line in out.getvalue().splitlines())


def test_page_shows_every_command() -> None:
    commands = [command for command, _ in shown()]
    for option in (
        "explain",
        "what-if",
        "who-saw",
        "seen-by",
        "--check",
        "--accept",
        "--probe",
        "--format json",
        "--model",
        "verify",
        "export",
        "evidence",
    ):
        assert any(option in command for command in commands), option


@pytest.mark.django_db(transaction=True)
def test_commands_print_what_the_page_shows(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    settings.DEMO = True
    call_command("demo", stdout=StringIO())
    shutil.copy(ROOT / NAME, tmp_path)
    (tmp_path / "docs").mkdir()
    shutil.copy(ROOT / "docs/evidence.toml", tmp_path / "docs")
    settings.BASE_DIR = tmp_path
    for command, output in shown():
        printed = run(command)
        pattern = ".+".join(re.escape(part) for part in output.split("…"))
        assert re.fullmatch(pattern, printed, re.DOTALL), (command, printed)
