"""What `migrate` installs, and what the database is found to lack."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.management.sql import emit_post_migrate_signal, emit_pre_migrate_signal
from django.db import connection
from django.db.migrations import Migration
from django.test.utils import CaptureQueriesContext

from realtime.capture import installing, sqlite
from realtime.capture.installing import GENERATORS, Differences, differences, install
from realtime.capture.triggers import ACCESSES, Trigger, named, quoted
from resources.models import Profile
from tenants.models import Membership, MembershipTask
from tests.databases import on_postgresql, only_on
from tests.permissions.conftest import Log
from tests.world import World

pytestmark = pytest.mark.django_db

GENERATOR = GENERATORS[connection.vendor]
NUMBER = next(iter(GENERATOR.numbering()))
PLAN: list[tuple[Migration, bool]] = [(Migration("any", "permissions"), False)]


def run(*statements: str) -> None:
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


def take_away(trigger: Trigger = NUMBER) -> None:
    with connection.cursor() as cursor:
        GENERATOR.drop(cursor, *trigger.key)


def test_database_of_the_tests_has_what_the_models_ask_for() -> None:
    assert not differences()
    assert differences() == Differences()


def test_what_is_right_is_told_by_one_query_and_not_touched() -> None:
    with CaptureQueriesContext(connection) as queries:
        assert not differences()
    assert len(queries) == 1
    with CaptureQueriesContext(connection) as queries:
        install()
    assert not [query for query in queries if "TRIGGER" in query["sql"].split("FROM")[0]]


def test_missing_trigger_is_named_and_installed() -> None:
    take_away()
    assert differences() == Differences(missing=[NUMBER])
    install()
    assert not differences()


def test_trigger_of_before_is_named_and_replaced() -> None:
    take_away()
    with connection.cursor() as cursor:
        source = NUMBER.source.replace("revision + 1", "revision + 2")
        statements = tuple(s.replace(NUMBER.source, source) for s in NUMBER.statements)
        before = Trigger(NUMBER.name, ACCESSES, source, statements, NUMBER.needs, NUMBER.events)
        GENERATOR.create(cursor, before, None)
    assert differences() == Differences(old=[NUMBER])
    install()
    assert not differences()


@pytest.mark.postgresql
def test_trigger_that_nobody_asks_for_any_more_is_dropped() -> None:
    name = named(ACCESSES, "former")
    take_away()
    for statement in NUMBER.statements:
        run(statement.replace(NUMBER.name, name).replace("{schema}", "public"))
    assert differences() == Differences(missing=[NUMBER], unknown=[(ACCESSES, name)])
    install()
    assert not differences()


def test_nothing_is_installed_while_a_log_is_not_there() -> None:
    """Apps may be migrated one by one, and back."""
    run(f"DROP TABLE {ACCESSES}")
    install()
    assert not differences()
    with connection.cursor() as cursor:
        assert GENERATOR.installed(cursor) == {}


def test_whatever_was_written_without_triggers_is_taken_for_touched(world: World) -> None:
    log = Log(world.tenants["globex"].pk)
    install()
    assert log.new() == []
    take_away()
    install()
    assert log.new("user_id", "model", "cause") == [(None, None, "capture installed")]


def test_members_who_came_without_triggers_get_what_belongs_to_them(world: World) -> None:
    """As on SQLite, by a data migration."""
    for trigger in installing.wanted(connection.vendor):
        if trigger.table == "earshot_tenants_membership":
            take_away(trigger)
    rival, acme = world.user("rival"), world.tenants["acme"]
    Membership.objects.bulk_create([Membership(tenant=acme, user=rival)])
    profiles = Profile.objects.filter(tenant=acme, user=rival)
    assert not profiles.exists()
    install()
    assert profiles.exists()
    assert not MembershipTask.objects.exists()


def test_migrate_installs_once_after_the_last_app(monkeypatch: pytest.MonkeyPatch) -> None:
    installed: list[str] = []
    monkeypatch.setattr(installing, "install", installed.append)
    emit_post_migrate_signal(0, False, "default")
    assert installed == ["default"]


@only_on("sqlite", "PostgreSQL alters tables in place.")
@pytest.mark.parametrize(("plan", "left"), [([], True), (PLAN, False)])
def test_sqlite_has_no_triggers_while_migrations_run(plan: list[Any], left: bool) -> None:
    emit_pre_migrate_signal(0, False, "default", plan=plan)
    with connection.cursor() as cursor:
        found = GENERATOR.installed(cursor)
    emit_post_migrate_signal(0, False, "default")
    assert bool(found) == left
    assert not differences()


@on_postgresql
def test_postgresql_has_general_triggers_of_objects_while_migrations_run() -> None:
    emit_pre_migrate_signal(0, False, "default", plan=PLAN)
    differs = differences()
    emit_post_migrate_signal(0, False, "default")
    assert differs == Differences(old=differs.old)
    assert {trigger.table for trigger in differs.old} >= {
        "resources_document",
        "earshot_tenants_user",
    }
    assert not differences()


@on_postgresql
@pytest.mark.parametrize("state", ["DISABLE", "ENABLE", "ENABLE REPLICA"])
def test_trigger_that_does_not_always_fire_is_named_and_enabled(state: str) -> None:
    run(f"ALTER TABLE {ACCESSES} {state} TRIGGER {quoted(NUMBER.name)}")
    assert differences() == Differences(disabled=[NUMBER])
    install()
    assert not differences()


@on_postgresql
@pytest.mark.parametrize("change", ["SECURITY INVOKER", "SET search_path = pg_temp", "RESET ALL"])
def test_function_with_other_rights_or_another_path_is_named_and_replaced(change: str) -> None:
    run(f"ALTER FUNCTION {quoted(NUMBER.name)}() {change}")
    assert differences() == Differences(old=[NUMBER])
    install()
    assert not differences()


@on_postgresql
def test_new_body_of_a_function_locks_no_table() -> None:
    body = "BEGIN RETURN NULL; END"
    head = NUMBER.source.split("\n")[1]
    run(
        f"CREATE OR REPLACE FUNCTION {quoted(NUMBER.name)}() RETURNS trigger LANGUAGE plpgsql"
        f" SECURITY DEFINER SET search_path = public, pg_temp AS $$\n{head}\n{body}$$"
    )
    assert differences() == Differences(old=[NUMBER])
    with CaptureQueriesContext(connection) as queries:
        install()
    assert not [query for query in queries if "ALTER TABLE" in query["sql"]]
    assert not differences()


def test_nobody_can_listen_to_a_file() -> None:
    assert [*sqlite.notifying()] == []
