"""What the probe's scene makes of links between rows."""

from __future__ import annotations

import pytest

from permissions.review.findings import Findings
from permissions.review.scene import Scene
from resources.profiles.models import Profile


@pytest.mark.django_db
def test_row_that_needs_a_membership_gets_the_holders() -> None:
    scene = Scene(Findings())
    membership = scene.target(Profile._meta.get_field("membership"), depth=1)
    assert (membership.user, membership.tenant) == (scene.holder, scene.tenant)
