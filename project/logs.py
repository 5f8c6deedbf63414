"""The log: one line for each record, with what it belongs to, and without a secret.

`Formatter` writes them all, those of libraries and of the server too, so what is taken out of a
line is taken out in one place.
"""

from __future__ import annotations

import json
import logging
import os
import re
import sys
import time
from collections.abc import Mapping
from contextvars import ContextVar
from typing import Any, Final
from urllib.parse import unquote_plus

HIDDEN: Final = "***"
SECRET: Final = re.compile(
    r"ticket|token|password|passwd|secret|session(id)?|csrf\w*|authorization|(set-)?cookie|old|new",
    re.IGNORECASE,
)
QUERY: Final = re.compile(r"([?&;])([^=&;?#\s\"']+)=([^&;#\s\"']*)")
HEADER: Final = re.compile(
    r"(\b(?:authorization|cookie|x-csrftoken)(?:['\"]\s*,|['\"]?\s*[:=])\s*b?['\"]?)([^'\"\r\n]+)",
    re.IGNORECASE,
)
NAMED: Final = re.compile(
    r"(\b(?:ticket|token|sessionid|csrftoken|csrfmiddlewaretoken)['\"]?\s*[:=]\s*b?['\"]?)"
    r"([^\s,;&'\"}]+)",
    re.IGNORECASE,
)
SCHEME: Final = re.compile(r"\b(token|bearer|basic)(\s+)[\w~+/.=-]{8,}", re.IGNORECASE)
ADDRESS: Final = re.compile(r"(\w://[^\s:/@]*:)[^\s/]+@")  # not of an e-mail: a scheme is before it
LINK: Final = re.compile(r"(/password/#?[^/\s]+/)[^\s\"']+")
CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")

request_id: ContextVar[str] = ContextVar("request_id", default="")


def redact(text: str) -> str:
    """The text without tickets, tokens, passwords and cookies, however they are spelled."""
    text = QUERY.sub(_pair, text)
    text = HEADER.sub(rf"\1{HIDDEN}", text)
    text = NAMED.sub(rf"\1{HIDDEN}", text)
    text = SCHEME.sub(rf"\1\2{HIDDEN}", text)
    text = LINK.sub(rf"\1{HIDDEN}", text)
    return ADDRESS.sub(rf"\1{HIDDEN}@", text)


def _pair(found: re.Match[str]) -> str:
    before, name, value = found.groups()
    plain = name
    while (decoded := unquote_plus(plain)) != plain:  # encoded twice is read by nobody, but printed
        plain = decoded
    return f"{before}{name}={HIDDEN if SECRET.fullmatch(plain) else value}"


def one_line(text: str) -> str:
    """The text without what begins a new line or moves a terminal's cursor."""
    joined = " | ".join(line.strip() for line in text.splitlines() if line.strip())
    return CONTROL.sub(lambda found: f"\\x{ord(found[0]):02x}", joined)


class Formatter(logging.Formatter):
    """A record as one line: `time LEVEL logger [what it belongs to]: message`, or as JSON."""

    def __init__(self, *, as_json: bool | None = None) -> None:
        super().__init__()
        if as_json is None:  # where no settings are: uvicorn's own processes
            as_json = os.environ.get("EARSHOT_LOG", "").lower() == "json"
        self.as_json = as_json

    def format(self, record: logging.LogRecord) -> str:
        parts = self._parts(record)
        if self.as_json:
            return json.dumps(parts)
        belongs = parts.get("request") or parts.get("connection")
        where = f" [{belongs}]" if belongs else ""
        error = f" | {parts['error']}" if "error" in parts else ""
        line = f"{parts['time']} {parts['level']} {parts['logger']}{where}: {parts['message']}"
        return line + error

    def _parts(self, record: logging.LogRecord) -> dict[str, str]:
        seconds = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        parts = {
            "time": f"{seconds}.{int(record.msecs):03}Z",
            "level": record.levelname,
            "logger": record.name,
            "message": one_line(redact(record.getMessage())),
        }
        # Django logs a refusal after the request, which it hands on.
        of_request = getattr(getattr(record, "request", None), "request_id", "")
        if request := of_request or request_id.get():
            parts["request"] = request
        if connection := getattr(record, "connection", ""):
            parts["connection"] = one_line(str(connection))
        if record.exc_info and record.exc_info[0] is not None:
            parts["error"] = one_line(redact(self.formatException(record.exc_info)))
        return parts


class Seldom(logging.Filter):
    """Lets a library say the same thing once a minute; what says so is its text, not its values."""

    def __init__(self, seconds: float = 60.0) -> None:
        super().__init__()
        self.seconds = seconds
        self._told: dict[tuple[str, str], float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        said = record.name, str(record.msg)
        if record.created - self._told.get(said, float("-inf")) < self.seconds:
            return False
        self._told[said] = record.created
        return True


def config(level: str, *, as_json: bool) -> dict[str, Any]:
    """`LOGGING`: all goes to stderr by one formatter, also what the servers' own loggers say."""
    ours: Mapping[str, Any] = {"handlers": [], "propagate": True}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "filters": {"seldom": {"()": "project.logs.Seldom"}},
        "formatters": {"line": {"()": "project.logs.Formatter", "as_json": as_json}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
        "root": {"handlers": ["stderr"], "level": level},
        "loggers": {
            "django": {**ours},
            "django.server": {**ours},
            # Anybody can ask with any Host; the access line says that it was refused.
            "django.security.DisallowedHost": {**ours, "level": "CRITICAL"},
            "uvicorn": {**ours},
            "uvicorn.error": {**ours},
            # project.access says it of each request, with the request's id.
            "uvicorn.access": {**ours, "level": "WARNING"},
            "psycopg.pool": {**ours, "filters": ["seldom"]},
            "realtime.hub.channel.unreadable": {**ours, "filters": ["seldom"]},
        },
    }


def take_over_daphne() -> None:
    """Let Daphne's access log, which prints whole addresses to stdout, write as all others do.

    It tells of sockets only: of each request `project.access` tells, with the request's id.
    """
    if (daphne := sys.modules.get("daphne.access")) is None:
        return

    def write_entry(_: Any, host: str, date: Any, request: str, status: Any = None, *__: Any,
                    **___: Any) -> None:  # fmt: skip
        if status is None:
            logging.getLogger("daphne.access").info('%s "%s"', host, request)

    vars(daphne)["AccessLogGenerator"].write_entry = write_entry
