"""Who hears of a changed standing; `watching` shows by which writes."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.contrib.auth import update_session_auth_hash
from django.contrib.auth.models import update_last_login
from django.db import connection
from django.http import HttpRequest
from django.test import Client
from django.utils import timezone
from knox.models import AuthToken

from tenants.credentials import Credential, issue_ticket
from tenants.models import Membership, Session, Tenant, Ticket, User
from tenants.sessions import SessionStore
from tenants.signals import standing_changed
from tenants.standing import end_credentials
from tests.tenants.conftest import Standing, Vetoed, bearer, member, session_of, token_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def quiet(both: User, heard: list[Standing]) -> list[Standing]:
    """What is heard from here on, with `both` in both tenants."""
    heard.clear()
    return heard


def everywhere(user: User, cause: str) -> list[Standing]:
    """The user's tenants in ascending order, each with this cause."""
    tenants = sorted(user.memberships.values_list("tenant_id", flat=True))
    return [(tenant, user.pk, cause) for tenant in tenants]


def test_new_member_is_announced_with_his_membership(
    acme: Tenant, heard: list[Standing], births: list[Membership]
) -> None:
    user = member("new")
    assert heard == []
    place = Membership.objects.create(tenant=acme, user=user)
    assert heard == [(acme.pk, user.pk, "membership")]
    assert births == [place]
    assert births[0].pk is not None


def test_members_created_in_bulk_are_announced_with_their_keys(
    acme: Tenant, heard: list[Standing], births: list[Membership]
) -> None:
    users = [member(name) for name in ("one", "two")]
    places = [Membership(tenant=acme, user=user) for user in reversed(users)]
    Membership.objects.bulk_create(places)
    assert heard == [(acme.pk, user.pk, "membership") for user in users]
    assert births == list(Membership.objects.order_by("pk"))


@pytest.mark.parametrize("change", [{"role": "admin"}, {"is_active": False}])
def test_changed_membership_is_announced(
    quiet: list[Standing], acme: Tenant, both: User, births: list[Membership], change: dict
) -> None:
    both.memberships.filter(tenant=acme).update(**change)
    assert quiet == [(acme.pk, both.pk, "membership")]
    assert births == []


def test_moved_membership_is_announced_where_it_was_and_where_it_is(
    acme: Tenant, globex: Tenant, owner: User, heard: list[Standing]
) -> None:
    heard.clear()
    owner.memberships.update(tenant=globex)
    assert heard == [(acme.pk, owner.pk, "membership"), (globex.pk, owner.pk, "membership")]


def test_removed_membership_is_announced(quiet: list[Standing], acme: Tenant, both: User) -> None:
    both.memberships.get(tenant=acme).delete()
    assert quiet == [(acme.pk, both.pk, "membership")]


def test_deactivated_user_is_announced_in_each_tenant_in_order(
    quiet: list[Standing], both: User
) -> None:
    both.is_active = False
    both.save()
    assert quiet == everywhere(both, "user")


def test_users_deactivated_together_are_announced_tenant_by_tenant(
    quiet: list[Standing], acme: Tenant, globex: Tenant, both: User, owner: User
) -> None:
    quiet.clear()
    User.objects.update(is_active=False)
    expected = [(acme.pk, both.pk), (acme.pk, owner.pk), (globex.pk, both.pk)]
    assert quiet == [(*place, "user") for place in expected]


def test_suspended_tenant_is_announced_once_for_everybody(
    quiet: list[Standing], acme: Tenant
) -> None:
    acme.is_active = False
    acme.save()
    assert quiet == [(acme.pk, None, "tenant")]
    Tenant.objects.update(is_active=True)
    assert quiet[1:] == [(acme.pk, None, "tenant")]


def test_deleted_user_is_announced_as_leaving(quiet: list[Standing], both: User) -> None:
    token_of(both)
    expected = {(tenant, user, "membership") for tenant, user, _ in everywhere(both, "")}
    both.delete()
    assert set(quiet) - {(t, u, "credential") for t, u, _ in expected} == expected


def test_deleted_tenant_is_announced_for_each_who_was_in_it(
    quiet: list[Standing], acme: Tenant, both: User
) -> None:
    place = (acme.pk, both.pk, "membership")
    acme.delete()
    assert quiet == [place]


def test_nothing_is_announced_where_nothing_changed(
    quiet: list[Standing], acme: Tenant, both: User
) -> None:
    both.save()
    both.first_name = "Both"
    both.save()
    acme.name = "Acme & Co."
    acme.save()
    both.memberships.get(tenant=acme).save()
    Membership.objects.update(is_active=True)
    Membership.objects.none().update(is_active=False)
    User.objects.filter(pk=both.pk).update(last_login=timezone.now())
    update_last_login(User, both)
    Tenant.objects.create(slug="new", name="New")
    member("stranger").delete()
    assert quiet == []


def test_new_credential_ends_nothing(quiet: list[Standing], both: User) -> None:
    token_of(both)
    session_of(both)
    assert quiet == []


def test_deleted_token_is_announced_in_each_tenant(quiet: list[Standing], both: User) -> None:
    token_of(both)
    AuthToken.objects.get().delete()
    assert quiet == everywhere(both, "credential")


