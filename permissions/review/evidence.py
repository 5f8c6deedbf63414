"""`manage.py review evidence`: what each promise and requirement rests on, and what was seen of it.

The table is `docs/evidence.toml`. Results are only those that test runs left in `var/results/`.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final
from xml.etree import ElementTree as ET

import orjson
from django.conf import settings

from permissions.review.subcommands import Subcommand, Unanswerable

TABLE: Final = "docs/evidence.toml"
RESULTS: Final = "var/results"
NOT_RUN: Final = "not run"
KILLED: Final = "killed"
EXAMPLES: Final = """
examples:
  manage.py review evidence                 write docs/evidence.md and docs/evidence.json
  manage.py review evidence --format json   and print what is in the second

exit code: 2 for what cannot be answered
"""


@dataclass(frozen=True, slots=True)
class Row:
    """A promise or requirement: the modules that keep it, the tests that hold it, and the mutants
    that these tests kill."""

    name: str
    claim: str
    modules: tuple[str, ...]
    tests: tuple[str, ...]
    mutants: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Result:
    """How something ended, and when."""

    outcome: str
    at: str

    def __str__(self) -> str:
        return f"{self.outcome}, {self.at}" if self.at else self.outcome


Results = Mapping[str, Result]
"""By the name of a test, without its parameters, or by the rule of a mutant."""

NOTHING: Final = Result(NOT_RUN, "")


def rows(root: Path) -> list[Row]:
    """The table; raises Unanswerable where there is none."""
    path = root / TABLE
    if not path.is_file():
        raise Unanswerable(
            f"There is no {TABLE}: the evidence is that of this project's own tests."
        )
    kinds = ("modules", "tests", "mutants")
    try:
        read = tomllib.loads(path.read_text())["row"]
        return [Row(r["name"], r["claim"], *(tuple(r.get(k, ())) for k in kinds)) for r in read]
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise Unanswerable(f"{TABLE} is damaged ({error}): take it from the repository.") from error


def results(folder: Path) -> dict[str, Result]:
    """What the runs left in this folder; of a test in several of them, the worst."""
    found: dict[str, Result] = {}
    for path in sorted(folder.glob("*.xml")):
        with _whole(path, "test"):
            for name, result in _of_tests(path):
                known = found.get(name)
                if known is None or known.outcome == "passed":
                    found[name] = result
    mutants = folder / "mutants.json"
    if mutants.is_file():
        with _whole(mutants, "mutants"):
            for rule, what in orjson.loads(mutants.read_bytes()).items():
                found[rule] = Result(KILLED if what["noticed"] else "survived", what["at"])
    return found


@contextmanager
def _whole(path: Path, target: str) -> Iterator[None]:
    """Refuse a file of results that is not whole."""
    try:
        yield
    except (AttributeError, KeyError, TypeError, ValueError, ET.ParseError) as error:
        text = f"{RESULTS}/{path.name} is damaged: delete it, and run make {target} again."
        raise Unanswerable(text) from error


def _of_tests(path: Path) -> Iterator[tuple[str, Result]]:
    for suite in ET.parse(path).iter("testsuite"):  # noqa: S314 -- our own file
        at = suite.get("timestamp", "")[:10]
        for case in suite.iter("testcase"):
            test = case.get("name", "").partition("[")[0]
            name = f"{case.get('classname', '').replace('.', '/')}.py::{test}"
            if case.find("skipped") is None:
                failed = case.find("failure") is not None or case.find("error") is not None
                yield name, Result("failed" if failed else "passed", at)


def is_shown(row: Row, found: Results) -> bool:
    """Whether all its tests passed and a mutant was killed by them."""
    passed = all(found.get(test, NOTHING).outcome == "passed" for test in row.tests)
    killed = any(found.get(rule, NOTHING).outcome == KILLED for rule in row.mutants)
    return passed and killed


def as_json(table: Iterable[Row], found: Results) -> list[dict[str, Any]]:
    """Every row with its results, for a program."""
    return [
        {
            **asdict(row),
            "shown": is_shown(row, found),
            "results": {name: str(found.get(name, NOTHING)) for name in (*row.tests, *row.mutants)},
        }
        for row in table
    ]


def text(told: Iterable[Mapping[str, Any]]) -> str:
    """The page, of what is told to a program."""
    return "\n".join([HEAD, *(line for row in told for line in _section(row))])


HEAD: Final = """# Evidence

Written by `manage.py review evidence` from `docs/evidence.toml` and the results of `make test`,
`make both` and `make mutants`. A row is shown if its tests passed and a mutant, that is, the code
without the rule, was killed by one of them.
"""


def _section(row: Mapping[str, Any]) -> Iterator[str]:
    yield f"## {row['name']}\n"
    yield f"{row['claim']} **{'Shown' if row['shown'] else 'Not shown'}.**\n"
    yield f"Kept by {', '.join(f'`{path}`' for path in row['modules'])}.\n"
    for kind in ("tests", "mutants"):
        for name in row[kind]:
            spelled = f"`{name}`" if kind == "tests" else f"Without it: {name}"
            yield f"- {spelled}: {row['results'][name]}"
    yield ""


def add_arguments(parser: Any) -> None:
    """Add the options of `review evidence`."""
    parser.add_argument("--format", choices=("text", "json"), default="text", help="How to print.")


def ask(**options: Any) -> Iterable[str]:
    """Write the page and its JSON, and say what is not shown; raises Unanswerable."""
    root = Path(getattr(settings, "BASE_DIR", Path.cwd()))
    told = as_json(rows(root), results(root / RESULTS))
    data = orjson.dumps(told, option=orjson.OPT_INDENT_2)
    try:
        (root / "docs" / "evidence.json").write_bytes(data)
        (root / "docs" / "evidence.md").write_text(text(told))
    except OSError as error:
        why = f"{error.filename} cannot be written ({error.strerror})"
        raise Unanswerable(f"{why}: run it where docs/ may be written.") from error
    if options["format"] == "json":
        yield data.decode()
        return
    for row in told:
        if not row["shown"]:
            yield f"not shown  {row['name']}"
    yield f"{sum(row['shown'] for row in told)} of {len(told)} are shown. See docs/evidence.md."


EVIDENCE: Final = Subcommand(
    name="evidence",
    help="Writes what each promise and requirement rests on, and what tests have seen of it.",
    examples=EXAMPLES,
    add_arguments=add_arguments,
    ask=ask,
)
