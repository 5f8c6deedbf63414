"""E-mail, on a thread of its own: no answer waits for it, or betrays it by a delay."""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

from django.conf import settings
from django.core.mail import EmailMessage

from tenants.connections import give_back
from tenants.failures import reason

Letters = Callable[[], list[EmailMessage]]

logger = logging.getLogger(__name__)

NOWHERE = ("dummy", "console")

# The interpreter waits for it at exit, so what was promised is sent.
_worker = ThreadPoolExecutor(1, thread_name_prefix="earshot-mail")


def is_set_up() -> bool:
    """Return whether e-mail leaves this machine at all."""
    return settings.EMAIL_BACKEND.split(".")[-2] not in NOWHERE


def send_later(letters: Letters) -> None:
    """Write and send these letters soon; log a failure without naming the recipient."""
    _worker.submit(_send, letters)


def flush() -> None:
    """Wait until every pending letter has been tried."""
    done: Future[None] = _worker.submit(lambda: None)
    done.result()


def _send(letters: Letters) -> None:
    try:
        try:
            written = letters()
        finally:
            give_back()  # the server for e-mail may take its time
        for letter in written:
            letter.send()
            if ".dummy." in settings.EMAIL_BACKEND:
                logger.warning("E-mail not sent: EMAIL_URL is not set.")
    except Exception as error:
        logger.error("E-mail could not be sent: %s", reason(error))
