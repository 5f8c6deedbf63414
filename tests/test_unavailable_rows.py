"""Promise 8: one row or message that makes no sense stops neither its tenant nor its process."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from channels.layers import get_channel_layer
from django.db import connection

from permissions import accesslog
from permissions.accesslog import Touch
from permissions.checks import MAX_AUDIENCE_NAME
from realtime.audit.models import Push
from realtime.capture import dependents
from realtime.hub.tail import read_tail
from realtime.metrics import ROUND_FAILURES
from realtime.models import Access, Change
from resources.documents.audiences import DOCUMENTS
from resources.models import Document, Profile
from tests.client import in_thread, quiet, subscribed
from tests.gates import HeldMessages, rounds_of, this_hub
from tests.permissions.test_loading import Broken
from tests.unshowable import spoil
from tests.world import World

pytestmark = pytest.mark.usefixtures("by_hand")

[OWNER_NAME] = DOCUMENTS.shows


@pytest.fixture(autouse=True)
def no_round_fails() -> Iterator[None]:
    failures = ROUND_FAILURES._value.get()
    yield
    assert ROUND_FAILURES._value.get() == failures


# Changes.


@pytest.mark.parametrize("fields", ["title", 5, {"title": 1}, [["title"]], [None], True])
async def test_fields_that_are_no_names_stand_for_any(world: World, fields: Any) -> None:
    """They stop neither the publisher, nor the tail, nor a round."""
    async with subscribed(world, "viewer") as viewer:
        await this_hub().tail.look()
        held = HeldMessages(this_hub())
        await in_thread(world.write)(title="New")
        await in_thread(Change.objects.filter(object_id=world.document.pk).update)(fields=fields)
        await quiet()
        held.held.clear()
        await this_hub().tail.look()
        [update] = await viewer.settle()
        assert update["payload"]["title"] == "New"
        assert set(update["changed"]) == set(update["payload"])


@pytest.mark.parametrize("model", ["nobody.knows", "", "resources.document "])
async def test_a_change_of_an_unknown_model_does_not_stop_the_tail(
    world: World, model: str
) -> None:
    async with subscribed(world, "viewer") as viewer:
        await this_hub().tail.look()
        HeldMessages(this_hub())
        odd = {"tenant": world.tenants["acme"], "model": model, "object_id": world.document.pk}
        await in_thread(Change.objects.create)(**odd, version=10**9, fields=["title"], xid=2**62)
        await in_thread(world.write)(title="New")
        await quiet()
        await this_hub().tail.look()
        assert [f["type"] for f in await viewer.settle()] == ["UPDATE_DOCUMENT"]


def find_all_but(bad: Profile) -> Any:
    def find(profiles: list[Any]) -> Any:
        if bad in profiles:
            raise KeyError(bad.user.username)
        return OWNER_NAME.find(profiles)

    return find


def test_a_row_for_which_find_fails_hides_no_other(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    rows = [world.profile(name) for name in ("editor", "owner", "viewer")]
    shows = replace(OWNER_NAME, find=find_all_but(rows[0]))
    for guarded in (False, True):
        found = dependents.find(shows, rows, guarded=guarded)
        assert found == {(world.tenants["acme"].pk, world.document.pk)}
    assert "KeyError" in caplog.text
    assert "editor" not in caplog.text


def test_a_find_that_spoils_the_transaction_does_not_stop_the_tail(world: World) -> None:
    acme = world.tenants["acme"].pk
    marks = read_tail(lambda: [acme], None).marks
    world.write(title="New")
    profile = world.profile("owner")
    profile.display_name = "New"
    profile.save()
    with connection.execute_wrapper(Broken('"resources_document"."owner_id" = ')):
        found = read_tail(lambda: [acme], marks)
    assert world.key in {changed.key for changed in found.changed}
    assert found.showing == set()


# Access.


@pytest.mark.parametrize(
    "touch", [Touch(None, "nobody.knows", 1), Touch(10**9), Touch(None, "", -1), Touch(-5, "x", 0)]
)
async def test_an_access_change_of_nobody_knows_what_touches_nobody(
    world: World, touch: Touch
) -> None:
    async with subscribed(world, "viewer") as viewer:
        await in_thread(accesslog.record)(world.tenants["acme"].pk, [touch], "odd")
        await in_thread(world.write)(title="New")
        assert [f["type"] for f in await viewer.settle()] == ["UPDATE_DOCUMENT"]
        await in_thread(world.revoke)("viewer")
        assert [f["type"] for f in await viewer.settle()] == ["DELETE_DOCUMENT"]


async def test_a_user_deleted_meanwhile_stops_no_round(world: World) -> None:
    async with subscribed(world, "viewer") as viewer:
        await in_thread(world.user("viewer").delete)()
        assert "close" in (await viewer.settle())[-1]


# The broker.

MALFORMED: tuple[dict[str, Any], ...] = (
    {},
    {"body": "text"},
    {"body": None},
    {"body": 5},
    {"changed": None},
    {"version": "5"},
    {"schema": None},
    {"schema": "unavailable:x", "body": b"{}"},
    {"model": None},
    {"audience": 5},
)


@pytest.mark.each_case
@pytest.mark.parametrize("odd", MALFORMED, ids=str)
async def test_a_malformed_message_of_the_broker_stops_nothing(
    world: World, odd: dict[str, Any]
) -> None:
    async with subscribed(world, "viewer") as viewer:
        held = HeldMessages(this_hub())
        await in_thread(world.write)(title="Held")
        await quiet()
        [message] = held.frames("viewer")
        layer: Any = get_channel_layer()
        this_hub()._deliver = held._deliver  # type: ignore[method-assign]
        broken = {**message, **odd} if odd else {"type": "hub.frame"}
        await layer.send(this_hub().groups.channel, broken)
        await layer.send(this_hub().groups.channel, {"type": "hub.what", "tenant": 1})
        await in_thread(world.write)(title="Still delivered")
        updates = await viewer.settle()
        titles = [update["payload"]["title"] for update in updates]
        assert titles in (["Still delivered"], ["Held", "Still delivered"])


# The ledger.


def test_ledger_rows_that_name_nothing_are_listed(world: World) -> None:
    acme, now = world.tenants["acme"], datetime(2030, 1, 31, tzinfo=UTC)
    for model, key in (("nobody.knows", 1), ("resources.document", -1)):
        Access.objects.create(
            tenant=acme, user_id=10**9, model=model, object_id=key, audience="x",
            began_at=now, began="subscribed", process=1, connection="c",
        )  # fmt: skip
        Push.objects.create(
            tenant=acme, model=model, object_id=key, audience="x", version=1, fields=[],
            etag="", size=1,
        )  # fmt: skip
    admin = world.rest("admin")
    for url in ("/api/ledger/accesses/", "/api/ledger/pushes/"):
        assert [row["id"] for row in admin.get(url).json()["results"]] == [None, None]


def test_what_the_ledger_holds_of_an_audience_fits_its_longest_name() -> None:
    for model in (Access, Push):
        assert model._meta.get_field("audience").max_length == MAX_AUDIENCE_NAME


# Scripts.


def test_scripts_mend_what_cannot_be_read(world: World) -> None:
    rows = Document.objects.filter(tenant=world.tenants["acme"])
    other = world.create(due_on="2030-01-31")
    spoil(world.document)
    assert rows.update(due_on="2031-01-31") == 2
    assert {d.due_on.year for d in rows} == {2031}
    versions = dict(rows.values_list("pk", "version"))
    changed = Change.objects.filter(version__in=versions.values(), fields=["due_on"])
    assert set(changed.values_list("object_id", flat=True)) == {world.document.pk, other.pk}


def test_another_field_of_what_cannot_be_read_is_written_by_scripts(world: World) -> None:
    spoil(world.document)
    rows = Document.objects.filter(tenant=world.tenants["acme"])
    assert rows.update(title="New") == 1
    assert rows.values_list("title", flat=True).get() == "New"


async def test_what_a_script_spoils_is_told_and_what_it_mends_is_sent(world: World) -> None:
    """Raw statements are found by the sweep, those of the ORM at once."""
    rows = Document.objects.filter(tenant=world.tenants["acme"])
    async with subscribed(world, "editor") as editor, subscribed(world, "viewer") as viewer:
        await in_thread(spoil)(world.document)
        rounds_of(world).ask(rounds_of(world).index.all)
        assert [f.get("code") for f in await editor.settle()] == ["unavailable"]
        await in_thread(rows.update)(title="New")
        assert await editor.settle() == []
        assert [f["type"] for f in await viewer.settle()] == ["UPDATE_DOCUMENT"]
        await in_thread(rows.update)(due_on="2031-01-31")
        [update] = await editor.settle()
        assert (update["payload"]["due_on"], update["payload"]["title"]) == ("2031-01-31", "New")
        assert await viewer.settle() == []
