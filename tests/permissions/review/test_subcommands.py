"""A part of `manage.py review` that an app registers: its arguments, answers and exit codes."""

from __future__ import annotations

from collections.abc import Iterator
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from permissions.review import subcommands
from permissions.review.subcommands import Subcommand, Unanswerable, Wrong, in_json


def add_arguments(parser: Any) -> None:
    parser.add_argument("--format", choices=("text", "json"), default="text")
    parser.add_argument("--count", type=int, required=True)


def ask(*, count: int, **options: Any) -> Iterator[str]:
    if count < 0:
        raise Unanswerable("Nobody counts below nothing: say --count 0 or more.")
    yield from in_json({"count": count}) if options["format"] == "json" else map(str, range(count))
    if count > 2:
        raise Wrong


@pytest.fixture(autouse=True)
def _registered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subcommands, "_registered", dict(subcommands._registered))
    subcommands.register(
        Subcommand("count", "Counts; and no more.", "  like so", add_arguments, ask)
    )


def run(*args: str) -> str:
    out = StringIO()
    try:
        call_command("review", *args, stdout=out)
    except SystemExit as ended:
        return f"{out.getvalue()}exit {ended.code}"
    return out.getvalue()


def test_registered_part_prints_its_lines() -> None:
    assert run("count", "--count", "2") == "0\n1\n"
    assert run("count", "--count", "1", "--format", "json") == '{\n  "count": 1\n}\n'


def test_part_that_finds_something_wrong_exits_with_1_after_its_lines() -> None:
    assert run("count", "--count", "3") == "0\n1\n2\nexit 1"


def test_part_that_cannot_answer_exits_with_2_and_one_line() -> None:
    with pytest.raises(CommandError) as refused:
        run("count", "--count=-1")
    assert refused.value.returncode == 2
    assert str(refused.value) == "Nobody counts below nothing: say --count 0 or more."


def test_command_and_part_say_how_they_are_used(capsys: pytest.CaptureFixture[str]) -> None:
    for args, said in (
        (["--help"], "  manage.py review count --help                 Counts\n"),
        (["count", "--help"], "  like so\n"),
    ):
        with pytest.raises(SystemExit):
            call_command("review", *args)
        assert said in capsys.readouterr().out
