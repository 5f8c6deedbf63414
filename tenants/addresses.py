"""Where requests come from, and where a user has logged in before.

Somebody who guesses a password from elsewhere must not lock out its user. So failures are counted
for a username and an address together; and once a user has logged in from an address, what
strangers at other addresses try with the username does not count there.
"""

from __future__ import annotations

from datetime import timedelta
from ipaddress import IPv6Address, ip_address
from typing import Final

from django.db.models import Q
from django.http import HttpRequest
from django.utils import timezone
from django.utils.crypto import salted_hmac
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from tenants import users
from tenants.models import KnownAddress

KEPT: Final = 20
LIFE: Final = timedelta(days=90)
FRESH: Final = timedelta(days=1)
NETWORK: Final = 64


def address_of(request: Request | HttpRequest) -> str:
    """Return the client's address, behind proxies as the settings say; for IPv6 its /64 network,
    all of which one subscriber has."""
    text = BaseThrottle().get_ident(request) or ""  # type: ignore[arg-type]  # either has META
    try:
        address = ip_address(text)
    except ValueError:
        return text
    if not isinstance(address, IPv6Address):
        return text
    if address.ipv4_mapped:
        return str(address.ipv4_mapped)
    return f"{IPv6Address(int(address) >> NETWORK << NETWORK)}/{NETWORK}"


def is_known(username: str, address: str) -> bool:
    """Return whether this user has logged in from there in the last ninety days."""
    if "\0" in username:  # PostgreSQL would not take it
        return False
    recent = KnownAddress.objects.filter(seen_at__gt=timezone.now() - LIFE)
    return recent.filter(_from(username, address)).exists()


def remember(username: str, address: str) -> None:
    """Note that this user has logged in from there; keep the last twenty of their addresses.

    Written once a day, so that an address in use stays known and most logins write nothing.
    """
    today = KnownAddress.objects.filter(seen_at__gt=timezone.now() - FRESH)
    if today.filter(_from(username, address)).exists():
        return
    user = users.named(username)
    if user is None:
        return
    mine = KnownAddress.objects.filter(user=user)
    mine.update_or_create(
        digest=_digest(address),
        defaults={"seen_at": timezone.now()},
        create_defaults={"user": user},
    )
    kept = mine.order_by("-seen_at", "-pk").values_list("pk", flat=True)[:KEPT]
    mine.exclude(pk__in=list(kept)).delete()


def _from(username: str, address: str) -> Q:
    return Q(**{f"user__{users.NAME}": username, "digest": _digest(address)})


def _digest(address: str) -> str:
    """Return a digest instead of the address: nobody needs to read where people are."""
    return salted_hmac("earshot.address", address, algorithm="sha256").hexdigest()
