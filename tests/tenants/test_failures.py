"""What may be said of a failure."""

from __future__ import annotations

import sqlite3
from smtplib import SMTPAuthenticationError
from typing import Any

import pytest
from django.db import DataError, IntegrityError, OperationalError, connection

from tenants.failures import Told, reason
from tenants.models import Tenant


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (OperationalError("connection refused\nDETAIL: a row"), "OperationalError: connection r"),
        (
            ConnectionRefusedError(111, "Connection refused"),
            "ConnectionRefusedError: Connection refused",
        ),
        (TimeoutError(), "TimeoutError"),
        (FileNotFoundError(2, "No such file", "a payload"), "FileNotFoundError: No such file"),
        (ConnectionError("a payload"), "ConnectionError"),
        (SMTPAuthenticationError(535, b"a payload"), "SMTPAuthenticationError"),
        (Told("Set it."), "Set it."),
        (OperationalError("x" * 1000), "OperationalError: " + "x" * 300),
        (ValueError("a payload"), "ValueError"),
        (DataError('invalid input "a payload"'), "DataError"),
    ],
)
def test_only_what_a_server_says_of_itself_is_quoted(error: Exception, said: str) -> None:
    assert reason(error).startswith(said)
    assert "payload" not in reason(error)
    assert "row" not in reason(error)


@pytest.mark.django_db
def test_broken_rule_is_named_without_the_value_that_broke_it() -> None:
    Tenant.objects.create(slug="a-payload", name="x")
    with pytest.raises(IntegrityError) as caught:
        Tenant.objects.create(slug="a-payload", name="x")
    said = reason(caught.value)
    assert "payload" not in said
    if connection.vendor == "postgresql":
        assert said.startswith("IntegrityError (SQLSTATE 23505, constraint ")


def test_state_without_a_rule_is_said_alone() -> None:
    class Cause(Exception):
        sqlstate = "22003"
        diag: Any = None

    error = DataError("out of range")
    error.__cause__ = Cause()
    assert reason(error) == "DataError (SQLSTATE 22003)"


def test_text_that_sqlite_gave_and_python_could_not_decode_is_not_quoted() -> None:
    error = OperationalError("Could not decode to UTF-8 column 'body' with text 'a payload'")
    error.__cause__ = sqlite3.OperationalError(str(error))
    assert reason(error) == "OperationalError"
