"""Installs the triggers after `migrate`, and reports which are missing, old or disabled."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import ModuleType
from typing import Any, Final

from django.apps import AppConfig, apps
from django.db import DEFAULT_DB_ALIAS, connections, transaction
from django.db.models.signals import post_migrate, pre_migrate

from realtime.capture import (
    adopting,
    following,
    intervals,
    joining,
    live,
    live_postgresql,
    live_sqlite,
    numbering_postgresql,
    parts_sqlite,
    postgresql,
    sqlite,
    tables,
    transactions,
)
from realtime.capture.intervals import Kept
from realtime.capture.triggers import ACCESSES, CHANGES, REVISIONS, Trigger, everybody
from tenants.limits import limits
from tenants.models import Membership

GENERATORS: Final[dict[str, ModuleType]] = {"postgresql": postgresql, "sqlite": sqlite}
LIVE: Final[dict[str, ModuleType]] = {"postgresql": live_postgresql, "sqlite": live_sqlite}
XIDS: Final = {"postgresql": numbering_postgresql.XID, "sqlite": parts_sqlite.XID}
LOGS: Final = {ACCESSES, CHANGES, REVISIONS}


@dataclass(frozen=True, slots=True)
class Differences:
    """How the database differs from what it should have; all fields are empty if it does not."""

    missing: list[Trigger] = field(default_factory=list)
    old: list[Trigger] = field(default_factory=list)
    disabled: list[Trigger] = field(default_factory=list)
    unknown: list[tuple[str, str]] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.missing or self.old or self.disabled or self.unknown)

    def __str__(self) -> str:
        """Return every faulty trigger with its table; empty if there is none."""
        kinds = (("missing", self.missing), ("old", self.old), ("disabled", self.disabled))
        return ", ".join(f"{t.name} on {t.table} is {kind}" for kind, found in kinds for t in found)


def connect() -> None:
    """Install after every `migrate`, even one without migrations, and after every `flush`."""
    pre_migrate.connect(_on_pre_migrate, dispatch_uid="earshot.capture")
    post_migrate.connect(_on_post_migrate, dispatch_uid="earshot.capture")


def wanted(vendor: str) -> list[Trigger]:
    """Return the triggers that the models and the declarations require."""
    generator = GENERATORS[vendor]
    triggers = [*generator.numbering(), *generator.summing()]
    triggers += generator.accesses(tables.accesses())
    triggers += generator.joining_everybody()
    triggers += following.triggers(vendor)
    triggers += LIVE[vendor].triggers(live.lives(), live.shown())
    triggers += generator.notifying() if limits()["listen"] else []
    return [*{trigger.key: trigger for trigger in triggers}.values()]  # a table may be named twice


def differences(using: str = DEFAULT_DB_ALIAS) -> Differences:
    """Return how the database differs from what it should have; one query if it does not."""
    connection = connections[using]
    with connection.cursor() as cursor:
        found = GENERATORS[connection.vendor].installed(cursor)
        triggers = wanted(connection.vendor)
        if any(trigger.key not in found for trigger in triggers):
            there = {*connection.introspection.table_names(cursor)}
            triggers = _possible(triggers, there)
    present = [(trigger, *found[trigger.key]) for trigger in triggers if trigger.key in found]
    return Differences(
        missing=[trigger for trigger in triggers if trigger.key not in found],
        old=[trigger for trigger, source, _ in present if source != trigger.source],
        disabled=[
            trigger for trigger, source, on in present if source == trigger.source and not on
        ],
        unknown=sorted(found.keys() - {trigger.key for trigger in triggers}),
    )


def install(using: str = DEFAULT_DB_ALIAS) -> None:
    """Create what is missing, old or disabled, drop what is no longer wanted, and record that
    everything was touched: nobody knows what was written meanwhile.

    Correct triggers are left alone, because creating one locks its table.
    """
    connection = connections[using]
    generator = GENERATORS[connection.vendor]
    with transaction.atomic(using=using), connection.cursor() as cursor:
        generator.lock(cursor)
        differs = differences(using)
        for table, name in differs.unknown:
            generator.drop(cursor, table, name)
        _adopt(cursor, {trigger.table for trigger in differs.missing})
        wrong = [*differs.missing, *differs.disabled, *differs.old]
        found = generator.installed(cursor) if differs.old else {}
        for trigger in wrong:
            source, on = found.get(trigger.key, (None, False))
            generator.create(cursor, trigger, source if on else None)
        # First: intervals begin in the tenants that it makes.
        following.fill(cursor, {*connection.introspection.table_names(cursor)})
        if wrong:
            cursor.execute(everybody("capture installed", generator.NOW))
            _fill(cursor, {trigger.table for trigger in wrong})
        intervals.declare_roles(cursor, generator.NOW)
        unseen = {trigger.table for trigger in [*differs.missing, *differs.disabled]}
        if joining.is_needed() and joining.is_possible(
            connection.introspection.table_names(cursor)
        ):
            joining.fill(cursor, generator.NOW)
        if Membership._meta.db_table in unseen:
            cursor.execute(tables.tasks_of_all())
    transactions.on_connection(connection)


def drop(using: str = DEFAULT_DB_ALIAS) -> None:
    """Drop all triggers."""
    connection = connections[using]
    generator = GENERATORS[connection.vendor]
    with transaction.atomic(using=using), connection.cursor() as cursor:
        for table, name in generator.installed(cursor):
            generator.drop(cursor, table, name)


def generalize(using: str = DEFAULT_DB_ALIAS) -> None:
    """Replace PostgreSQL's functions by the form that survives what migrations do to columns."""
    connection = connections[using]
    with transaction.atomic(using=using), connection.cursor() as cursor:
        postgresql.lock(cursor)
        found = postgresql.installed(cursor)
        general = [
            *live_postgresql.triggers(live.lives(), live.shown(), general=True),
            *following.triggers("postgresql", general=True),
        ]
        for trigger in general:
            source, on = found.get(trigger.key, (None, False))
            if on:
                postgresql.create(cursor, trigger, source)


