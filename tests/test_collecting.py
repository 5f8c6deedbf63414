"""Before the first test, nothing is measured but imports of the project, which are whole."""

from __future__ import annotations

import gc
import sys

from tests.collecting import modules, quickly
from tests.traced import traced, tracing


def test_nothing_is_measured_meanwhile_and_all_is_afterwards() -> None:
    with traced():
        with quickly():
            assert (sys.gettrace(), gc.isenabled()) == (None, False)
        assert (sys.gettrace(), gc.isenabled()) == (tracing, True)


def test_every_module_was_imported_while_it_was_measured() -> None:
    with traced(), quickly():
        assert {*modules()} <= sys.modules.keys()
    assert "tenants.models" in {*modules()}
