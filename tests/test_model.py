"""Promises 1 to 4 under random histories: a real hub against a reference model.

`MODEL_STEPS` says how many steps; a failure prints the steps that lead to it.
"""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import (
    run_state_machine_as_test,
)

from tests.steps_writes import Histories
from tests.turns import Turns

STEPS_EACH = 40
STEPS = int(os.environ.get("MODEL_STEPS", "320"))

# Without shrinking a failure costs no minutes: ask for fewer steps with MODEL_SHRINK.
PHASES = (Phase.generate, *((Phase.shrink,) if "MODEL_SHRINK" in os.environ else ()))


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("by_hand")
def test_every_socket_receives_only_what_its_user_could_see_and_converges() -> None:
    run_state_machine_as_test(
        Histories,
        settings=settings(
            max_examples=max(1, STEPS // STEPS_EACH),
            stateful_step_count=STEPS_EACH,
            derandomize="MODEL_STEPS" not in os.environ,
            database=None,
            deadline=None,
            print_blob=True,
            phases=PHASES,
            report_multiple_bugs=False,
            suppress_health_check=list(HealthCheck),
        ),
    )
    written = Turns.all
    assert written["past"] >= 0.45 * written.total(), "half of all is written past Django"
