"""What `manage.py check --deploy` says about the deployment of the console."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from django.core.checks import run_checks
from pytest_django import Settings

SMTP = "django.core.mail.backends.smtp.EmailBackend"
DUMMY = "django.core.mail.backends.dummy.EmailBackend"
CONSOLE = "django.core.mail.backends.console.EmailBackend"
LINK = "https://app.example/#{user}/{token}"


def found() -> set[str | None]:
    messages = run_checks(tags=["earshot"], include_deployment_checks=True)
    return {message.id for message in messages if "earshot.E1" in str(message.id) or message.id
            in {"earshot.W102", "earshot.W103"}}  # fmt: skip


@pytest.mark.parametrize(
    ("link", "backend", "demo", "ids"),
    [
        (LINK, SMTP, False, set()),
        ("", SMTP, False, {"earshot.E101"}),
        (LINK, DUMMY, False, {"earshot.W102"}),
        (LINK, CONSOLE, False, {"earshot.W102"}),
        (LINK, SMTP, True, {"earshot.W103"}),
    ],
)
def test_deployment_without_a_way_to_its_people_is_found(
    settings: Settings, link: str, backend: str, demo: bool, ids: set[str]
) -> None:
    settings.PASSWORD_LINK, settings.EMAIL_BACKEND, settings.DEMO = link, backend, demo
    assert found() == ids


def test_development_is_not_told() -> None:
    assert not {m.id for m in run_checks(tags=["earshot"])} & {"earshot.E101", "earshot.W102"}


@pytest.mark.programs
def test_deployment_check_fails_without_a_link_and_names_it() -> None:
    command = [sys.executable, "manage.py", "check", "--deploy"]
    variables = os.environ | {"DJANGO_SETTINGS_MODULE": "project.settings", "DEBUG": ""}
    variables |= {"EARSHOT_PASSWORD_LINK": "", "ENV_FILE": os.devnull}
    done = subprocess.run(command, env=variables, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "(earshot.E101) No links to set a password can be" in done.stderr
    assert "EARSHOT_PASSWORD_LINK" in done.stderr
    done = subprocess.run(
        command,
        env=variables | {"EARSHOT_PASSWORD_LINK": LINK},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
