"""A limit that was renamed works by its old name, and whoever set it is told of the new one."""

from __future__ import annotations

import pytest
from django.apps import apps
from pytest_django import Settings

from tenants.apps import TenantsConfig
from tenants.limit_names import RENAMED, by_new_names
from tenants.limits import DEFAULTS, limits, read_limits

both_names = pytest.mark.parametrize(("old", "new"), RENAMED.items())


@both_names
def test_old_name_is_of_a_limit_that_is_there(old: str, new: str) -> None:
    assert new in DEFAULTS
    assert old not in DEFAULTS


@both_names
def test_old_variable_sets_the_limit_and_names_the_new_one(
    old: str, new: str, caplog: pytest.LogCaptureFixture
) -> None:
    assert read_limits({f"EARSHOT_{old.upper()}": "7"}) == DEFAULTS | {new: 7}
    [told] = caplog.messages
    assert told.startswith(f"EARSHOT_{old.upper()} is now called EARSHOT_{new.upper()};")


@both_names
def test_new_variable_goes_before_the_old_one(old: str, new: str) -> None:
    environ = {f"EARSHOT_{old.upper()}": "7", f"EARSHOT_{new.upper()}": "9"}
    assert read_limits(environ)[new] == 9


@both_names
def test_new_names_and_empty_variables_are_told_of_to_nobody(
    old: str, new: str, caplog: pytest.LogCaptureFixture
) -> None:
    read_limits({f"EARSHOT_{old.upper()}": "", f"EARSHOT_{new.upper()}": "9"})
    assert caplog.messages == []


@both_names
def test_project_that_sets_the_old_name_has_the_limit_and_is_told(
    old: str, new: str, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    settings.EARSHOT = read_limits({}) | {old: 7}
    assert limits()[new] == 7
    config = apps.get_app_config("earshot_tenants")
    assert isinstance(config, TenantsConfig)
    config.tell_of_old_limits()
    [told] = caplog.messages
    assert told.startswith(f'EARSHOT["{old}"] is now called EARSHOT["{new}"];')


def test_names_of_today_are_taken_as_they_are() -> None:
    assert by_new_names(DEFAULTS) is DEFAULTS
