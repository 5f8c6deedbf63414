"""Which tenant a user comes into, and with what they are refused."""

from collections.abc import Callable

import pytest

from tenants.credentials import membership_for
from tenants.models import Tenant, User
from tenants.refused import NotAuthenticated, Refused, TenantForbidden, TenantRequired
from tests.tenants.door import (
    exclude,
    suspend,
)

pytestmark = pytest.mark.django_db


def test_only_active_membership_needs_no_slug(
    acme: Tenant, globex: Tenant, owner: User, both: User
) -> None:
    assert membership_for(owner, None).tenant == acme
    assert membership_for(owner, "").tenant == acme
    both.memberships.filter(tenant=acme).update(is_active=False)
    assert membership_for(both, None).tenant == globex
    both.memberships.update(is_active=True)
    Tenant.objects.filter(pk=globex.pk).update(is_active=False)
    assert membership_for(both, None).tenant == acme


def test_member_of_several_says_which(globex: Tenant, both: User) -> None:
    for absent in (None, ""):
        with pytest.raises(TenantRequired):
            membership_for(both, absent)
    assert membership_for(both, "globex").tenant == globex


@pytest.mark.parametrize(
    "prepare",
    [
        suspend,
        exclude,
        lambda user: "globex",
        lambda user: "unknown",
        lambda user: "ACME",
        lambda user: "acme\0",
        lambda user: exclude(user) and None,
        lambda user: suspend(user) and None,
    ],
)
def test_whoever_has_no_place_there_learns_nothing_else(
    globex: Tenant, owner: User, prepare: Callable[[User], str | None]
) -> None:
    slug = prepare(owner)
    with pytest.raises(TenantForbidden) as refused:
        membership_for(owner, slug)
    assert vars(refused.value) == vars(TenantForbidden())


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (NotAuthenticated, ("not_authenticated", 401, 4401)),
        (TenantRequired, ("tenant_required", 400, 4400)),
        (TenantForbidden, ("tenant_forbidden", 403, 4403)),
    ],
)
def test_refusal_says_the_same_to_rest_and_socket(
    error: type[Refused], expected: tuple[str, int, int]
) -> None:
    refused = error()
    assert (refused.code, refused.status, refused.close_code) == expected
    assert (refused.get_codes(), refused.status_code) == expected[:2]
