import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError
from django.utils import timezone
from knox.models import AuthToken
from pytest_django import Settings

from tenants.models import (
    Membership,
    MembershipTask,
    Rehash,
    Renewal,
    Session,
    Tenant,
    Ticket,
    User,
)
from tenants.sessions import SessionStore
from tests.tenants.conftest import token_of

pytestmark = pytest.mark.django_db

OLD = "django.contrib.auth.hashers.MD5PasswordHasher"
NEW = "django.contrib.auth.hashers.ScryptPasswordHasher"


def test_rows_say_what_they_are(acme: Tenant, owner: User) -> None:
    ticket = Ticket(user=owner, tenant=acme, expires_at=timezone.now())
    assert str(acme) == "acme"
    assert str(owner.memberships.get()) == f"{owner.pk} in {acme.pk} as member"
    assert str(Rehash(user_id=5)) == "5"
    assert str(MembershipTask(tenant_id=1, user_id=5)) == "5 in 1"
    assert str(Renewal(kind="token", created_at=ticket.expires_at)).startswith("a token at 2")
    assert str(ticket) == f"{owner.pk} in {acme.pk} until {ticket.expires_at}"


def test_user_is_once_in_a_tenant(acme: Tenant, owner: User) -> None:
    with pytest.raises(IntegrityError):
        Membership.objects.create(tenant=acme, user=owner, role="admin")


def test_nobody_makes_the_tenant_of_everybody_nor_gives_it_another_slug(acme: Tenant) -> None:
    for tenant in (
        Tenant(slug="everybody", name="E"),
        Tenant(slug="e", name="E", of_everybody=True),
    ):
        with pytest.raises(ValidationError, match="that `migrate` makes"):
            tenant.full_clean()
    Tenant(slug="everybody", name="E", of_everybody=True).full_clean()


def test_role_must_be_known(owner: User) -> None:
    with pytest.raises(IntegrityError):
        owner.memberships.update(role="king")


def test_session_store_belongs_to_the_model() -> None:
    assert Session.get_session_store_class() is SessionStore


def test_better_hash_of_the_same_password_ends_no_token(owner: User, settings: Settings) -> None:
    token_of(owner)
    settings.PASSWORD_HASHERS = [NEW, OLD]
    assert owner.password.startswith("md5$")
    assert owner.check_password("secret")
    stored = User.objects.get()
    assert stored.password.startswith("scrypt$")
    assert stored.password == owner.password
    assert stored.check_password("secret")
    assert not stored.check_password("wrong")
    assert AuthToken.objects.exists()


def test_better_hash_of_an_old_password_does_not_undo_a_new_one(
    owner: User, settings: Settings
) -> None:
    stale = User.objects.get()
    owner.set_password("another")
    owner.save()
    settings.PASSWORD_HASHERS = [NEW, OLD]
    assert stale.check_password("secret")
    assert User.objects.get().check_password("another")


@pytest.mark.django_db(transaction=True)
async def test_password_is_checked_asynchronously(owner: User) -> None:
    assert await owner.acheck_password("secret")
    assert not await owner.acheck_password("wrong")
