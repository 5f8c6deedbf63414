"""A tenant of any size goes a few rows at a time; interrupted, it goes on; nobody sees it go."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.models import Permission
from django.core.exceptions import ValidationError
from django.core.management import CommandError
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from permissions.models import AccessChange
from project.console import tenant_data, tenant_deletion
from project.console.progress import Progress
from realtime.models import Change
from resources.models import Document, DocumentUserGrant
from tenants.models import Membership, Tenant
from tests.client import in_thread, subscribed
from tests.permissions.conftest import Log
from tests.project.console.test_tenant_command import everything, run
from tests.project.console.test_tenant_data import of
from tests.world import World

DOCUMENTS = 24
BATCH = 5


@pytest.fixture(autouse=True)
def prompt(settings: Settings) -> None:
    """The command waits for other processes no longer than a test should."""
    settings.EARSHOT = settings.EARSHOT | {"tail_seconds": 0.001}


@pytest.fixture
def large(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """A tenant that does not go at once."""
    monkeypatch.setattr(tenant_deletion, "BATCH", BATCH)
    monkeypatch.setattr(tenant_deletion, "PAGE", 2 * BATCH)
    monkeypatch.setattr(tenant_deletion, "REST", 0.0)
    grown(world, DOCUMENTS)
    return world


def grown(world: World, count: int, slug: str = "acme", **fields: Any) -> None:
    """More documents, each with two grants."""
    tenant, owner = world.tenants[slug], world.user("owner")
    view = Permission.objects.get(codename="view_document", content_type__app_label="resources")
    made = Document.objects.bulk_create(
        Document(tenant=tenant, owner=owner, title=f"Document {n}", **fields) for n in range(count)
    )
    DocumentUserGrant.objects.bulk_create(
        DocumentUserGrant(user=world.user(name), permission=view, content_object=each)
        for each in made
        for name in ("member", "admin")
    )


def steps(world: World, slug: str = "acme") -> Iterator[int]:
    tenant_deletion.mark(world.tenants[slug])
    return tenant_deletion.delete(world.tenants[slug])


def left(world: World, slug: str = "acme") -> int:
    return sum(queryset.count() for queryset in tenant_data.rows(world.tenants[slug]))


def test_tenant_goes_a_few_rows_at_a_time_and_the_others_stay(large: World) -> None:
    before, rows = everything(), left(large)
    gone = list(steps(large))
    assert max(gone[:-1]) <= BATCH
    assert sum(gone) >= rows
    after = everything()
    assert of("acme", after) == {}
    assert of("globex", after) == of("globex", before)
    assert after["users"] == before["users"]
    assert [tenant["slug"] for tenant in after["tenants"]] == ["globex"]


def test_access_log_has_no_row_for_what_goes(large: World) -> None:
    acme = large.tenants["acme"].pk
    log, notes = Log(acme), Change.objects.filter(tenant_id=acme, version=0)
    elsewhere, noted, written = Log(large.tenants["globex"].pk), notes.count(), set()
    for _ in steps(large):
        written.update(log.new("user_id", "model", "object_id", "cause"))
        assert notes.count() <= noted
    assert written == {(None, None, None, "tenant")}
    assert elsewhere.new() == []
    assert not AccessChange.objects.filter(tenant_id=acme).exists()


def test_small_tenant_goes_by_the_orm_at_once(world: World) -> None:
    """Whoever is not told that all goes hears of each object."""
    log, document = Log(world.tenants["acme"].pk), world.document.pk
    world.tenants["acme"].delete()
    assert (None, "resources.document", document) in log.new()
    assert (None, None, None) in log.new()
    assert not Document.objects.filter(pk=document, tenant_id=log.tenant_id).exists()


def test_larger_tenant_costs_no_more_statements_a_row(large: World) -> None:
    grown(large, 3 * DOCUMENTS, "globex")
    asked = []
    for slug in ("acme", "globex"):
        rows = left(large, slug)
        with CaptureQueriesContext(connection) as queries:
            list(steps(large, slug))
        asked.append(len(queries) / rows)
    assert asked[1] <= asked[0] < 4


def test_what_the_rows_hold_is_not_read(world: World) -> None:
    """A hundred documents may be a hundred megabytes."""
    grown(world, 30, body="x" * 90_000)
    going = steps(world)
    next(going)
    tracemalloc.start()
    try:
        list(going)
        assert tracemalloc.get_traced_memory()[1] < 1_500_000
    finally:
        tracemalloc.stop()


# Interrupted


def test_interrupted_deletion_goes_on_where_it_was(large: World) -> None:
    before = everything()
    going = steps(large)
    for _ in range(8):
        next(going)
    rows = left(large)
    tenant = Tenant.objects.get(slug="acme")
    assert tenant.deleting_since
    assert not tenant.is_active
    said = run("delete_tenant", "acme", "--no-input")
    assert f"Its deletion began at {tenant.deleting_since:%Y-%m-%d}" in said
    counted = [int(line.split()[0]) for line in said.splitlines() if line.startswith("  ")]
    assert sum(counted) == rows
    assert of("acme", everything()) == {}
    assert of("globex", everything()) == of("globex", before)


def test_interrupted_command_says_how_it_goes_on(
    large: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(self: Progress, rows: int) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Progress, "add", interrupt)
        with pytest.raises(
            CommandError, match="acme stays closed; run the command again"
        ) as caught:
            run("delete_tenant", "acme", "--no-input")
    assert caught.value.returncode == 130
    assert Tenant.objects.get(slug="acme").deleting_since
    assert run("delete_tenant", "acme", "--slug-again", "acme").endswith("acme has been deleted.\n")
    assert not Tenant.objects.filter(slug="acme").exists()


def test_what_is_written_while_it_goes_goes_too(large: World) -> None:
    going = steps(large)
    for _ in range(8):
        next(going)
    acme = large.tenants["acme"]
    place = Membership.objects.create(tenant=acme, user=large.user("rival"))
    document = Document.objects.create(tenant=acme, owner=large.user("rival"), title="Late")
    list(going)
    assert of("acme", everything()) == {}
    assert not Membership.objects.filter(pk=place.pk).exists()
    for model in (Document, Change):
        assert not model._base_manager.filter(tenant_id=document.tenant_id).exists()


# From the mark on


async def test_readers_of_a_tenant_that_goes_are_out_at_once(large: World) -> None:
    async with subscribed(large, "viewer") as viewer:
        going = await in_thread(steps)(large)
        await in_thread(next)(going)
        assert [frame.get("close") for frame in await viewer.settle()][-1] == 4403
    answer = await in_thread(lambda: large.rest("viewer").get(large.url))()
    foreign = await in_thread(lambda: large.rest("rival", "acme").get(large.url))()
    assert answer.status_code == 403
    assert answer.json()["code"] == "tenant_forbidden"
    assert (answer.status_code, answer.content) == (foreign.status_code, foreign.content)
    await in_thread(list)(going)
    gone = await in_thread(lambda: large.rest("viewer", "acme").get(large.url))()
    assert (gone.status_code, gone.content) == (answer.status_code, answer.content)


@pytest.mark.parametrize(
    "words",
    [("resume_tenant", "acme"), ("suspend_tenant", "acme"), ("export_tenant", "acme", "--output")],
)
def test_tenant_that_goes_can_only_be_deleted(
    world: World, words: tuple[str, ...], tmp_path: Any
) -> None:
    tenant_deletion.mark(world.tenants["acme"])
    path, before = tmp_path / "rows", everything()
    with pytest.raises(CommandError, match=r"^acme is being deleted; run delete_tenant to"):
        run(*words, *([str(path)] if words[-1] == "--output" else []))
    assert everything() == before
    assert not path.exists()


def test_slug_of_a_tenant_that_goes_is_not_free(world: World) -> None:
    tenant_deletion.mark(world.tenants["acme"])
    with pytest.raises(CommandError, match="Tenant 'acme' already exists"):
        run("create_tenant", "acme", "--admin", "viewer")


def test_operator_cannot_open_it_again(world: World) -> None:
    tenant_deletion.mark(world.tenants["acme"])
    tenant = Tenant.objects.get(slug="acme")
    tenant.full_clean()
    tenant.is_active = True
    with pytest.raises(ValidationError, match="It is being deleted, and stays suspended"):
        tenant.full_clean()


def test_mark_is_set_once(world: World) -> None:
    tenant_deletion.mark(world.tenants["acme"])
    since = Tenant.objects.get(slug="acme").deleting_since
    log = Log(world.tenants["acme"].pk)
    tenant_deletion.mark(world.tenants["acme"])
    assert Tenant.objects.get(slug="acme").deleting_since == since
    assert log.new() == []


# What the command asks and tells


def test_command_asks_for_nothing_if_told_so(world: World) -> None:
    assert run("delete_tenant", "acme", "--no-input").endswith("acme has been deleted.\n")
    with pytest.raises(CommandError, match=r"^Tenant 'acme' does not exist"):
        run("delete_tenant", "acme", "--no-input")


def test_command_that_nobody_answers_deletes_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nobody(prompt: str) -> str:
        raise EOFError

    monkeypatch.setattr("builtins.input", nobody)
    before = everything()
    with pytest.raises(CommandError, match="There is no answer; nothing was deleted"):
        run("delete_tenant", "acme")
    assert everything() == before


def test_notes_of_what_was_never_there_stay(world: World) -> None:
    """The operators' log outlives what it is about."""
    for obj in (world.document, world.create("globex", "rival")):
        LogEntry.objects.log_actions(world.user("member").pk, [obj], CHANGE)
    [stays] = LogEntry.objects.exclude(object_id=str(world.document.pk))
    LogEntry.objects.create(
        user=world.user("member"),
        content_type=stays.content_type,
        object_id="none",
        object_repr="Broken",
        action_flag=CHANGE,
    )
    run("delete_tenant", "acme", "--no-input")
    assert {entry.object_repr for entry in LogEntry.objects.all()} == {
        stays.object_repr,
        "Broken",
    }
