"""Which credentials have ended, and with which code."""

from collections.abc import Callable

import pytest
from django.utils import timezone
from knox.models import AuthToken
from pytest_django import DjangoAssertNumQueries

from tenants.credentials import (
    Credential,
    identify_socket,
    live,
)
from tenants.models import Membership, Session, Tenant, User
from tests.tenants.conftest import member
from tests.tenants.door import (
    ended,
    exclude,
    handshake,
    session_credential,
    suspend,
    token_credential,
)

pytestmark = pytest.mark.django_db


def end_token(user: User) -> None:
    AuthToken.objects.all().delete()


def end_session(user: User) -> None:
    Session.objects.all().delete()


def expire(user: User) -> None:
    AuthToken.objects.update(expiry=timezone.now())
    Session.objects.update(expire_date=timezone.now())


def deactivate(user: User) -> None:
    User.objects.update(is_active=False)


def rehash(user: User) -> None:
    """What Django takes for another password, though no hook saw it."""
    user.password += "!"
    User.objects.all().bulk_update([user], ["password"])


def take_over(user: User) -> None:
    AuthToken.objects.update(user=member("thief"))
    Session.objects.update(user=User.objects.get(username="thief"))


def remove(user: User) -> None:
    Membership.objects.all().delete()


@pytest.mark.parametrize(
    ("change", "token_code", "session_code"),
    [
        (lambda user: None, None, None),
        (end_token, 4401, None),
        (end_session, None, 4401),
        (expire, 4401, 4401),
        (deactivate, 4401, 4401),
        (rehash, 4401, 4401),
        (take_over, 4401, 4401),
        (exclude, 4403, 4403),
        (suspend, 4403, 4403),
        (remove, 4403, 4403),
        (lambda user: user.delete(), 4401, 4401),
        (lambda user: [change(user) for change in (end_token, exclude)], 4401, 4403),
    ],
)
def test_credential_ends_with_the_code_of_what_ended(
    acme: Tenant,
    owner: User,
    change: Callable[[User], object],
    token_code: int | None,
    session_code: int | None,
) -> None:
    token = (owner.pk, acme.pk, token_credential(owner))
    session = (owner.pk, acme.pk, session_credential(owner))
    change(owner)
    codes = ended([token, session])
    assert (codes.get(token), codes.get(session)) == (token_code, session_code)
    assert set(codes) <= {token, session}


def test_each_tenant_ends_for_itself(acme: Tenant, globex: Tenant, both: User) -> None:
    credential = token_credential(both)
    here, there = [(both.pk, tenant.pk, credential) for tenant in (acme, globex)]
    both.memberships.filter(tenant=acme).update(is_active=False)
    assert ended([here, there, here]) == {here: 4403}


def test_token_without_expiry_lives(acme: Tenant, owner: User) -> None:
    token, text = AuthToken.objects.create(owner, expiry=None)
    identity = identify_socket(handshake(authorization=f"Token {text}"))
    assert identity.credential == Credential("token", token.pk, None)
    assert ended([(owner.pk, acme.pk, identity.credential)]) == {}


def test_any_number_ends_in_four_queries(
    acme: Tenant, globex: Tenant, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    held = []
    for number in range(20):
        user = member(f"user-{number}", acme, globex)
        for credential in (token_credential(user), session_credential(user)):
            held += [(user.pk, tenant.pk, credential) for tenant in (acme, globex)]
    with django_assert_num_queries(4):
        assert ended(held) == {}
    with django_assert_num_queries(0):
        assert ended([]) == {}
        assert live([]) == {}
