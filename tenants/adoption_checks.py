"""System checks of a project's settings: each forgotten step of docs/adopting.md says its line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Any, Final

from django.conf import settings
from django.core import checks
from django.db import models

from tenants import limit_names, users
from tenants.hosted_checks import check_hosted
from tenants.keys import LONGEST, field_of
from tenants.limit_rules import Contradiction, check_together
from tenants.limits import DEFAULTS, LIMITS

ENGINE: Final = f"{__package__}.sessions"
NEEDED: Final = ("password", "is_active")


def register_checks() -> None:
    """Register the checks for `manage.py check` and start-up."""
    checks.register(check_settings, "earshot")
    checks.register(check_hosted, "earshot")


def check_settings(**_: Any) -> list[checks.CheckMessage]:
    """Return what is misspelt in the settings, or forgotten, or cannot work."""
    return [
        *check_limits(getattr(settings, "EARSHOT", {})),
        *check_user(users.User),
        *check_databases(settings.DATABASES),
        *check_sessions(settings.SESSION_ENGINE),
    ]


def check_limits(given: Any) -> Iterator[checks.CheckMessage]:
    """Check that each key of EARSHOT is a limit, and each value one that makes sense."""
    if not isinstance(given, Mapping):
        yield _limits("EARSHOT is no dictionary.", 'Write EARSHOT = {"tail_seconds": 1.0}.')
        return
    known = [limit.name for limit in LIMITS]
    for name in given:
        if name not in known and name not in limit_names.RENAMED:
            near = get_close_matches(name, known, 1, 0) or known[:1]
            yield checks.Error(
                f"EARSHOT has the unknown key {name!r}.",
                hint=f'Write EARSHOT = {{"{near[0]}": …}}, or remove it; docs/settings.md has all.',
                id="earshot.E040",
            )

    values = {**DEFAULTS, **limit_names.by_new_names({**given})}
    wrong = {each: reason for each in LIMITS if (reason := each.why_not(values[each.name]))}
    for limit, reason in wrong.items():
        line = f'Write EARSHOT = {{"{limit.name}": {limit.default}}}, or another such number.'
        yield _limits(f"EARSHOT has {limit.name!r}: {values[limit.name]!r}. {reason}", line)
    try:
        check_together(DEFAULTS if wrong else values)
    except Contradiction as error:
        yield _limits(str(error), "Change one of them in EARSHOT.")


def _limits(reason: str, line: str) -> checks.Error:
    return checks.Error(reason, hint=line, id="earshot.E059")


def check_user(model: Any) -> Iterator[checks.CheckMessage]:
    """Check that the user model's keys and columns are some that the statements can name."""
    meta = model._meta
    if not _is_key(field_of(model)):
        yield checks.Error(
            f"The key of {meta.label} is neither an integer, a UUID nor a text of at most "
            f"{LONGEST} characters.",
            hint="Give the model `id = models.BigAutoField(primary_key=True)`; what it had as its "
            "key can be a unique column.",
            obj=model,
            id="earshot.E041",
        )
    local = {field.name for field in meta.local_fields}
    if away := [n for n in NEEDED if users.column(n) is not None and n not in local]:
        yield checks.Error(
            f"{meta.label} has {' and '.join(away)} in the table of another model.",
            hint="Let it inherit an abstract model, such as AbstractUser, and not a table.",
            obj=model,
            id="earshot.E042",
        )


def _is_key(field: models.Field[Any, Any]) -> bool:
    if isinstance(field, models.CharField):
        return 0 < (field.max_length or 0) <= LONGEST and not field.db_collation
    return isinstance(field, models.IntegerField | models.UUIDField)


def check_databases(databases: Mapping[str, Any]) -> Iterator[checks.CheckMessage]:
    """Warn that the project's own views run in a transaction: a read refuses to run inside one."""
    if databases["default"].get("ATOMIC_REQUESTS"):
        yield checks.Warning(
            "ATOMIC_REQUESTS wraps your own views in a transaction, in which `read` refuses to run;"
            " the package's views, and those that inherit them, are in none.",
            hint='Write DATABASES["default"]["ATOMIC_REQUESTS"] = False, or '
            "@transaction.non_atomic_requests on views that call `read`.",
            id="earshot.W043",
        )


def check_sessions(engine: str) -> Iterator[checks.CheckMessage]:
    """Check that sessions are found by their user."""
    if engine != ENGINE:
        yield checks.Warning(
            f"Sessions of {engine} open no socket by their cookie, and sockets that their tickets"
            " open do not end with them, but after a token's lifetime.",
            hint=f'Write SESSION_ENGINE = "{ENGINE}", or let clients ask for tickets.',
            id="earshot.W044",
        )
