"""A repair is written once, counted when it was needed, and never stops anything."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from realtime.hub.repairs import Repairs, repair_access, repair_change
from realtime.metrics import DRIFT
from tenants import opaque
from tenants.models import User
from tests.realtime.pieces import frame, subscription

pytestmark = pytest.mark.drifts


class Writer:
    """Stands for the hub's threads: remembers what it is asked to write, and answers."""

    def __init__(self, answer: bool | Exception) -> None:
        self.answer = answer
        self.asked: list[tuple[Any, ...]] = []

    async def __call__(self, *asked: Any) -> Any:
        self.asked.append(asked)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def drift(what: str) -> float:
    return DRIFT.labels("resources.document", what)._value.get()


async def finish(repairs: Repairs) -> None:
    await asyncio.gather(*repairs.tasks.values())
    assert repairs.tasks == {}


async def test_the_same_drift_found_twice_is_written_once() -> None:
    writer, before = Writer(answer=True), drift("change")
    repairs = Repairs(1, writer)
    first, second = subscription(), subscription()
    for s in (first, second):
        s.version = 3
        repairs.change(s, frame(3))
    await finish(repairs)
    assert writer.asked == [(repair_change, 1, first.key, 3, 3)]
    assert drift("change") == before + 1


async def test_access_is_repaired_for_each_user() -> None:
    writer, before = Writer(answer=True), drift("access")
    repairs = Repairs(1, writer)
    s = subscription()
    repairs.access(s, None)
    await finish(repairs)
    assert writer.asked == [(repair_access, 1, s.user_id, s.key)]
    assert drift("access") == before + 1


async def test_what_somebody_else_repaired_is_not_counted() -> None:
    before = drift("change")
    repairs = Repairs(1, Writer(answer=False))
    repairs.change(subscription(), frame())
    await finish(repairs)
    assert drift("change") == before


async def test_a_failure_is_logged_without_its_message(caplog: pytest.LogCaptureFixture) -> None:
    repairs = Repairs(1, Writer(OSError("a payload")))
    repairs.change(subscription(), frame())
    await finish(repairs)
    assert "OSError" in caplog.text
    assert "a payload" not in caplog.text


async def test_the_log_names_whose_payload_moved_and_shows_no_value(
    caplog: pytest.LogCaptureFixture,
) -> None:
    repairs = Repairs(1, Writer(answer=True))
    s = subscription()
    s.version = 3
    repairs.change(s, frame(3, '{"title":"a payload"}'))
    await finish(repairs)
    told = f"resources.document escaped capture ({s.id}): what viewer sees moved"
    assert told in caplog.text
    assert "payload" not in caplog.text


async def test_the_log_names_a_version_that_went_down(caplog: pytest.LogCaptureFixture) -> None:
    repairs = Repairs(1, Writer(answer=True))
    s = subscription()
    s.version = 3
    repairs.change(s, frame(1))
    await finish(repairs)
    assert "the version went down" in caplog.text


@pytest.mark.parametrize("now", [None, "editor"])
async def test_the_log_names_the_user_and_both_audiences(
    caplog: pytest.LogCaptureFixture, now: str | None
) -> None:
    repairs = Repairs(1, Writer(answer=True))
    s = subscription()
    repairs.access(s, None if now is None else frame(audience=now))
    await finish(repairs)
    user = opaque.encode(User, s.user_id)
    assert f"({s.id}): user {user} sees {now or 'nothing'}, no longer viewer" in caplog.text
