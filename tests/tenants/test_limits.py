from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from pytest_django import Settings

from tenants.limit_rules import LEAST, MOST, RULES, Contradiction, Rule, check_together
from tenants.limits import (
    DEFAULTS,
    LIMITS,
    InvalidLimit,
    Limit,
    check_own,
    limits,
    read_limits,
)

DOCUMENT = Path(__file__).parents[2] / "docs" / "settings.md"


def test_limits_have_their_defaults_in_an_empty_environment() -> None:
    limits = read_limits({})
    assert list(limits) == [limit.name for limit in LIMITS]
    assert limits["tail_seconds"] == 2
    assert limits["subscriptions_per_socket"] == 1000


def test_environment_sets_a_limit_and_an_empty_variable_does_not() -> None:
    limits = read_limits({"EARSHOT_TAIL_SECONDS": "0.5", "EARSHOT_ROUND_SIZE": ""})
    assert limits["tail_seconds"] == 0.5
    assert limits["round_size"] == 500


@pytest.mark.parametrize("default", [20, 2.0])
@pytest.mark.parametrize("text", ["many", "-1", "0", "nan", "inf", "1,5", " "])
def test_what_makes_no_sense_is_refused_by_name(default: float, text: str) -> None:
    with pytest.raises(
        InvalidLimit, match=r"EARSHOT_SIZE must be .* above 0 and .*; it is '"
    ) as caught:
        Limit("size", default, "").parse(text)
    assert (caught.value.limit.name, caught.value.text) == ("size", text)


def test_whole_numbers_have_no_fraction() -> None:
    with pytest.raises(InvalidLimit, match="a whole number"):
        Limit("size", 20, "").parse("1.5")


def test_zero_passes_only_where_it_makes_sense() -> None:
    assert Limit("proxies", 0, "", zero=True).parse("0") == 0
    with pytest.raises(InvalidLimit, match="0 or more"):
        Limit("proxies", 0, "", zero=True).parse("-1")


@pytest.mark.parametrize(
    ("name", "default", "text"),
    [
        ("round_size", 500, "5001"),
        ("sweep_budget", 0.1, "1.5"),
        ("client_frame_bytes", 16_384, "100"),
        ("tail_seconds", 2.0, "0.001"),
        ("any_seconds", 2.0, "100000"),
        ("anything", 1, "2000000000"),
    ],
)
def test_each_limit_has_bounds(name: str, default: float, text: str) -> None:
    with pytest.raises(InvalidLimit, match=f"EARSHOT_{name.upper()} must be .* at most"):
        Limit(name, default, "").parse(text)


def test_bounds_and_rules_are_of_limits_that_there_are() -> None:
    rules = {name for rule in RULES for name in (rule.lower, rule.higher)}
    assert {*LEAST, *MOST, *rules} <= {limit.name for limit in LIMITS}


@pytest.mark.parametrize("rule", RULES)
def test_limits_that_contradict_each_other_are_refused(rule: Rule) -> None:
    low = DEFAULTS[rule.higher] / rule.times
    check_together(DEFAULTS | {rule.lower: low})
    with pytest.raises(Contradiction, match=f"EARSHOT_{rule.lower.upper()} is .* Lower the first"):
        check_together(DEFAULTS | {rule.lower: low * 1.01})


def test_document_shows_every_limit_with_its_default_and_purpose() -> None:
    rows = [f"| `{limit.variable}` | {limit.default} | {limit.purpose} |" for limit in LIMITS]
    assert DOCUMENT.read_text().endswith("\n|---|---|---|\n" + "\n".join(rows) + "\n")


def test_project_that_sets_no_limits_has_the_defaults(settings: Settings) -> None:
    del settings.EARSHOT
    assert dict(limits()) == DEFAULTS


def test_project_that_sets_one_limit_has_the_other_defaults(settings: Settings) -> None:
    settings.EARSHOT = {"ticket_seconds": 5}
    assert limits()["ticket_seconds"] == 5
    assert dict(limits()) == DEFAULTS | {"ticket_seconds": 5}


def test_tenants_own_limits_come_before_all_others(settings: Settings) -> None:
    settings.EARSHOT = {"sockets_per_user": 5, "tail_seconds": 1.0}
    own = limits({"sockets_per_user": 1})
    assert (own["sockets_per_user"], own["tail_seconds"]) == (1, 1.0)
    assert own["round_size"] == DEFAULTS["round_size"]


@pytest.mark.parametrize("own", [{}, {"sockets_per_user": 1}, {"stalled_seconds": 1.5}])
def test_tenant_may_have_limits_of_its_own(own: dict[str, float]) -> None:
    check_own(own)


@pytest.mark.parametrize(
    ("own", "message"),
    [
        ([], "Must be an object of limits"),
        ({"tail_seconds": 1}, "'tail_seconds' is an unknown limit"),
        ({"sockets_per_user": 0}, "above 0"),
        ({"sockets_per_user": 1.5}, "a whole number"),
        ({"sockets_per_user": True}, "a whole number"),
        ({"sockets_per_user": "5"}, "must be a number"),
        ({"client_frame_bytes": 16_385}, "at most 16384, the server's own limit"),
        ({"client_frame_bytes": 100}, "256 or more"),
    ],
)
def test_tenant_may_not_have_what_is_no_limit_of_a_tenant(own: Any, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        check_own(own)
