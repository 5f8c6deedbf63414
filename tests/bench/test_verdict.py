"""The soak's verdict finds what it is there to find, and nothing else."""

from math import inf

import pytest

from bench.soak.history import Failure, History, Receipt, Span, Window
from bench.soak.verdict import Verdict, percentile

SHOWN = {
    "owner": frozenset({"title", "budget"}),
    "viewer": frozenset({"title"}),
}


@pytest.fixture
def history() -> History:
    """A viewer of a document since 10, by a good token; its title was written at 20."""
    history = History(SHOWN)
    history.tenants = {"ann": "north", "doc": "north", "ann's": "north", "bob": "south"}
    for user in ("ann", "bob"):
        history.facts["member", user].add(0, 0, "member")
    history.facts["token", "1"].add(0, 0, "good")
    history.facts["own", "ann", "doc"].add(10, 10, "viewer")
    history.wrote(1, "doc", "title", 20, 21)
    return history


def receive(history: History, at: float, *canaries: int, user: str = "ann") -> None:
    """A frame of a hundred bytes about the document."""
    history.receipts.append(Receipt(at, user, "1", 7, "doc", canaries, 100))


def leaked(history: History) -> int:
    return Verdict(history).leaked_bytes()


def test_value_that_the_reader_may_see_is_no_leak(history: History) -> None:
    receive(history, 22, 1)
    assert leaked(history) == 0


def test_change_after_a_loss_is_a_leak(history: History) -> None:
    history.facts["own", "ann", "doc"].add(30, 31, None)
    history.wrote(2, "doc", "title", 32, 33)
    receive(history, 34, 2)
    receive(history, 35, 1, 2)
    assert leaked(history) == 200


def test_change_before_a_loss_may_arrive_after_it(history: History) -> None:
    history.facts["own", "ann", "doc"].add(30, 31, None)
    receive(history, 40, 1)
    assert leaked(history) == 0


def test_change_that_may_have_committed_before_the_loss_is_no_leak(history: History) -> None:
    history.facts["own", "ann", "doc"].add(30, 33, None)
    history.wrote(2, "doc", "title", 32, 34)
    receive(history, 35, 2)
    assert leaked(history) == 0


def test_value_of_the_forbidden_time_is_a_leak_until_access_is_back(history: History) -> None:
    own = history.facts["own", "ann", "doc"]
    own.add(30, 31, None)
    history.wrote(2, "doc", "title", 32, 33)
    own.add(40, 41, "viewer")
    receive(history, 39, 2)
    receive(history, 42, 2)
    assert leaked(history) == 100


def test_value_that_was_gone_before_access_was_back_is_a_leak_for_ever(history: History) -> None:
    own = history.facts["own", "ann", "doc"]
    own.add(30, 31, None)
    history.wrote(2, "doc", "title", 32, 33)
    history.wrote(3, "doc", "title", 34, 35)
    own.add(40, 41, "viewer")
    receive(history, 42, 3)
    assert leaked(history) == 0
    receive(history, 43, 2)
    assert leaked(history) == 100


def test_field_that_the_audience_does_not_show_is_a_leak(history: History) -> None:
    history.wrote(2, "doc", "budget", 22, 23)
    receive(history, 24, 2)
    assert leaked(history) == 100


def test_value_that_nobody_stored_is_a_leak(history: History) -> None:
    receive(history, 24, 99)
    assert leaked(history) == 100


def test_value_of_another_tenant_is_a_leak(history: History) -> None:
    history.facts["own", "bob", "doc"].add(10, 10, "viewer")
    receive(history, 24, 1, user="bob")
    assert leaked(history) == 100


@pytest.mark.parametrize("fact", [("member", "ann"), ("token", "1")])
def test_change_after_standing_or_credential_ended_is_a_leak(
    history: History, fact: tuple[str, ...]
) -> None:
    history.facts[fact].add(30, 31, None)
    history.wrote(2, "doc", "title", 32, 33)
    history.wrote(3, "ann's", "display_name", 32, 33)
    receive(history, 34, 2)
    receive(history, 34, 3)
    assert leaked(history) == 200


