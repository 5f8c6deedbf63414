"""What is sent for a change, to which groups, and what happens if it cannot be."""

import asyncio
import logging
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from permissions import accesslog
from permissions.accesslog import Touch
from permissions.rendering import SERIALIZATIONS
from permissions.representation import ObjectKey
from realtime.capture import changes
from realtime.capture.committed import Committed
from realtime.metrics import PUBLISH_FAILURES
from realtime.publishing import notifications
from realtime.publishing.layer_messages import NoticeMessage
from resources.models import Document
from tests.announced import announced
from tests.realtime.conftest import ear
from tests.realtime.recorded import stored
from tests.world import World

SECRET = "s3cret"  # the text of an error may quote a payload
ALL = ["owner", "editor", "viewer", "auditor"]


@pytest.fixture
def batches(world: World, monkeypatch: pytest.MonkeyPatch) -> list[Committed]:
    """What each commit has the publisher publish; nothing of it is."""
    return ear(monkeypatch)


def audiences(messages: list[Any]) -> list[str]:
    return [message["audience"] for _, message in messages]


def rendered() -> dict[str, float]:
    return {name: SERIALIZATIONS.labels("resources.document", name)._value.get() for name in ALL}


def failures() -> float:
    return PUBLISH_FAILURES._value.get()


@pytest.mark.parametrize(
    ("field", "value", "see"),
    [
        ("title", "B", ALL),
        ("body", "B", ["owner", "editor", "viewer"]),
        ("review_notes", "B", ["owner", "editor"]),
        ("budget", "5.00", ["owner"]),
    ],
)
def test_change_is_serialized_once_for_each_audience_that_can_see_it(
    world: World, batches: list[Committed], field: str, value: str, see: list[str]
) -> None:
    setattr(world.document, field, value)
    world.document.save()
    before = rendered()
    messages = notifications.publish(batches[0])
    assert audiences(messages) == see
    assert [name for name, n in rendered().items() if n == before[name] + 1] == see
    assert [name for name, n in rendered().items() if n != before[name]] == see


def test_message_goes_to_the_group_of_its_audience_with_version_and_revision(
    world: World, batches: list[Committed]
) -> None:
    acme = world.tenants["acme"].pk
    world.document.review_notes = "B"
    world.document.save()
    (group, message), _ = notifications.publish(batches[0])
    assert group == f"earshot.{acme}.resources.document.{world.document.pk}.owner"
    assert message["type"] == "hub.frame"
    assert message["version"] == stored(world.document).version
    assert message["revision"] == accesslog.revision(acme)
    assert message["changed"] == ["review_notes"]


def test_fields_of_all_versions_decide_who_sees_a_difference_and_the_last_names_its_own(
    world: World, batches: list[Committed]
) -> None:
    world.document.review_notes = "B"
    world.document.save()
    world.document.budget = "5.00"
    world.document.save()
    messages = notifications.publish(batches[0])
    frames = [m for _, m in messages if m["type"] == "hub.frame"]
    assert {m["audience"]: m["changed"] for m in frames}["owner"] == ["budget"]
    assert audiences(messages) == ["owner", "editor"]


def test_rolled_back_version_and_deleted_and_unknown_objects_send_nothing(
    world: World, batches: list[Committed]
) -> None:
    acme, version = world.tenants["acme"].pk, world.document.version
    gone = world.create(title="Gone")
    key = ObjectKey("resources.document", gone.pk)
    Document.objects.filter(tenant=acme, pk=gone.pk).delete()
    changed = {
        (acme, world.key): version + 1,
        (acme, key): 1,
        (acme, ObjectKey("library.book", 1)): 1,
        (world.tenants["globex"].pk, world.key): version,
    }
    assert notifications.publish(Committed(changed)) == []


