"""What writes took is compared with what they may take."""

import pytest

from bench import capture
from bench.capture import Figure

FIGURE = Figure("save", "a save", (1.2, None))


def test_ratio_is_of_earshot_to_django_at_its_share() -> None:
    times = {"earshot": [2.0, 2.0, 9.0], "django": [1.0, 1.0, 3.0]}
    assert capture.ratio(FIGURE, "PostgreSQL", times).found == 2.0
    assert capture.ratio(FIGURE._replace(share=0.99), "PostgreSQL", times).found == 3.0


@pytest.mark.parametrize(
    ("database", "took", "goal", "reached"),
    [
        ("PostgreSQL", 1.2, "at most 1.2", True),
        ("PostgreSQL", 1.3, "at most 1.2", False),
        ("SQLite", 1.3, "", None),
    ],
)
def test_each_database_has_a_goal_of_its_own(
    database: str, took: float, goal: str, reached: bool | None
) -> None:
    row = capture.ratio(FIGURE, database, {"earshot": [took], "django": [1.0]})
    assert (row.goal, row.reached) == (goal, reached)


def test_one_statement_more_misses_the_goal() -> None:
    rows = [capture.more_statements("SQLite", {"earshot": n, "django": 3}) for n in (3, 4)]
    assert [(row.found, row.reached) for row in rows] == [(0.0, True), (1.0, False)]
