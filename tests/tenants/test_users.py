"""The project's user model: ours, and one that lacks most of what ours has."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import AbstractUser
from django.db import connection, models
from django.db.models import Q
from django.db.models.signals import post_save
from pytest_django import Settings

from permissions.statements import _write
from realtime.capture import tables
from resources.audiences import DOCUMENTS
from tenants import users
from tenants.models import Rehash, User
from tests.measuring import measured
from tests.world import World

pytestmark = pytest.mark.django_db


class BareUser(AbstractBaseUser):
    """A user with a key and a password, who is called by a number."""

    number = models.CharField(max_length=9, primary_key=True)
    is_active = True
    USERNAME_FIELD = "number"

    class Meta:
        app_label = "tests"


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    """The project's users have neither names, e-mails, groups nor a column `is_active`."""
    monkeypatch.setattr(users, "User", BareUser)
    monkeypatch.setattr(users, "NAME", "number")


def test_users_are_found_by_what_they_are_called() -> None:
    ann, _ = users.new("ann", "Ann@Example.COM"), users.new("bob", "")
    assert (ann.email, ann.has_usable_password()) == ("Ann@example.com", False)
    assert users.named("ann") == ann
    assert users.named("eve") is None
    assert users.called([ann.pk, 0]) == {ann.pk: "ann"}
    assert users.at("ANN@example.com") == [ann]
    assert users.address_of(ann) == "Ann@example.com"
    User.objects.filter(pk=ann.pk).update(is_active=False)
    assert users.at("ann@example.com") == []


def test_users_without_columns_are_all_active_and_get_no_mail(bare: None) -> None:
    assert users.active("user__") == Q()
    assert users.groups() is None
    assert users.at("ann@example.com") == []
    assert users.address_of(BareUser(number="7")) == ""  # type: ignore[arg-type]


def test_nothing_of_users_is_captured_but_what_they_have(bare: None) -> None:
    assert [access.cause for access in tables._users()] == ["password"]
    [password] = tables._users()
    assert "user_id = NEW.number" in password.also["UPDATE"]


def test_decision_goes_without_groups_and_activity(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of users who have neither: the same statement, which finds everybody and no group."""
    viewer, acme = world.user("viewer"), world.tenants["acme"]
    User.objects.filter(pk=viewer.pk).update(is_active=False)

    def kinds() -> set[str]:
        wanted = _write(DOCUMENTS, connection)
        rows = wanted.run(connection, [acme.pk], [viewer.pk], [world.document.pk])
        return {row[0] for row in rows if row[0] in ("member", "joined")}

    assert kinds() == set()
    monkeypatch.setattr(users, "column", lambda name: None)
    monkeypatch.setattr(users, "groups", lambda: None)
    assert kinds() == {"member"}


class Hashed(AbstractUser):
    """A user of the project's own, who hashes passwords as Django does."""

    groups = None  # type: ignore[assignment]
    user_permissions = None  # type: ignore[assignment]

    class Meta:
        app_label = "tests"


@pytest.fixture
def hashed(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Django would hash the user's password anew at the next login."""
    with connection.schema_editor() as editor:
        editor.create_model(Hashed)
    user: Any = Hashed.objects.create(username="ann", password=make_password("right"))
    settings.PASSWORD_HASHERS = [
        "django.contrib.auth.hashers.ScryptPasswordHasher", *settings.PASSWORD_HASHERS,
    ]  # fmt: skip
    monkeypatch.setattr(users, "User", Hashed)
    with monkeypatch.context() as patch:
        patch.setattr(Hashed, "save", Hashed.save)
        with measured():  # that it does so is what is tried
            users.keep_credentials_of_rehashes()
        yield user
    with connection.schema_editor() as editor:
        editor.delete_model(Hashed)


def marked(user: Any, act: Callable[[], object]) -> list[bool]:
    """For each write to the user, whether it was marked as a hash of the same password."""
    seen = []

    def note(sender: Any, **_: Any) -> None:
        seen.append(Rehash.objects.filter(user_id=user.pk).exists())

    post_save.connect(note, sender=Hashed)
    act()
    post_save.disconnect(note, sender=Hashed)
    assert not Rehash.objects.exists()
    return seen


@pytest.mark.django_db(transaction=True)
def test_login_that_hashes_anew_ends_nothing(hashed: Any) -> None:
    assert marked(hashed, lambda: hashed.check_password("right")) == [True]
    assert hashed.password.startswith("scrypt")
    assert marked(hashed, lambda: hashed.check_password("right")) == []


@pytest.mark.django_db(transaction=True)
def test_every_other_write_of_a_password_ends_what_it_ended(hashed: Any) -> None:
    def change(**how: Any) -> None:
        hashed.set_password("another")
        hashed.save(**how)

    def write(password: str) -> None:
        hashed.password = password
        hashed.save(update_fields=["password"])

    assert marked(hashed, lambda: write("!")) == [False]
    vars(hashed)["_password"] = None
    assert marked(hashed, lambda: write(make_password("third"))) == [False]
    assert marked(hashed, change) == [False]
    assert marked(hashed, lambda: write(make_password("fourth"))) == [False]
    assert marked(hashed, lambda: change(update_fields=["password"])) == [False]


def test_our_own_user_marks_by_itself() -> None:
    save = User.save
    users.keep_credentials_of_rehashes()
    assert User.save is save
