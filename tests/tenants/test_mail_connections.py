"""The thread that sends e-mail holds no database connection while it does."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend
from django.db import connections
from pytest_django import Settings

from tenants import mail
from tenants.models import User


class Backend(BaseEmailBackend):
    """An e-mail server that sees what the thread holds meanwhile."""

    seen: ClassVar[list[Any]] = []

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        self.seen.append(connections["default"].connection)
        return len(email_messages)


def letters() -> list[EmailMessage]:
    """Written with a look into the database."""
    return [EmailMessage(str(User.objects.count()), to=["owner@example.com"])]


def test_connection_is_given_back_before_letters_go(
    transactional_db: None, settings: Settings
) -> None:
    settings.EMAIL_BACKEND = f"{__name__}.Backend"
    Backend.seen.clear()
    mail.send_later(letters)
    mail.flush()
    assert Backend.seen == [None]
