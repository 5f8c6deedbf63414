"""When a window could show an object, and as which audience: intervals, without a database."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from permissions.audiences import registry
from realtime.audit import spans
from realtime.audit.spans import Possible, Span, Way, Whole
from realtime.models import Belongs, Held

DOCUMENTS = registry.get("resources.document")
PERMISSIONS = {a.name: a.permission for a in DOCUMENTS.audiences}


def at(minute: int) -> datetime:
    return datetime(2030, 1, 1, tzinfo=UTC) + timedelta(minutes=minute)


class Late:
    """A process that applies access revision n in the minute n + 1, up to the highest."""

    def __init__(self, highest: int = 1000) -> None:
        self.highest = highest

    def read(self, revision: int) -> datetime | None:
        return at(revision + 1) if revision <= self.highest else None

    applied = read

    def applied_after(self, moment: datetime) -> datetime | None:
        return moment + timedelta(minutes=5)


def held(audience: str, since: int | None, until: int | None, **more: Any) -> Held:
    return Held(**interval(since, until), permission=PERMISSIONS[audience], object_id=1,
                **{"principal": "user:1", "source": "grants", **more})  # fmt: skip


def belongs(principal: str, since: int | None = 0, until: int | None = None) -> Belongs:
    return Belongs(**interval(since, until), principal=principal, user_id=1)


def interval(since: int | None, until: int | None) -> dict[str, Any]:
    return {
        "since": since, "until": until, "began": "x", "began_at": at(since or 0),
        "ended_at": None if until is None else at(until),
    }  # fmt: skip


MEMBER = belongs("role:member")


def found(
    rows: list[Held],
    others: list[Belongs] | None = None,
    *,
    existed: Whole | None = None,
    viewed: Span | None = None,
    highest: int = 1000,
) -> list[tuple[str, int, int | None]]:
    """As what, from when until when, in minutes."""
    possible = spans.ways(
        1, rows, others or [MEMBER], existed, viewed or Span(at(0), None), Late(highest)
    )
    return [
        (name, minute(span.began_at), None if span.ended_at is None else minute(span.ended_at))
        for name, span, _ in spans.timeline(DOCUMENTS, possible)
    ]


def minute(moment: datetime) -> int:
    return int((moment - at(0)).total_seconds() // 60)


def test_it_lasts_from_when_it_could_be_read_until_its_loss_was_applied() -> None:
    assert found([held("viewer", 10, 20)]) == [("viewer", 11, 21)]
    assert found([held("viewer", 10, None)]) == [("viewer", 11, None)]
    assert found([held("viewer", 10, 20)], highest=15) == [("viewer", 11, None)]
    assert found([held("viewer", 10, 20)], highest=5) == []


def test_it_is_cut_to_the_time_of_the_window() -> None:
    viewed = Span(at(15), at(18))
    assert found([held("viewer", 10, 20)], viewed=viewed) == [("viewer", 15, 18)]
    assert found([held("viewer", 20, 30)], viewed=viewed) == []


def test_of_several_audiences_the_first_counts() -> None:
    rows = [held("viewer", 10, 60), held("owner", 20, 40), held("editor", 30, 50)]
    assert found(rows) == [
        ("viewer", 11, 21), ("owner", 21, 41), ("editor", 41, 51), ("viewer", 51, 61),
    ]  # fmt: skip


def test_what_follows_without_a_break_is_one_time_by_the_first_way() -> None:
    rows = [held("viewer", 10, 20, given_by=5), held("viewer", 15, 30, given_by=6)]
    possible = spans.ways(1, rows, [MEMBER], None, Span(at(0), None), Late())
    [(_, span, way)] = spans.timeline(DOCUMENTS, possible)
    assert (span, way.held.given_by) == (Span(at(11), at(31)), 5)
    assert found([held("viewer", 10, 20), held("viewer", 25, 30)]) == [
        ("viewer", 11, 21), ("viewer", 26, 31),
    ]  # fmt: skip


def test_only_active_members_hold_anything() -> None:
    away = [belongs("role:member", 0, 12), belongs("role:admin", 30, 40)]
    assert found([held("viewer", 10, None)], away) == [("viewer", 11, 13), ("viewer", 31, 41)]
    assert found([held("viewer", 10, None)], [belongs("group:3")]) == []


def test_groups_and_roles_hold_for_those_who_belong_to_them() -> None:
    of_group, of_role = (
        held("viewer", 10, None, principal="group:3"),
        held("viewer", 10, None, principal="role:admin"),
    )
    assert found([of_role]) == []
    assert found([of_role], [belongs("role:admin", 20, 30)]) == [("viewer", 21, 31)]
    joined = belongs("group:3")
    joined.since, joined.ended_at = None, at(40)
    assert found([of_group], [MEMBER, joined]) == [("viewer", 11, 45)]


def test_what_a_role_has_of_every_object_it_has_of_those_that_exist() -> None:
    of_all = held("viewer", None, None, principal="role:member")
    of_all.object_id = None
    existed = spans.existence([held("owner", 30, 40), held("owner", 40, 50)])
    assert existed == Whole(30, 50, at(30), at(50))
    assert found([of_all], existed=existed) == [("viewer", 31, 51)]
    assert found([of_all]) == [("viewer", 1, None)]
    open_end = spans.existence([held("owner", 30, 40), held("owner", 40, None)])
    assert open_end == Whole(30, None, at(30), None)
    assert spans.existence([]) is None


def test_way_is_known_by_its_later_half() -> None:
    early, late = held("viewer", 10, 50), belongs("group:3", 20, 40)
    late.began = "before the record"
    assert spans.way(early, late) == Way(early, at(20), True, at(40))
    assert spans.way(early, early) == Way(early, at(10), False, at(50))


@pytest.mark.parametrize("ways", [[], [Possible(Way(Held(permission="x"), at(0), False, None),
                                                Span(at(0), at(5)))]])  # fmt: skip
def test_what_puts_nobody_into_an_audience_shows_nothing(ways: list[Possible]) -> None:
    assert list(spans.timeline(DOCUMENTS, ways)) == []


@pytest.mark.parametrize("who", ["deactivated", "suspended"])
def test_who_is_denied_sees_nothing_from_when_it_was_applied_until_its_end_could_be_read(
    who: str,
) -> None:
    given = [held("viewer", 10, None)]
    assert found(given, [MEMBER, belongs(who, 30, 40)]) == [
        ("viewer", 11, 31),
        ("viewer", 41, None),
    ]
    assert found(given, [MEMBER, belongs(who, 30)]) == [("viewer", 11, 31)]
    assert found(given, [MEMBER, belongs(who, 30, 40)], highest=35) == [("viewer", 11, 31)]


def test_denial_that_a_process_never_applied_or_applied_with_its_end_changes_nothing() -> None:
    given, lasting = [held("viewer", 10, None)], [("viewer", 11, None)]
    assert found(given, [MEMBER, belongs("suspended", 30, 40)], highest=20) == lasting
    assert found(given, [MEMBER, belongs("suspended", 30, 30)]) == lasting


def test_denial_that_bears_no_revision_counts_from_when_anything_was_applied() -> None:
    denial = belongs("deactivated", 30, 40)
    denial.since = denial.until = None
    parts = [("viewer", 11, 35), ("viewer", 40, None)]
    assert found([held("viewer", 10, None)], [MEMBER, denial]) == parts