def _adopt(cursor: Any, tables: set[str]) -> None:
    """Give the rows written to these tables without triggers what the triggers would have."""
    vendor = cursor.db.vendor
    for table in live.lives():
        if table.table in tables:
            now, xid = GENERATORS[vendor].NOW, XIDS[vendor]
            for statement in adopting.statements(table, xid, now):
                cursor.execute(statement)


def kept() -> list[tuple[str, Kept]]:
    """Return each kind of interval that is kept, with the table that its rows are in."""
    found = [(a.table, a.kept) for a in tables.accesses() if a.kept and not a.kept.named_by]
    return found + [(t.table, each) for t in live.lives() for each in t.kept.values()]


def _fill(cursor: Any, unseen: set[str]) -> None:
    """Keep intervals for the rows that were written to these tables without triggers."""
    for table, each in kept():
        if table in unseen:
            for statement in intervals.fill(each, table, GENERATORS[cursor.db.vendor].NOW):
                cursor.execute(statement)


def _possible(triggers: list[Trigger], there: set[str]) -> list[Trigger]:
    """Return those whose tables exist: after `migrate` of some apps only, some are missing."""
    return [trigger for trigger in triggers if there >= trigger.needs | LOGS]


def _on_pre_migrate(app_config: AppConfig, using: str, plan: Any = (), **_: Any) -> None:
    vendor = connections[using].vendor
    if not (plan and is_last(app_config) and vendor in GENERATORS):
        return
    if vendor == "sqlite":
        # SQLite alters a table by making it anew, which fails while a trigger names it.
        drop(using)
    else:
        generalize(using)


def _on_post_migrate(app_config: AppConfig, using: str, **_: Any) -> None:
    if is_last(app_config) and connections[using].vendor in GENERATORS:
        install(using)


def is_last(app_config: AppConfig) -> bool:
    """Return whether this is the last app for which the signal is sent."""
    sent_for = [config for config in apps.get_app_configs() if config.models_module is not None]
    return app_config is sent_for[-1]
