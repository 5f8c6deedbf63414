"""What a failure leaves in the log."""

from __future__ import annotations

import logging

import psycopg
import pytest
from django.db import DataError, IntegrityError, OperationalError
from redis.exceptions import ConnectionError as BrokerError
from redis.exceptions import ResponseError

from realtime import failures
from realtime.failures import log_broken, log_failure, outage_of, reason

LOG = logging.getLogger("test")


def fail(secret: str) -> None:
    try:
        raise KeyError(secret)
    except KeyError as error:
        raise RuntimeError(f"cannot show {secret}") from error


def test_log_tells_kind_and_place_but_no_message(caplog: pytest.LogCaptureFixture) -> None:
    secret = "a payload"
    with pytest.raises(RuntimeError) as raised:
        fail(secret)
    log_failure(LOG, "Socket x failed", raised.value, connection="x")
    (record,) = caplog.records
    assert record.levelno == logging.ERROR
    assert record.getMessage().startswith("Socket x failed: RuntimeError\n")
    assert vars(record)["connection"] == "x"
    assert f'File "{__file__}"' in caplog.text
    assert "in fail" in caplog.text
    assert secret not in caplog.text


def away() -> OperationalError:
    error = OperationalError("connection refused")
    error.__cause__ = psycopg.OperationalError()
    return error


def busy() -> OperationalError:
    error = OperationalError("canceling statement due to lock timeout")
    error.__cause__ = psycopg.errors.LockNotAvailable()
    return error


@pytest.mark.parametrize(
    ("error", "name"),
    [
        (away(), "The database"),
        (BrokerError("refused"), "The broker"),
        (ConnectionResetError(), "The broker"),
        (TimeoutError(), "The broker"),
        (busy(), None),
        (OperationalError("database is locked"), None),
        (IntegrityError(), None),
        (DataError(), None),
        (ValueError(), None),
        (ResponseError("wrong command"), None),
    ],
)
def test_outage_is_of_what_all_share(error: Exception, name: str | None) -> None:
    outage = outage_of(error)
    assert (outage and outage.name) == name


def test_outage_is_told_at_its_begin_and_at_its_end(caplog: pytest.LogCaptureFixture) -> None:
    failures.database.over()
    for number in range(5):
        log_failure(LOG, f"Round {number} failed", away())
    assert [r.getMessage().splitlines()[0] for r in caplog.records] == [
        "Round 0 failed: OperationalError: connection refused (logged again when it is over)"
    ]
    caplog.clear()
    failures.database.over()
    failures.database.over()
    [ended] = caplog.records
    assert ended.getMessage().startswith("The database responds again after ")
    assert ended.getMessage().endswith("5 failures.")
    log_failure(LOG, "Another", away())
    assert "Another" in caplog.text


def test_broker_that_is_away_is_told_once_by_whoever_meets_it(
    caplog: pytest.LogCaptureFixture,
) -> None:
    log_broken(LOG, "group_add failed", BrokerError("Error 111 connecting"))
    log_broken(LOG, "group_send failed", TimeoutError())
    log_failure(LOG, "Receiving from the broker failed", BrokerError("Error 111"))
    [record] = caplog.records
    assert record.getMessage() == "group_add failed: ConnectionError: Error 111 connecting"


def test_what_is_no_outage_is_told_each_time(caplog: pytest.LogCaptureFixture) -> None:
    for _ in range(2):
        log_broken(LOG, "group_add failed", ValueError("a payload"))
        log_failure(LOG, "A round failed", busy())
    assert len(caplog.records) == 4
    assert "payload" not in caplog.text
    assert reason(busy()) == "OperationalError: canceling statement due to lock timeout"
