"""`manage.py doctor` and `manage.py check` name the triggers that do not do what they should."""

from __future__ import annotations

from io import StringIO

import pytest
from django.core.checks import run_checks
from django.core.management import CommandError, call_command
from django.db import connection

from realtime.capture.installing import GENERATORS, install, wanted
from tests.databases import on_postgresql

pytestmark = pytest.mark.django_db

GENERATOR = GENERATORS[connection.vendor]
NUMBER, ANOTHER, *_ = wanted(connection.vendor)


def doctor() -> str:
    out = StringIO()
    call_command("doctor", stdout=out)
    return out.getvalue()


def checked() -> list[str]:
    found = run_checks(databases=["default"])
    return [message.msg for message in found if message.id == "earshot.W022"]


def test_healthy_database_is_told_to_be_so() -> None:
    said = doctor().splitlines()
    assert "ok  All triggers are installed and enabled." in said
    assert "ok  The database answers, and the broker returns a message." in said
    assert (
        "ok  resources.document is captured: versions in its rows, its tenant is found by 'tenant'."
    ) in said
    assert "ok  resources.document has an index that begins with 'tenant_id'." in said
    assert checked() == []
    assert "earshot.W022" not in {message.id for message in run_checks()}  # asks no database


def test_missing_triggers_are_named() -> None:
    for trigger in (NUMBER, ANOTHER):
        with connection.cursor() as cursor:
            GENERATOR.drop(cursor, *trigger.key)
    wrong = ", ".join(f"{t.name} on {t.table} is missing" for t in (NUMBER, ANOTHER))
    out = StringIO()
    with pytest.raises(CommandError, match="1 of these must be mended"):
        call_command("doctor", stdout=out)
    assert f"NO  Not every write is captured: {wrong}. Run manage.py migrate" in out.getvalue()
    assert f"earshot.W022: Not every write is captured: {wrong}." in out.getvalue()
    assert checked() == [f"Not every write is captured: {wrong}."]
    install()
    assert checked() == []


@on_postgresql
def test_disabled_trigger_is_named() -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {NUMBER.table} DISABLE TRIGGER {NUMBER.name}")
    assert checked() == [
        f"Not every write is captured: {NUMBER.name} on {NUMBER.table} is disabled."
    ]
