"""Each lock that keeps writers and movers apart, taken away once; see `mutants`."""

from __future__ import annotations

from typing import Final

from tests.mutant import Mutant

FILE: Final = "realtime/capture/locks.py"
TESTS: Final = "tests/realtime/capture/test_locks.py::test_who_"
WAITS: Final = TESTS + "moves_waits_for_who_writes"
WRITES: Final = TESTS + "writes_waits_for_who_moves"
OLD: Final = TESTS + "writes_in_a_snapshot_that_is_older_than_a_move_fails"
LISTED: Final = (
    "tests/realtime/capture/test_listed_locks.py::test_row_gives_what_it_gives_where_its_object_is"
)


def lock(rule: str, code: str, without: str, test: str, file: str = FILE) -> Mutant:
    return Mutant(f"locks: {rule}", file, code, without, test, served=True)


OF_LOCKS: Final = (
    lock(
        "who writes an object keeps where it is what places it",
        'WHERE {here} {STAY} OF p{number};"\n',
        'WHERE {here};"\n',
        WAITS + "[book renamed shelf_moves]",
    ),
    lock(
        "each row of a longer path is kept",
        "        for number in range(len(own.steps))\n",
        "        for number in range(1)\n",
        WAITS + "[leaf made shelf_moves]",
    ),
    lock(
        "who grants keeps the object where it is",
        '    found = [f"PERFORM 1 FROM {table} o WHERE {condition} {STAY};"]\n',
        "    found = []\n",
        WAITS + "[paper granted it_moves]",
    ),
    lock(
        "who grants keeps where it is what places the object",
        'WHERE {condition} {STAY} OF p{number};"\n',
        'WHERE {condition};"\n',
        WAITS + "[book granted shelf_moves]",
    ),
    lock(
        "who moves a row waits for all that it places",
        '[f"{mine} FOR UPDATE;", path(rest)]',
        "[path(rest)]",
        WAITS + "[book made shelf_moves]",
    ),
    lock(
        "who moves a row of a path keeps where it is what places that",
        '[f"{mine} FOR UPDATE;", path(rest)]',
        '[f"{mine} FOR UPDATE;"]',
        WAITS + "[leaf board_moves shelf_moves]",
    ),
    lock(
        "who repeats reads fails where a row was moved since",
        "{text.replace(STAY, SHARE)}",
        "{text}",
        OLD + "[book granted shelf_moves]",
    ),
    lock(
        "who raises versions keeps where it is what places their objects",
        "{placing} NOT {REPEATS} {STAY} OF p{number})",
        "{placing} NOT {REPEATS})",
        WAITS + "[book raised shelf_moves]",
    ),
    lock(
        "who raises versions and repeats reads fails where a row was moved since",
        "{placing} {REPEATS} {SHARE} OF p{number})",
        "{placing} {REPEATS} {STAY} OF p{number})",
        OLD + "[book raised shelf_moves]",
    ),
    lock(
        "an object that moves waits for all that names it",
        "    if not live.moves:\n",
        "    if True:\n",
        WAITS + "[paper linked it_moves]",
        "realtime/capture/beside_postgresql.py",
    ),
    lock(
        "members keep their object where it is",
        "                locks=locks.named(",
        '                locks="" and locks.named(',
        WAITS + "[paper linked it_moves]",
        "realtime/capture/linked.py",
    ),
    lock(
        "grants keep their object where it is",
        "            locks=locks.named(",
        '            locks="" and locks.named(',
        WAITS + "[paper granted it_moves]",
        "realtime/capture/granted.py",
    ),
    lock(
        "a step of a path waits for what it places",
        '        "locks": locks.moving(',
        '        "locks": "" and locks.moving(',
        WRITES + "[book made shelf_moves]",
        "realtime/capture/placed.py",
    ),
    lock(
        "rows of the project's own keep their object where it is",
        "        locks=locks.named(",
        '        locks="" and locks.named(',
        LISTED + "[task-access-project_moves-who writes]",
        "realtime/capture/listed.py",
    ),
)
