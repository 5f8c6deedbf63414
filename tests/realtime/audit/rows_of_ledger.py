"""Rows of a tenant's ledger, their chain, and what a verifier finds."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from io import StringIO
from typing import Any

from django.core.management import CommandError, call_command
from django.utils import timezone

from realtime.audit.chaining import committed
from realtime.audit.keys import keys
from realtime.audit.models import Access, ChainEntry
from realtime.audit.reading import chain_of, head_of
from realtime.audit.verifying import Fault, Verifier
from tenants.models import Tenant


def chain(how: Callable[[], Iterator[int]] = committed) -> int:
    """Chain, and return how many entries that made."""
    return sum(how())


def access(tenant: Tenant, **values: Any) -> Access:
    now = {"began_at": timezone.now(), "began": "subscribed", "process": 1, "connection": "c"}
    of = {"user_id": 7, "model": "resources.document", "object_id": 3, "audience": "viewer"}
    return Access.objects.create(tenant=tenant, **of | now | values)


def entries(tenant: Tenant) -> list[tuple[str, int, str]]:
    """Of which kind and row a tenant's entries are, and how they were made."""
    found = ChainEntry.objects.filter(tenant=tenant).order_by("sequence")
    return list(found.values_list("kind", "row", "how"))


def found(tenant: Tenant) -> list[Fault]:
    """What a verifier finds of a tenant's chain."""
    return list(Verifier(keys()).all(chain_of(tenant.pk), head_of(tenant.pk)))


def whats(tenant: Tenant) -> list[str]:
    return [fault.what for fault in found(tenant)]


def review(*args: Any) -> tuple[int, str]:
    """The exit code, and what is printed, or why not."""
    out = StringIO()
    try:
        call_command("review", *map(str, args), stdout=out)
    except SystemExit as ended:
        return int(str(ended.code)), out.getvalue()
    except CommandError as refused:
        return refused.returncode, str(refused)
    return 0, out.getvalue()


def in_json(*args: Any) -> tuple[int, Any]:
    code, printed = review(*args, "--format", "json")
    return code, json.loads(printed)
