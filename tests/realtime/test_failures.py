"""What a failure leaves in the log."""

import logging

import pytest

from realtime.failures import log_failure


def fail(secret: str) -> None:
    try:
        raise KeyError(secret)
    except KeyError as error:
        raise RuntimeError(f"cannot show {secret}") from error


def test_log_tells_kind_and_place_but_no_message(caplog: pytest.LogCaptureFixture) -> None:
    secret = "a payload"
    with pytest.raises(RuntimeError) as raised:
        fail(secret)
    log_failure(logging.getLogger("test"), "Socket x failed", raised.value)
    (record,) = caplog.records
    assert record.levelno == logging.ERROR
    assert record.getMessage().startswith("Socket x failed: RuntimeError\n")
    assert f'File "{__file__}"' in caplog.text
    assert "in fail" in caplog.text
    assert secret not in caplog.text
