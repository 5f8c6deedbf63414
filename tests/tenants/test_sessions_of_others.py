"""With another session engine a cookie opens no socket, but gets a ticket that does."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.core.cache import cache
from pytest_django import Settings
from rest_framework.test import APIClient

from tenants.adoption_checks import check_settings
from tenants.credentials import identify_socket
from tenants.models import Session, Tenant, User
from tenants.refused import NotAuthenticated
from tests.tenants.door import HOST, handshake

pytestmark = pytest.mark.django_db
OWN = f"http://{HOST}"


@pytest.mark.parametrize("engine", ["db", "cached_db", "cache", "signed_cookies", "file"])
def test_cookie_opens_no_socket_and_its_ticket_does(
    engine: str, acme: Tenant, owner: User, settings: Settings, tmp_path: Path
) -> None:
    settings.SESSION_ENGINE = f"django.contrib.sessions.backends.{engine}"
    settings.SESSION_FILE_PATH = str(tmp_path)
    assert [message.id for message in check_settings()] == ["earshot.W044"]
    client = APIClient()
    client.force_login(owner, "django.contrib.auth.backends.ModelBackend")
    cookie = f"sessionid={client.cookies['sessionid'].value}"
    with pytest.raises(NotAuthenticated):
        identify_socket(handshake(cookie=cookie, origin=OWN))
    answer = client.post("/api/tickets/", HTTP_X_TENANT=acme.slug)
    assert answer.status_code == 201, answer.json()
    assert identify_socket(handshake(f"ticket={answer.json()['ticket']}")).user_id == owner.pk
    assert not Session.objects.exists()
    client.logout()
    assert client.post("/api/tickets/", HTTP_X_TENANT=acme.slug).status_code == 401
    cache.clear()