def test_notice_names_the_tenants_revision(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    acme = world.tenants["acme"].pk
    told = ear(monkeypatch)
    accesslog.record(acme, [Touch()], "test")
    assert notifications.publish(told[0]) == [
        (
            f"earshot.{acme}",
            {"type": "hub.notice", "tenant": acme, "revision": accesslog.revision(acme)},
        )
    ]


def test_publishing_costs_the_same_queries_for_one_and_for_thirty_objects(
    world: World, batches: list[Committed]
) -> None:
    acme = world.tenants["acme"]
    new = [Document(tenant=acme, owner=world.user("owner"), title="A") for _ in range(29)]
    Document.objects.bulk_create(new)
    costs: list[tuple[int, int]] = []
    for rows in (Document.objects.filter(pk=world.document.pk), Document.objects.all()):
        rows.filter(tenant=acme).update(body=f"B{len(costs)}")
        with CaptureQueriesContext(connection) as queries:
            messages = notifications.publish(batches[-1])
        costs.append((len(queries), len(messages)))
    assert [sent for _, sent in costs] == [3, 90]  # of more, SQLite writes the pushes in parts
    assert costs[0][0] == costs[1][0] <= 12


def test_resource_that_fails_does_not_stop_others_and_is_counted_and_logged(
    world: World,
    batches: list[Committed],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    globex = world.create("globex", "rival")
    batches.clear()
    for document in (world.document, globex):
        document.title = "B"
        document.save()
    acme = world.tenants["acme"].pk
    real = changes.since

    def fail_for_acme(label: str, versions: Any) -> Any:
        if world.document.pk in versions:
            raise RuntimeError(SECRET)
        return real(label, versions)

    monkeypatch.setattr(changes, "since", fail_for_acme)
    before = failures()
    with caplog.at_level(logging.ERROR):
        messages = notifications.publish(
            Committed({**batches[0].changed, **batches[1].changed}, {acme: 1})
        )
    assert [m["tenant"] for _, m in messages] == [acme, *[globex.tenant_id] * 4]
    assert failures() == before + 1
    assert "RuntimeError" in caplog.text
    assert SECRET not in caplog.text


NOTICE: NoticeMessage = {"type": "hub.notice", "tenant": 1, "revision": 1}


class Broker:
    """A layer that takes `works` messages; then it raises, or hangs."""

    def __init__(self, works: int, hangs: bool = False) -> None:
        self.works = works
        self.hangs = hangs
        self.took: list[str] = []

    async def group_send(self, group: str, message: Any) -> None:
        if len(self.took) == self.works:
            if self.hangs:
                await asyncio.Future()
            raise ConnectionError(SECRET)
        self.took.append(group)


@pytest.mark.parametrize("hangs", [False, True], ids=["dead", "hanging"])
async def test_broker_that_fails_is_counted_and_logged_and_raises_nothing(
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    settings: Any,
    hangs: bool,
) -> None:
    settings.EARSHOT = {**settings.EARSHOT, "broker_timeout_seconds": 0.01}
    broker = Broker(works=1, hangs=hangs)
    monkeypatch.setattr(notifications, "get_channel_layer", lambda: broker)
    before = failures()
    await notifications.send([(name, NOTICE) for name in "abc"])
    assert broker.took == ["a"]
    assert failures() == before + 2
    assert "took 1 of 3 messages" in caplog.text
    assert SECRET not in caplog.text
    broker.works = 10
    await notifications.send([("d", NOTICE)])
    assert broker.took == ["a", "d"]


def test_save_survives_a_dead_broker_and_the_next_one_is_delivered(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    broker = Broker(works=0)
    monkeypatch.setattr(notifications, "get_channel_layer", lambda: broker)
    before = failures()
    world.document.budget = "1.00"
    world.document.save()
    announced()
    assert failures() == before + 1
    broker.works = 9
    world.document.budget = "2.00"
    world.document.save()
    announced()
    assert len(broker.took) == 1
    assert stored(world.document).budget == 2


def test_two_saves_of_one_transaction_are_published_once(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    broker = Broker(works=99)
    monkeypatch.setattr(notifications, "get_channel_layer", lambda: broker)
    before = rendered()
    with transaction.atomic():
        for budget in ("1.00", "2.00", "1.00"):
            world.document.budget = budget
            world.document.save()
    announced()
    assert len(broker.took) == 1
    assert rendered() == before | {"owner": before["owner"] + 1}


def test_creation_is_rendered_for_nobody_until_it_is_changed(
    world: World, batches: list[Committed]
) -> None:
    """Nobody can be subscribed to it yet; an import of many objects costs no serialization."""
    batches.clear()
    new = world.create()
    assert notifications.publish(Committed(batches[-1].changed)) == []
    new.title = "B"
    new.save()
    assert len(notifications.publish(Committed({**batches[-1].changed, **batches[0].changed}))) == 4
