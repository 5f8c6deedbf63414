"""What follows a commit that wrote a captured table: announcing, and what memberships bring."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth.models import Group
from django.db import connection, transaction
from django.db.models.signals import post_migrate, pre_migrate
from django.utils import timezone
from psycopg.sql import SQL
from pytest_django import Settings

from realtime.capture.committed import Committed
from resources.models import DocumentUserGrant, Profile
from tenants.models import Membership, User
from tests.announced import announced
from tests.client import in_thread, subscribed
from tests.databases import on_postgresql
from tests.gates import this_hub
from tests.permissions.conftest import elsewhere
from tests.realtime.capture.ways import history
from tests.realtime.conftest import ear
from tests.world import World


@pytest.fixture
def told(world: World, monkeypatch: pytest.MonkeyPatch) -> list[Committed]:
    """What each commit has the publisher announce."""
    return ear(monkeypatch)


def sql(statement: str) -> Callable[[World], object]:
    def run(world: World) -> None:
        with connection.cursor() as cursor:
            cursor.execute(statement, [world.user("viewer").pk])

    return run


def many(world: World) -> None:
    with connection.cursor() as cursor:
        cursor.executemany(
            "DELETE FROM resources_documentusergrant WHERE user_id = %s",
            [[world.user("viewer").pk], [world.user("editor").pk]],
        )


def grants(model: Any, world: World) -> Any:
    return model._base_manager.filter(user_id=world.user("viewer").pk)


def saved(world: World) -> None:
    """A row of its own, which SQLite commits when its key was read."""
    view = DocumentUserGrant.objects.get(user=world.user("viewer")).permission
    member = world.user("member")
    DocumentUserGrant(user=member, permission=view, content_object=world.document).save()


WRITES: dict[str, Callable[[World], object]] = {
    "a base manager": lambda w: grants(DocumentUserGrant, w).update(permission=1),
    "a deletion past signals": lambda w: grants(DocumentUserGrant, w)._raw_delete("default"),
    "a historical model": lambda w: grants(
        history(migrated=True).get_model("resources", "DocumentUserGrant"), w
    ).update(permission_id=1),
    "a through table": lambda w: User.groups.through._base_manager.bulk_create(
        [
            User.groups.through(
                user=w.user("viewer"), group=Group.objects.get_or_create(name="readers")[0]
            )
        ]
    ),
    "SQL": sql("DELETE FROM resources_documentusergrant WHERE user_id = %s"),
    "SQL in small letters": sql(
        "\n /* by hand */ delete from resources_documentusergrant where user_id = %s"
    ),
    "SQL with a table of its own": sql(
        "WITH gone AS (SELECT %s AS id) DELETE FROM resources_documentusergrant"
        " WHERE user_id IN (SELECT id FROM gone)"
    ),
    "SQL many times": many,
    "a save": saved,
}


@on_postgresql
@pytest.mark.parametrize("how", [bytes, SQL])
def test_statement_that_is_no_text_is_announced(
    world: World, told: list[Committed], how: Callable[[bytes | str], Any]
) -> None:
    statement = "DELETE FROM resources_documentusergrant"
    with connection.cursor() as cursor:
        cursor.execute(how(statement.encode() if how is bytes else statement))
    assert [set(committed.noticed) for committed in told] == [{world.tenants["acme"].pk}]


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
@pytest.mark.parametrize("atomic", [True, False])
def test_commit_is_announced_by_whatever_way_it_was_written(
    world: World, told: list[Committed], write: Callable[[World], object], atomic: bool
) -> None:
    if atomic:
        with transaction.atomic():
            write(world)
            assert told == []
    else:
        write(world)
    tenants = {tenant for committed in told for tenant in committed.noticed}
    assert tenants == {world.tenants["acme"].pk}


def test_rollback_is_not_announced(world: World, told: list[Committed]) -> None:
    with transaction.atomic():
        WRITES["SQL"](world)
        transaction.set_rollback(True)
    assert told == []


def test_savepoint_that_is_rolled_back_takes_no_other_write_along(
    world: World, told: list[Committed]
) -> None:
    with transaction.atomic():
        Membership.objects.filter(user=world.user("editor")).update(role="admin")
        with transaction.atomic():
            WRITES["SQL"](world)
            transaction.set_rollback(True)
        WRITES["a base manager"](world)
    assert len(told) == 1


def test_many_writes_wake_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    woken: list[None] = []
    monkeypatch.setattr("realtime.publishing.publisher.publisher.wake", lambda: woken.append(None))
    with transaction.atomic():
        for _ in range(100):
            WRITES["a base manager"](world)
    assert len(woken) == 1


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * FROM resources_documentusergrant WHERE user_id = %s",
        "UPDATE earshot_tenants_knownaddress SET digest = '' WHERE user_id = %s",
    ],
)
def test_what_changes_nothing_that_is_captured_wakes_nobody(
    world: World, monkeypatch: pytest.MonkeyPatch, statement: str
) -> None:
    woken: list[None] = []
    monkeypatch.setattr("realtime.publishing.publisher.publisher.wake", lambda: woken.append(None))
    sql(statement)(world)
    assert woken == []


WAKING = {
    "INSERT INTO earshot_realtime_connection (id, process_id, tenant_id, user_id, since)"
    " SELECT id, process_id, tenant_id, user_id, since FROM earshot_realtime_connection"
    " WHERE user_id = %s": 0,
    "DELETE FROM earshot_realtime_connection WHERE user_id = %s": 0,
    "UPDATE earshot_realtime_connection SET since = since WHERE user_id = %s": 1,
    "INSERT INTO earshot_realtime_connection (id, process_id, tenant_id, user_id, since)"
    " SELECT c.id, c.process_id, c.tenant_id, c.user_id, c.since FROM earshot_realtime_connection c"
    " WHERE c.user_id = %s AND true ON CONFLICT (id) DO UPDATE SET since = excluded.since": 1,
    "/* DELETE FROM earshot_tenants_session */ DELETE FROM earshot_realtime_connection"
    " WHERE user_id = %s": 0,
    "DELETE FROM earshot_tenants_session WHERE user_id = %s": 1,
    "UPDATE earshot_tenants_session SET expire_date = expire_date WHERE user_id = %s": 1,
    "DELETE FROM earshot_tenants_revocation WHERE tenant_id = %s": 0,
    "DELETE FROM earshot_realtime_change WHERE tenant_id = %s": 0,
    "DELETE FROM earshot_permissions_accesschange WHERE user_id = %s": 0,
    "DELETE FROM resources_document WHERE owner_id = -%s": 1,
}


@pytest.mark.parametrize(("statement", "times"), WAKING.items())
def test_only_a_write_that_is_captured_wakes(
    world: World, monkeypatch: pytest.MonkeyPatch, statement: str, times: int
) -> None:
    """Each socket that comes or goes is a row written, of which nobody has to be told."""
    woken: list[None] = []
    monkeypatch.setattr("realtime.publishing.publisher.publisher.wake", lambda: woken.append(None))
    sql(statement)(world)
    assert len(woken) == times


def test_what_migrations_write_is_left_to_the_tail(world: World, told: list[Committed]) -> None:
    """Tables that the followers read may not be there yet."""
    write = WRITES["a base manager"]
    sent_for = apps.get_app_config("earshot_realtime")
    pre_migrate.send(sent_for, app_config=sent_for, using="default")
    write(world)
    announced()
    assert told == []
    last = [config for config in apps.get_app_configs() if config.models_module is not None][-1]
    post_migrate.send(last, app_config=last, using="default")
    write(world)
    announced()
    assert len(told) == 1


def test_who_commits_by_hand_is_left_to_the_tail(world: World, told: list[Committed]) -> None:
    transaction.set_autocommit(False)
    try:
        WRITES["SQL"](world)
        transaction.commit()
    finally:
        transaction.set_autocommit(True)
    assert told == []


async def test_membership_by_another_program_gets_its_profile_within_the_tail(
    world: World, settings: Settings
) -> None:
    settings.EARSHOT = {**settings.EARSHOT, "tail_seconds": 3600.0}
    rival, acme = world.user("rival"), world.tenants["acme"]

    def write() -> None:
        """As another program does: nothing follows the commit here."""
        with connection.cursor() as cursor:
            wrappers, connection.execute_wrappers[:] = [*connection.execute_wrappers], []
            cursor.execute(
                "INSERT INTO earshot_tenants_membership"
                " (tenant_id, user_id, role, is_active, created_at) VALUES (%s, %s, %s, %s, %s)",
                [acme.pk, rival.pk, "member", True, timezone.now()],
            )
            connection.execute_wrappers[:] = wrappers

    def profiles() -> int:
        return Profile.objects.across_tenants().filter(tenant=acme, user=rival).count()

    async with subscribed(world, "viewer"), asyncio.timeout(20):
        await in_thread(elsewhere)(write)
        assert await in_thread(profiles)() == 0
        while not await in_thread(profiles)():
            this_hub()._look.set()
