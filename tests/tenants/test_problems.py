"""What a check tells of is found in the documentation by its id."""

from __future__ import annotations

from tenants.models import Tenant
from tenants.problems import problem


def test_id_has_three_digits_and_is_silenced_like_any_other() -> None:
    found = problem(7, "It is wrong.", "Make it right.", Tenant)
    assert (found.id, found.msg, found.hint) == ("earshot.E007", "It is wrong.", "Make it right.")
    assert found.obj is Tenant
    assert problem(70, "It is wrong.", "Make it right.").obj is None
