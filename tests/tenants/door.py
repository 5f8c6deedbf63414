"""What comes to the one door: handshakes and credentials, and how their users lose their place."""

from collections.abc import Iterable
from typing import Any

from knox.models import AuthToken
from rest_framework.test import APIClient

from tenants.credentials import (
    Credential,
    Held,
    issue_ticket,
)
from tenants.models import Session, Tenant, User
from tenants.validity import validity
from tests.tenants.conftest import session_of

HOST = "earshot.example:8000"
REFUSED = {"detail": "Provide a valid token, session or ticket.", "code": "not_authenticated"}


def handshake(query: str = "", scheme: str = "ws", **headers: str) -> dict[str, Any]:
    named = {"host": HOST, **headers}
    return {
        "type": "websocket",
        "path": "/ws/",
        "scheme": scheme,
        "query_string": query.encode("latin-1"),
        "headers": [(name.encode(), value.encode("latin-1")) for name, value in named.items()],
    }


def ticket_of(user: User, tenant: Tenant) -> str:
    token, _ = AuthToken.objects.create(user)
    return issue_ticket(user, tenant, Credential("token", token.pk, token.expiry))[0]


def session_credential(user: User) -> Credential:
    session = Session.objects.get(pk=session_of(user))
    return Credential("session", session.pk, session.expire_date)


def token_credential(user: User) -> Credential:
    token, _ = AuthToken.objects.create(user)
    return Credential("token", token.pk, token.expiry)


def ended(held: Iterable[Held]) -> dict[Held, int]:
    """The close codes of those that must go."""
    found = validity(held).items()
    return {item: valid.code for item, valid in found if valid.code is not None}


def suspend(user: User) -> str:
    Tenant.objects.filter(slug="acme").update(is_active=False)
    return "acme"


def exclude(user: User) -> str:
    user.memberships.update(is_active=False)
    return "acme"


def deactivate(user: User) -> None:
    user.is_active = False
    user.save()


def browser(user: User, *, checks: bool = False) -> APIClient:
    client = APIClient(enforce_csrf_checks=checks)
    session_of(user, client)
    return client
