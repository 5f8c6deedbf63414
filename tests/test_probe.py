"""What is shown is what is declared, for every resource that there is: each column is a canary, and
whoever adds a resource has it probed here."""

from __future__ import annotations

import pytest

from permissions.review.findings import lines
from permissions.review.probing import probe


@pytest.mark.django_db
def test_every_audience_is_shown_what_is_declared_and_no_more() -> None:
    found = probe()
    assert "\n".join(lines(found)).startswith("Tried ")
    assert (found.faults, found.missed) == ([], [])
