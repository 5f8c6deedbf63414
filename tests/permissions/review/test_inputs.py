"""Bad input of every part of `manage.py review`, as an outsider types it: one line that says what
to do, and exit code 2."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import DatabaseError, Error, OperationalError, ProgrammingError, connection
from pytest_django import Settings

from permissions.review import inputs, subcommands
from realtime.models import Inquiry
from tests.world import World

ACME = ("--tenant", "acme")
MODEL = ("--model", "resources.document")
PLAN = (*ACME, *MODEL, "--called", "Plan")
HUGE = "9" * 5000
ODD = "\u202e🎈é\u0000"
PARTS = ("explain", "what-if", "verify", "export", "who-saw", "seen-by", "evidence")

LINES: tuple[tuple[tuple[str, ...], str], ...] = (
    # Of every part: what there is not.
    (("explain", "--tenant", "no", *MODEL, "--id", "x"), "There is no tenant 'no'; there are: "),
    (("explain", "--tenant", "", *MODEL, "--id", "x"), "There is no tenant ''"),
    (("explain", *ACME, "--model", "x", "--id", "x"), "There is no model 'x'; say one of: "),
    (("explain", *ACME, "--model", "", "--id", "x"), "There is no model ''"),
    (("explain", *ACME, *MODEL, "--id", ""), "ids are as clients see them"),
    (("explain", *ACME, *MODEL, "--id", HUGE), "ids are as clients see them"),
    (("explain", *ACME, *MODEL, "--id", "-1"), "ids are as clients see them"),
    (("explain", *ACME, *MODEL, "--called", ""), "There is no resources.document in acme called"),
    (("explain", *PLAN, "--user", ""), "There is no user ''"),
    (("explain", *PLAN, "--user", HUGE), "There is no user '999"),
    (("what-if", "--tenant", "no", "--leave", "--user", "owner"), "There is no tenant"),
    (("what-if", *ACME, "--leave", "--user", "no"), "There is no user 'no'"),
    (("what-if", *ACME, "--leave"), "--user: say it too"),
    (("what-if", *ACME, "--leave", "--user", ""), "--user: say it too"),
    (("what-if", *ACME, "--become", "", "--user", "owner"), "--become: '' is none of: "),
    (("what-if", *ACME, "--become", "king", "--user", "owner"), "--become: 'king' is none of: "),
    (("what-if", *ACME, "--enter", "", "--user", "owner"), "There is no group ''"),
    (("what-if", *ACME, "--quit", "no", "--user", "owner"), "There is no group 'no'"),
    (("what-if", *PLAN, "--grant", "", "--user", "owner"), "--grant: '' is none of: owner"),
    (("what-if", *PLAN, "--grant", "viewer"), "--user: say a user or a role"),
    (("what-if", *ACME, "--grant", "viewer", "--user", "owner"), "--model: say it too"),
    (("what-if", *ACME, *MODEL, "--revoke", "--user", "owner"), "--id: say which object"),
    (("what-if", *PLAN, "--set", ""), "--set: '' is none of: owner"),
    (("what-if", *PLAN, "--set", "owner"), "--set: say which user"),
    (("what-if", *PLAN, "--set", "budget=1"), "--set: 'budget' is none of: owner"),
    (("what-if", *PLAN, "--set", "owner=no"), "There is no user 'no'"),
    (("what-if", *ACME, *MODEL, "--widen", "no", "--role", "member"), "--widen: 'no' is none of"),
    (("what-if", *ACME, *MODEL, "--widen", "viewer"), "--widen: say by what it is wider"),
    (("what-if", *ACME, *MODEL, "--widen", "viewer", "--holder", "no"), "holder: 'no' is none"),
    (("verify", "--tenant", "no"), "There is no tenant 'no'"),
    (("verify", *ACME, "--head", ""), "'' is not a head: give a sequence"),
    (("verify", *ACME, "--head", f"{HUGE}:{'0' * 64}"), "is not a head"),
    (("verify", *ACME, "--head", f"٣:{'0' * 64}"), "is not a head"),
    (("verify", "--all-tenants", "--head", f"1:{'0' * 64}"), "--head is of one ledger"),
    (("verify", "--file", "no/such.jsonl"), "it cannot be read (No such file or directory)"),
    (("verify", "--file", "."), "it cannot be read (Is a directory)"),
    (("export", "--tenant", "no", "--output", "x"), "There is no tenant 'no'"),
    (("export", *ACME, "--output", "."), "cannot be created (File exists)"),
    (("export", *ACME, "--output", "no/x"), "cannot be created (No such file or directory)"),
    (("who-saw", "--tenant", "no", *MODEL, "--id", "x"), "There is no tenant 'no'"),
    (("who-saw", *PLAN, "--field", ""), "There is no field ''; say one of: id, title"),
    (("who-saw", *PLAN, "--etag", ""), "etags stand in frames"),
    (("who-saw", *PLAN, "--since", ""), "'' is no time: say 2026-11-28"),
    (("who-saw", *PLAN, "--since", "-1d"), "--since: expected one argument"),
    (("who-saw", *PLAN, "--since", "999999d"), "is no time"),
    (("who-saw", *PLAN, "--since", "0001-01-01T00:00+14:00"), "is no time"),
    (("who-saw", *PLAN, "--until", "9999-12-31T23:59-14:00"), "is no time"),
    (("who-saw", *PLAN, "--since", "2026-02-30"), "is no time"),
    (("who-saw", *PLAN, "--since", "2026-11-28", "--until", "1970-01-01"), "ends before it begins"),
    (("who-saw", *PLAN, "--since", "2026-11-28T12:00+02:00", "--until", "2026-11-28T09:59Z"),
     "ends before it begins"),
    (("seen-by", *ACME, "--user", ""), "There is no user ''"),
    (("seen-by", "--tenant", "no", "--user", "owner"), "There is no tenant 'no'"),
    # Options in another order, or of another part.
    (("--check", "evidence"), "--check is no option of `review evidence`: leave one of them out."),
    (("--lock", "x", "seen-by", *ACME, "--user", "owner"), "--lock is no option of `review"),
    (("--model", "x.y", "seen-by", *ACME, "--user", "owner"), "--model is no option of"),
    (("--format", "sarif", "seen-by", *ACME, "--user", "owner"), "prints as text, json, csv"),
    (("--format", "csv", "--check"), "invalid choice: 'csv'"),
    (("--accept", "--format", "lock"), "leave out --check and the like"),
    # No text.
    *(((part, *more), "is no text: write it in UTF-8, without NUL.") for part, more in (
        ("explain", (*ACME, *MODEL, "--called", ODD)), ("explain", (*PLAN, "--user", "\udcff")),
        ("what-if", (*ACME, "--leave", "--user", ODD)), ("verify", ("--tenant", ODD)),
        ("verify", ("--file", ODD)), ("export", (*ACME, "--output", "\udcff")),
        ("who-saw", (*PLAN, "--etag", ODD)), ("seen-by", (*ACME, "--user", "\udcff")),
    )),
    (("--model", ODD), "--model is no text"),
    (("--check", "--lock", ODD), "--lock is no text"),
    (("--between", "main", ODD), "--between is no text"),
)  # fmt: skip


def refused(*args: str) -> str:
    """Why the command refuses, with code 2."""
    with pytest.raises(CommandError) as ended:
        call_command("review", *args, stdout=StringIO())
    text = str(ended.value)
    assert ended.value.returncode == 2 or text.startswith("Error: argument")  # argparse exits so
    return text


def test_what_cannot_be_answered_is_one_line_that_says_what_to_do(world: World) -> None:
    for args, said in LINES:
        text = refused(*args)
        assert said in text, (args, text)
        assert "\n" not in text, args
    assert {args[0] for args, _ in LINES} >= {*PARTS} - {"evidence"}
    assert {part.name for part in subcommands.registered()} == {*PARTS}
    assert not Inquiry.objects.exists()


def test_span_in_the_future_is_empty_and_no_fault(world: World) -> None:
    out = StringIO()
    call_command("review", "who-saw", *PLAN, "--since", "9999-12-31", stdout=out)
    assert "\n0 in all." in out.getvalue()
    call_command("review", "seen-by", *ACME, "--user", "owner", "--since", "0001-01-01", stdout=out)
    assert out.getvalue().count("in all.") == 2


def test_format_may_stand_before_the_part(world: World) -> None:
    for args in (
        ("--format", "json", "explain", *PLAN),
        ("explain", *PLAN, "--format", "json"),
        ("--format", "json", "seen-by", *ACME, "--user", "owner"),
    ):
        out = StringIO()
        call_command("review", *args, stdout=out)
        assert out.getvalue()[0] in "[{", args


@contextmanager
def away() -> Iterator[None]:
    def fails(*_: Any) -> Any:
        raise OperationalError("connection refused\nIs the server running?") from Exception()

    with connection.execute_wrapper(fails):
        yield


@pytest.mark.django_db
def test_database_that_does_not_answer_is_one_line() -> None:
    with away():
        for part in (
            ("explain", *PLAN), ("seen-by", *ACME, "--user", "x"), ("verify", *ACME),
            ("what-if", *ACME, "--leave", "--user", "x"), ("verify", "--all-tenants"),
        ):  # fmt: skip
            assert refused(*part) == (
                "The database cannot be asked (connection refused): look at DATABASE_URL, and "
                "whether the database is running."
            )


def caused(error: Error, cause: Exception, **values: Any) -> Error:
    for name, value in values.items():
        setattr(cause, name, value)
    error.__cause__ = cause
    return error


def test_error_is_of_the_database_or_of_us() -> None:
    for error, todo in (
        (caused(OperationalError("no such table: x"), sqlite3.OperationalError()), "run manage.py"),
        (caused(ProgrammingError("relation"), Exception(), sqlstate="42P01"), "run manage.py"),
        (caused(DatabaseError("file is not a database"), sqlite3.DatabaseError(),
                sqlite_errorcode=sqlite3.SQLITE_NOTADB), "look at DATABASE_URL"),
        (caused(ProgrammingError("syntax error"), Exception(), sqlstate="42601"), None),
        (DatabaseError("whatever"), None),
    ):  # fmt: skip
        found = inputs.no_database(error)
        assert (found is None) if todo is None else todo in str(found)


def test_fault_of_ours_is_no_line(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(**_: Any) -> Any:
        raise ProgrammingError("syntax error")

    part = subcommands.get("seen-by")
    monkeypatch.setitem(
        subcommands._registered,
        "seen-by",
        subcommands.Subcommand("seen-by", "", "", part.add_arguments, fails),
    )
    with pytest.raises(ProgrammingError):
        call_command("review", "seen-by", *ACME, "--user", "owner", stdout=StringIO())


RESULTS = {
    "var/results/a.xml": ("<testsuites", "make test again"),
    "var/results/mutants.json": ('{"rule": 1}', "make mutants again"),
    "docs/evidence.toml": ("row = 1", "docs/evidence.toml is damaged"),
}


@pytest.mark.parametrize("name", RESULTS)
def test_damaged_results_are_one_line(settings: Settings, tmp_path: Path, name: str) -> None:
    settings.BASE_DIR = tmp_path
    (tmp_path / "docs").mkdir()
    (tmp_path / "var" / "results").mkdir(parents=True)
    (tmp_path / "docs" / "evidence.toml").write_text('[[row]]\nname = "A"\nclaim = "B."\n')
    text, said = RESULTS[name]
    (tmp_path / name).write_text(text)
    assert said in refused("evidence")


def test_evidence_that_cannot_be_written_is_one_line(settings: Settings, tmp_path: Path) -> None:
    settings.BASE_DIR = tmp_path
    (tmp_path / "docs" / "evidence.json").mkdir(parents=True)
    (tmp_path / "docs" / "evidence.toml").write_text('[[row]]\nname = "A"\nclaim = "B."\n')
    assert "evidence.json cannot be written (Is a directory)" in refused("evidence")
    (tmp_path / "docs" / "evidence.json").rmdir()
    out = StringIO()
    call_command("review", "evidence", "--format", "json", stdout=out)
    assert out.getvalue().startswith('[\n  {\n    "name": "A",')


FILES = (
    "", "[]", "x", "\x00", "[" * 100_000, '{"format": 1, "tenant": "\\ud800"}',
    '{"format": 1, "tenant": "a", "tenant_id": Infinity, "at": "", "key": "", "head": "0:'
    + "0" * 64 + '", "seal": ""}',
)  # fmt: skip


@pytest.mark.parametrize("text", FILES, ids=range(len(FILES)))
def test_damaged_export_is_one_line(tmp_path: Path, text: str) -> None:
    path = tmp_path / "acme.jsonl"
    path.write_text(f"{text}\n" if text else "")
    assert "Export it again: manage.py review export" in refused("verify", "--file", str(path))
