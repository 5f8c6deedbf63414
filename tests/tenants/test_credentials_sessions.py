"""Sessions as credentials: whose they are, and which are nobody's."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from pytest_django import Settings

from tenants.credentials import resolve
from tenants.models import Session, User
from tenants.refused import NotAuthenticated
from tenants.sessions import SessionStore
from tests.tenants.conftest import session_of

pytestmark = pytest.mark.django_db


def test_session_survives_a_new_secret_key_and_the_look_at_it(
    owner: User, settings: Settings
) -> None:
    key = session_of(owner)
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "a new one"
    before = Session.objects.values().get()
    assert resolve("session", key)[0] == owner
    assert Session.objects.values().get() == before
    settings.SECRET_KEY_FALLBACKS = []
    with pytest.raises(NotAuthenticated):
        resolve("session", key)
    assert Session.objects.values().get() == before


@pytest.mark.each_case
@pytest.mark.parametrize(
    "spoil",
    [
        lambda data: data.pop(SESSION_KEY),
        lambda data: data.update({BACKEND_SESSION_KEY: "gone.Backend"}),
        lambda data: data.pop(BACKEND_SESSION_KEY),
        lambda data: data.update({HASH_SESSION_KEY: "wrong"}),
        lambda data: data.pop(HASH_SESSION_KEY),
    ],
)
def test_session_that_django_would_not_take_is_nobodys(
    owner: User, spoil: Callable[[Any], object]
) -> None:
    key = session_of(owner)
    store = SessionStore(key)
    data = dict(store.items())
    spoil(data)
    Session.objects.update(session_data=store.encode(data))
    with pytest.raises(NotAuthenticated):
        resolve("session", key)


def test_session_with_another_user_inside_is_nobodys(owner: User, both: User) -> None:
    key = session_of(owner)
    Session.objects.update(user=both)
    with pytest.raises(NotAuthenticated):
        resolve("session", key)
