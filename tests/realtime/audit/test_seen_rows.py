"""The rows that answer who had what: by the indexes that fit, each once and in order."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db.models import QuerySet
from django.utils import timezone

from permissions.audiences import registry
from realtime.audit import seen, seen_rows
from realtime.audit.models import Access, Push, Read
from realtime.audit.questions import Place, Question
from tests.realtime.audit.plans import Analyze, plan
from tests.realtime.audit.sight import had, hours, pushed, read
from tests.world import World

DOCUMENT = registry.get("resources.document")
READS, ACCESSES = seen_rows.SOURCES


def of_document(world: World, **more: Any) -> Question:
    return Question(
        world.tenants["acme"].pk, resource=DOCUMENT, object_id=world.document.pk, **more
    )


def queries(
    source: seen_rows.Source, question: Question, after: Place | None = None
) -> list[QuerySet[Any]]:
    [part] = seen_rows.parts(question)
    return list(seen_rows.rows(source, question, part, after))


@pytest.mark.parametrize("what", ["object", "user"])
def test_questions_are_answered_by_an_index(world: World, analyze: Analyze, what: str) -> None:
    asked = Access(
        tenant=world.tenants["acme"], user_id=world.user("viewer").pk, model=DOCUMENT.label,
        object_id=1, audience="viewer", began_at=timezone.now(), began="x", process=1,
        connection="c",
    )  # fmt: skip
    Access.objects.bulk_create(
        Access(**{f.attname: getattr(asked, f.attname) for f in Access._meta.concrete_fields}
               | {"id": None, "object_id": 10 + n, "user_id": 10**6 + n})
        for n in range(2000)
    )  # fmt: skip
    analyze(Access)
    user = Question(world.tenants["acme"].pk, user_id=10**6 + 7, since=hours(9))
    one = Question(world.tenants["acme"].pk, resource=DOCUMENT, object_id=17, until=hours(-1))
    question = user if what == "user" else one
    found = plan(queries(ACCESSES, question, Place(hours(10), "socket", 0))[0][: seen.BATCH])
    assert f"access_by_{what}" in found, found


def test_what_began_before_a_span_and_lasted_into_it_comes_first_page_by_page(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(seen, "BATCH", 2)
    spans = {"old": (9, 5), "long": (8, 2), "open": (7, None), "edge": (6, 3.9), "new": (3, 1)}
    for name, (began, ended) in spans.items():
        until = None if ended is None else hours(ended)
        had(world, "viewer", "viewer", began_at=hours(began), ended_at=until, connection=name)
    for asked in (
        of_document(world, since=hours(4)),
        Question(world.tenants["acme"].pk, user_id=world.user("viewer").pk, since=hours(4)),
    ):
        found = [row.access for some in seen.batches(asked) for row in some]
        assert [a.connection for a in found if isinstance(a, Access)] == [
            "long", "open", "edge", "new",
        ]  # fmt: skip


def many(**values: Any) -> None:
    """Two thousand copies, one an hour, of two objects and two users, each of a moment."""
    Access.objects.bulk_create(
        Access(
            user_id=17 + n // 2 % 2, model=DOCUMENT.label, object_id=17 + n % 2,
            audience="owner" if n < 4 else "viewer", began_at=hours(2000 - n), began="x",
            ended_at=hours(2000 - n), process=1, connection="c", **values,
        )
        for n in range(2000)
    )  # fmt: skip


@pytest.mark.parametrize("what", ["object", "user"])
def test_what_lasted_into_a_span_is_found_by_when_it_ended(
    world: World, analyze: Analyze, what: str
) -> None:
    many(tenant=world.tenants["acme"])
    analyze(Access)
    of: dict[str, Any] = {"resource": DOCUMENT, "object_id": 17}
    asked = of if what == "object" else {"user_id": 17}
    earlier, _ = queries(ACCESSES, Question(world.tenants["acme"].pk, since=hours(20), **asked))
    found = plan(earlier[: seen.BATCH])
    # Where few others end meanwhile, the index of all ends serves as well.
    assert f"access_by_{what}_end" in found or "access_by_end" in found, found


@pytest.mark.parametrize("what", ["object", "user"])
def test_reads_are_found_by_an_index(world: World, analyze: Analyze, what: str) -> None:
    asked = {"model": DOCUMENT.label, "audience": "viewer", "tenant": world.tenants["acme"]}
    Read.objects.bulk_create(
        Read(user_id=10**6 + n, object_id=10 + n, minute=hours(n % 7), **asked) for n in range(2000)
    )
    analyze(Read)
    user = Question(world.tenants["acme"].pk, user_id=10**6 + 7, since=hours(9))
    one = Question(world.tenants["acme"].pk, resource=DOCUMENT, object_id=17, until=hours(-1))
    question = user if what == "user" else one
    found = plan(queries(READS, question, Place(hours(10), "rest", 0))[0][: seen.BATCH])
    # SQLite does not tell the names of unique constraints.
    indexes = {"object": ("read_once_a_minute", "autoindex"), "user": ("read_by_user",)}[what]
    assert any(name in found for name in indexes), found


def test_version_is_found_by_its_etag(world: World, analyze: Analyze) -> None:
    Push.objects.bulk_create(
        Push(
            tenant=world.tenants["acme"], model=DOCUMENT.label, object_id=world.document.pk,
            audience="viewer", version=10 + n, fields=[], etag=f"etag {n}", size=1,
        )
        for n in range(2000)
    )  # fmt: skip
    analyze(Push)
    pushes = Push.objects.filter(etag="etag 7", object_id=world.document.pk)
    assert "push_by_etag" in plan(pushes[: seen.BATCH])
    [part] = seen_rows.parts(of_document(world, etag="etag 7"))
    assert part.audience == "viewer"


def test_row_of_two_times_of_a_version_is_told_once(world: World) -> None:
    """What was written back has the etag that it had before."""
    for version, etag in enumerate(("one", "two", "one", "two"), 1):
        pushed(world, etag, version, 10 - version)
    throughout = had(world, "viewer", "viewer", began_at=hours(20))
    between = had(world, "member", "viewer", began_at=hours(7.9), ended_at=hours(7.5))
    question = of_document(world, etag="one")
    parts = seen_rows.parts(question)
    assert [part.before is None for part in parts] == [False, False]
    found = seen_rows.first(question, parts, None, 500)
    assert [row.pk for row in found] == [throughout.pk]
    last = seen_rows.parts(of_document(world, etag="two"))
    assert [part.before is None for part in last] == [False, True]
    found = seen_rows.first(question, last, None, 500)
    assert [row.pk for row in found] == [throughout.pk, between.pk]


def test_field_and_etag_narrow_together(world: World) -> None:
    pushed(world, "one", 1, 9)
    assert len(seen_rows.parts(of_document(world, etag="one", field="title"))) == 1
    assert seen_rows.parts(of_document(world, etag="one", field="budget")) == []
    assert seen_rows.parts(of_document(world, field="of nobody")) == []
    had(world, "viewer", "viewer")
    read(world, "viewer", "viewer", hours(1))
    assert seen.page(of_document(world, field="of nobody")) == ([], None)


def test_windows_are_asked_for_the_time_of_all_parts(world: World) -> None:
    question = of_document(world, since=hours(9), until=hours(1))
    assert seen_rows.spanning(question, seen_rows.parts(question)) == question
    pushed(world, "one", 1, 8)
    pushed(world, "two", 2, 5)
    pushed(world, "one", 3, 3)
    question = of_document(world, etag="one")
    first, second = seen_rows.parts(question)
    whole = seen_rows.spanning(question, [first, second])
    assert (whole.since, whole.until) == (first.since, None)
    whole = seen_rows.spanning(question, [first])
    assert (whole.since, whole.until) == (first.since, first.before)


@pytest.mark.parametrize(
    ("audience", "began", "ended", "is_of_it"),
    [
        ("viewer", 5, None, True),
        ("editor", 5, None, False),
        ("viewer", 9, 7, False),
        ("viewer", 9, 6, True),
        ("viewer", 1, None, False),
        ("viewer", 2, 1, False),
        ("viewer", 3, 1, True),
    ],
)
def test_part_has_what_is_of_its_audience_and_span(
    audience: str, began: float, ended: float | None, is_of_it: bool
) -> None:
    now = timezone.now()
    ago = [now - timedelta(hours=n) for n in range(10)]
    part = seen_rows.Part("viewer", ago[6], ago[2], before=ago[2])
    until = None if ended is None else ago[int(ended)]
    assert part.has(audience, ago[int(began)], until) is is_of_it
    assert seen_rows.Part(None, None, None).has(audience, ago[int(began)], until)