def test_tokens_deleted_by_a_query_are_announced(quiet: list[Standing], both: User) -> None:
    token_of(both)
    AuthToken.objects.filter(user=both).delete()
    assert quiet == everywhere(both, "credential")


def test_token_saved_anew_is_announced_for_it_may_have_ended(
    quiet: list[Standing], both: User
) -> None:
    token = token_of(both)
    assert quiet == []
    row = AuthToken.objects.get(user=both)
    row.expiry = timezone.now()
    row.save()
    assert token
    assert quiet == everywhere(both, "credential")


def test_token_without_expiry_is_announced(quiet: list[Standing], both: User) -> None:
    AuthToken.objects.create(both, expiry=None)
    AuthToken.objects.get().delete()
    assert quiet == everywhere(both, "credential")


def test_deleted_session_is_announced_in_each_tenant(quiet: list[Standing], both: User) -> None:
    client = Client()
    session_of(both, client)
    client.logout()
    assert quiet == everywhere(both, "credential")
    assert not Session.objects.exists()


def test_session_that_does_not_exist_ends_nothing(quiet: list[Standing], both: User) -> None:
    SessionStore("nothing").delete()
    SessionStore().delete()
    assert quiet == []


def test_session_of_nobody_ends_nothing(quiet: list[Standing]) -> None:
    store = SessionStore()
    store["colour"] = "blue"
    store.save()
    Session.objects.all().delete()
    assert quiet == []


def test_clearing_up_what_had_expired_is_silent(quiet: list[Standing], both: User) -> None:
    token_of(both)
    session_of(both)
    past = timezone.now() - timedelta(seconds=1)
    AuthToken.objects.update(expiry=past)
    Session.objects.update(expire_date=past)
    bearer(both).get("/api/me/")  # knox deletes the user's expired tokens
    SessionStore.clear_expired()
    assert (AuthToken.objects.count(), Session.objects.count()) == (1, 0)
    assert quiet == []


def credentials_left() -> tuple[int, int, int]:
    return AuthToken.objects.count(), Session.objects.count(), Ticket.objects.count()


def give_credentials(user: User, tenant: Tenant) -> None:
    token_of(user)
    issue_ticket(user, tenant, Credential("session", session_of(user), None))


def test_changed_password_ends_his_credentials_and_no_others(
    quiet: list[Standing], acme: Tenant, both: User, owner: User
) -> None:
    give_credentials(both, acme)
    give_credentials(owner, acme)
    quiet.clear()
    both.set_password("another")
    both.save()
    assert credentials_left() == (1, 1, 1)
    assert Session.objects.get().user == owner
    assert quiet[:2] == everywhere(both, "credential")
    assert set(quiet) == set(quiet[:2])


def test_password_changed_by_a_query_ends_credentials(
    quiet: list[Standing], acme: Tenant, both: User
) -> None:
    give_credentials(both, acme)
    User.objects.filter(pk=both.pk).update(password="!")
    assert credentials_left() == (0, 0, 0)
    assert set(quiet) == set(everywhere(both, "credential"))


def test_changed_password_without_any_credential_is_announced(
    quiet: list[Standing], both: User
) -> None:
    both.set_unusable_password()
    both.save(update_fields=["password"])
    assert quiet == everywhere(both, "credential")


def test_session_that_changed_the_password_goes_on_under_a_new_key(
    both: User, acme: Tenant
) -> None:
    request = HttpRequest()
    request.session = SessionStore(session_of(both))
    request.user = both
    both.set_password("another")
    both.save()
    update_session_auth_hash(request, both)
    assert Session.objects.get().pk == request.session.session_key


def test_all_credentials_end_together(quiet: list[Standing], acme: Tenant, both: User) -> None:
    give_credentials(both, acme)
    end_credentials([both.pk])
    assert credentials_left() == (0, 0, 0)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    "write",
    [
        lambda user: user.memberships.get().delete(),
        lambda user: user.memberships.update(role="admin"),
        lambda user: User.objects.filter(pk=user.pk).update(is_active=False),
        lambda user: Membership.objects.bulk_create(
            [Membership(tenant=Tenant.objects.create(slug="new"), user=user)]
        ),
        lambda user: AuthToken.objects.get().delete(),
        lambda user: Session.objects.all().delete(),
        lambda user: Tenant.objects.get(slug="acme").delete(),
        lambda user: end_credentials([user.pk]),
        lambda user: user.delete(),
    ],
)
def test_write_and_announcement_are_one_transaction(
    acme: Tenant, owner: User, veto: Callable[[], None], write: Callable[[User], object]
) -> None:
    token_of(owner)
    session_of(owner)
    before = list(Membership.objects.values()), *credentials_left()
    veto()
    with pytest.raises(Vetoed):
        write(owner)
    assert (list(Membership.objects.values()), *credentials_left()) == before
    assert User.objects.get().is_active


@pytest.mark.django_db(transaction=True)
def test_announcement_of_a_save_is_inside_its_transaction(acme: Tenant, owner: User) -> None:
    inside: list[bool] = []

    def hear(**_: object) -> None:
        inside.append(connection.in_atomic_block)

    standing_changed.connect(hear)
    try:
        owner.is_active = False
        owner.save()
    finally:
        standing_changed.disconnect(hear)
    assert inside == [True]
