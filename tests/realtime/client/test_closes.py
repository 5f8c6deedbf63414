"""What a close code asks of the Python client, by the table that all clients are run by."""

from __future__ import annotations

from typing import Any

import pytest

from realtime.client.closes import Past, after_close, renew_after
from tests.conformance_closes import CLOSES, RENEWALS


@pytest.mark.parametrize(("about", "does"), CLOSES, ids=lambda part: str(part)[:60])
def test_client_does_what_the_code_asks(about: tuple[Any, ...], does: dict[str, Any]) -> None:
    code, past, retry, random, asked = about
    found = after_close(code, Past(**past), (retry["min"], retry["max"]), random, asked)
    assert {**vars(found), "past": vars(found.past)} == does


@pytest.mark.parametrize(("left", "delay"), RENEWALS)
def test_credential_is_renewed_when_nine_tenths_are_over(left: float, delay: float | None) -> None:
    assert renew_after(left) == delay