@pytest.mark.parametrize("way", ["team", "role"])
def test_what_a_team_or_a_role_holds_may_be_seen(history: History, way: str) -> None:
    history.facts["own", "ann", "doc"].add(30, 31, None)
    if way == "team":
        history.facts["team", "doc"].add(0, 0, "viewer")
        history.facts["team", "ann"].add(30, 31, "in")
    else:
        history.facts["role", "member", "doc"].add(30, 31, "viewer")
    history.wrote(2, "doc", "title", 32, 33)
    receive(history, 34, 2)
    assert leaked(history) == 0


def test_older_value_after_a_newer_one_is_counted(history: History) -> None:
    history.wrote(2, "doc", "title", 25, 26)
    for number in (1, 2, 2, 1):
        receive(history, 30, number)
    assert Verdict(history).went_back() == 1


@pytest.mark.parametrize(
    ("span", "silence"),
    [
        pytest.param(Span("ann", "doc", "viewer", 15, 33, told=True), [2.0], id="told"),
        pytest.param(Span("ann", "doc", "viewer", 15, 30.5, told=True), [0.0], id="told-early"),
        pytest.param(Span("ann", "doc", "viewer", 15), [inf], id="never-told"),
        pytest.param(Span("ann", "doc", "viewer", 15, 33), [], id="cut"),
        pytest.param(Span("ann", "doc", "viewer", 15, 20, told=True), [], id="ended-before"),
        pytest.param(Span("ann", "doc", "viewer", 32), [], id="began-later"),
    ],
)
def test_silence_is_measured_where_a_socket_was_live(
    history: History, span: Span, silence: list[float]
) -> None:
    history.facts["own", "ann", "doc"].add(30, 31, None)
    history.spans.append(span)
    assert Verdict(history).silences().get(None, []) == silence


def test_loss_that_was_undone_first_is_not_measured(history: History) -> None:
    history.facts["own", "ann", "doc"].add(30, 31, None)
    history.facts["own", "ann", "doc"].add(32, 33, "viewer")
    history.spans.append(Span("ann", "doc", "viewer", 15))
    assert not Verdict(history).silences()


def test_loss_that_takes_nothing_is_not_measured(history: History) -> None:
    history.facts["role", "member", "doc"].add(0, 0, "viewer")
    history.facts["own", "ann", "doc"].add(30, 31, None)
    history.spans.append(Span("ann", "doc", "viewer", 15))
    assert not Verdict(history).silences()


def test_silence_and_errors_go_to_the_fault_in_which_they_fell(history: History) -> None:
    history.windows += [Window("Valkey paused", 25, 50), Window("PostgreSQL stopped", 60, 70)]
    history.facts["own", "ann", "doc"].add(30, 31, None)
    history.spans.append(Span("ann", "doc", "viewer", 15, 33, told=True))
    history.failures += [Failure(65, 66, "dead"), Failure(40, 41, "hung"), Failure(80, 81, "odd")]
    verdict = Verdict(history)
    assert verdict.silences() == {"Valkey paused": [2.0]}
    assert verdict.errors() == {"PostgreSQL stopped": 1, "Valkey paused": 1, None: 1}
    assert [failure.what for failure in verdict.blameworthy()] == ["hung", "odd"]


def test_percentile_is_one_of_the_values() -> None:
    assert percentile([3.0, 1.0, 2.0], 0.5) == 2.0
    assert percentile([float(n) for n in range(100)], 0.99) == 99.0
    assert percentile([], 0.5) == 0.0


def test_delivery_is_measured_where_a_socket_first_has_a_pushed_value(history: History) -> None:
    history.windows.append(Window("logins flooded", 30, 50))
    history.wrote(2, "doc", "title", 32, 33)
    history.wrote(3, "doc", "title", 34, 35)
    receive(history, 22.5, 1)
    receive(history, 36, 1, 2, 3)
    asked = Receipt(37, "ann", "1", 8, "doc", (3,), 100, pushed=False)
    history.receipts += [asked, asked._replace(at=38, pushed=True)]
    assert Verdict(history).deliveries() == {
        ("north", None): [1.5],
        ("north", "logins flooded"): [3.0, 1.0],
    }
