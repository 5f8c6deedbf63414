"""Two tenants, people in them, and an ear for what their standing does."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client
from knox.models import AuthToken
from rest_framework.test import APIClient

from tenants.models import Membership, Tenant, User
from tenants.signals import membership_created, standing_changed

Standing = tuple[int, int | None, str]


class Colleague(User):
    """A proxy of users."""

    class Meta:
        proxy = True
        app_label = "tests"


@pytest.fixture(autouse=True)
def few(pooled: None) -> None:
    """Connections are as few as those of a pool: who holds one is found out."""


@pytest.fixture(autouse=True)
def uncounted() -> None:
    """No test inherits the counts of another's throttles."""
    cache.clear()


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


@pytest.fixture
def heard() -> Iterator[list[Standing]]:
    """What `standing_changed` said, in order. Clear it when the scene is set."""
    said: list[Standing] = []

    def hear(tenant_id: int, user_id: int | None, cause: str, **_: Any) -> None:
        said.append((tenant_id, user_id, cause))

    standing_changed.connect(hear)
    yield said
    standing_changed.disconnect(hear)


@pytest.fixture
def births() -> Iterator[list[Membership]]:
    """What `membership_created` brought."""
    born: list[Membership] = []

    def hear(memberships: list[Membership], **_: Any) -> None:
        born.extend(memberships)

    membership_created.connect(hear)
    yield born
    membership_created.disconnect(hear)


@pytest.fixture
def veto() -> Iterator[Callable[[], None]]:
    """After `veto()`, whoever hears of a changed standing refuses it."""

    def refuse(**_: Any) -> None:
        raise Vetoed

    yield lambda: standing_changed.connect(refuse)
    standing_changed.disconnect(refuse)


class Vetoed(Exception):
    pass
