"""Where a request comes from, and where somebody has logged in before."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone
from rest_framework.test import APIClient, APIRequestFactory

from tenants.addresses import address_of, is_known, remember
from tenants.models import KnownAddress, User


@pytest.mark.parametrize(
    ("said", "counted"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::", "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("", ""),
        ("unix:", "unix:"),
    ],
)
def test_address_of_a_request_is_its_subscribers(said: str, counted: str) -> None:
    assert address_of(APIRequestFactory().get("/", REMOTE_ADDR=said)) == counted


@pytest.mark.django_db
def test_address_is_known_for_its_user_for_ninety_days() -> None:
    for name in ("owner", "editor"):
        User.objects.create_user(name)
    remember("owner", "a")
    assert is_known("owner", "a")
    known = [(n, a) for n in ("owner", "editor", "no\0body") for a in "ab" if is_known(n, a)]
    assert known == [("owner", "a")]
    KnownAddress.objects.update(seen_at=timezone.now() - timedelta(days=91))
    assert not is_known("owner", "a")
    remember("owner", "a")
    assert is_known("owner", "a")
    assert KnownAddress.objects.count() == 1


@pytest.mark.django_db
def test_address_in_use_stays_known() -> None:
    """Else, ninety days after the first login, strangers' failures counted there too."""
    User.objects.create_user("owner", password="correct horse")
    body = {"username": "owner", "password": "correct horse"}
    assert APIClient().post("/api/login/", body).status_code == 200
    KnownAddress.objects.update(seen_at=timezone.now() - timedelta(days=89))
    assert APIClient().post("/api/login/", body).status_code == 200
    assert KnownAddress.objects.get().seen_at > timezone.now() - timedelta(days=1)


@pytest.mark.django_db
def test_last_twenty_addresses_are_kept_and_not_in_clear() -> None:
    user = User.objects.create_user("owner")
    other = User.objects.create_user("editor")
    remember("editor", "192.0.2.0")
    for n in range(22):
        remember("owner", f"192.0.2.{n}")
    assert [is_known("owner", f"192.0.2.{n}") for n in range(22)] == [False] * 2 + [True] * 20
    assert is_known("editor", "192.0.2.0")
    assert not any("192" in row.digest for row in KnownAddress.objects.all())
    assert str(KnownAddress.objects.filter(user=user).first()).startswith(f"{user.pk} at ")
    assert KnownAddress.objects.filter(user=other).count() == 1


@pytest.mark.django_db
def test_nobody_has_no_addresses() -> None:
    remember("nobody", "a")
    assert not KnownAddress.objects.exists()
