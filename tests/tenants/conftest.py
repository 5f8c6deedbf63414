"""Two tenants, people in them, and what the access log says of their standing."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client
from knox.models import AuthToken
from rest_framework.test import APIClient

from permissions.models import AccessChange
from tenants.models import Membership, Tenant, User
from tenants.signals import membership_written

Standing = tuple[int, int | None, str]


class Colleague(User):
    """A proxy of users."""

    class Meta:
        proxy = True
        app_label = "tests"


@pytest.fixture(autouse=True)
def few(pooled: None) -> None:
    """Connections are as few as those of a pool: who holds one is found out."""


@pytest.fixture
def acme(db: None) -> Tenant:
    return Tenant.objects.create(slug="acme", name="Acme")


@pytest.fixture
def globex(acme: Tenant) -> Tenant:
    return Tenant.objects.create(slug="globex", name="Globex")


@pytest.fixture
def owner(acme: Tenant) -> User:
    """A member of acme only."""
    return member("owner", acme)


@pytest.fixture
def both(acme: Tenant, globex: Tenant) -> User:
    """A member of both tenants, of the later one first."""
    return member("both", globex, acme)


def member(username: str, *tenants: Tenant, role: str = "member") -> User:
    user = User.objects.create_user(username, password="secret")
    for tenant in tenants:
        Membership.objects.create(tenant=tenant, user=user, role=role)
    return user


def token_of(user: User) -> str:
    return AuthToken.objects.create(user)[1]


def bearer(user: User) -> APIClient:
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Token {token_of(user)}")
    return client


def session_of(user: User, client: Client | None = None) -> str:
    """Log in as a browser does; the key of the session."""
    client = client or Client()
    client.force_login(user, "django.contrib.auth.backends.ModelBackend")
    key = client.session.session_key
    assert key is not None
    return key


class Heard:
    """What the access log says from now on, or from the last `clear()` on."""

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        self.start = max(AccessChange.objects.values_list("pk", flat=True), default=0)

    def rows(self) -> list[Standing]:
        new = AccessChange.objects.filter(pk__gt=self.start).order_by("pk")
        return list(new.values_list("tenant_id", "user_id", "cause"))


@pytest.fixture
def heard(db: None) -> Heard:
    """What the access log says. Clear it when the scene is set."""
    return Heard()


@pytest.fixture
def told() -> Iterator[list[Membership]]:
    """The memberships that `membership_written` brought."""
    brought: list[Membership] = []

    def hear(memberships: list[Membership], **_: Any) -> None:
        brought.extend(memberships)

    membership_written.connect(hear)
    yield brought
    membership_written.disconnect(hear)
