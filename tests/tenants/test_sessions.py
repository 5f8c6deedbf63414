import pytest
from django.test import AsyncClient, Client

from tenants.models import Session, User
from tenants.sessions import SessionStore
from tests.tenants.conftest import session_of

pytestmark = pytest.mark.django_db


def test_session_knows_its_user(owner: User) -> None:
    key = session_of(owner)
    assert Session.objects.get(pk=key).user == owner


def test_session_of_nobody_has_no_user() -> None:
    store = SessionStore()
    store["colour"] = "blue"
    store.save()
    assert Session.objects.get().user is None
    assert SessionStore(store.session_key)["colour"] == "blue"


def test_session_forgets_its_user_at_logout(owner: User) -> None:
    client = Client()
    session_of(owner, client)
    client.logout()
    assert not Session.objects.filter(user=owner).exists()


@pytest.mark.django_db(transaction=True)
async def test_session_that_is_written_asynchronously_knows_its_user(owner: User) -> None:
    await AsyncClient().aforce_login(owner, "django.contrib.auth.backends.ModelBackend")
    session = await Session.objects.aget()
    assert session.user_id == owner.pk


def test_session_of_a_user_who_is_gone_is_saved_all_the_same(owner: User) -> None:
    store = SessionStore(session_of(owner))
    data = dict(store.items())
    owner.delete()
    orphan = SessionStore()
    orphan.update(data)
    orphan.save()
    assert Session.objects.get().pk == orphan.session_key


@pytest.mark.parametrize("cookie", ['"\\000\\000aaaaaaaaaa"', "short", "a b c d e f g h", ""])
def test_cookie_that_is_no_key_is_no_session(owner: User, cookie: str) -> None:
    """Django's cookie parser decodes octal escapes, and PostgreSQL takes no NUL."""
    answer = Client().get("/api/me/", headers={"cookie": f"sessionid={cookie}"})
    assert answer.status_code == 401
