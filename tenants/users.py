"""The project's user model, whichever it is: ours, Django's, or one with other columns and keys.

It needs no base class of ours, and may lack a username, an e-mail, groups and `is_active`.
"""

from __future__ import annotations

from collections.abc import Collection
from functools import wraps
from typing import TYPE_CHECKING, Any, Final

from django.contrib.auth import get_user_model
from django.contrib.auth.base_user import BaseUserManager
from django.contrib.auth.hashers import get_hasher, identify_hasher
from django.contrib.auth.models import Group
from django.core.exceptions import FieldDoesNotExist
from django.db import transaction
from django.db.models import Field, ManyToManyField, Q, QuerySet

if TYPE_CHECKING:
    from tenants.models import User as User
else:
    User = get_user_model()

NAME: Final[str] = User.USERNAME_FIELD
"""The field by which people log in, and by which others call them."""


def column(name: str) -> Any:
    """Return the field of this name, None if users have no such column."""
    field = _field(name)
    return field if isinstance(field, Field) and field.column else None


def groups() -> ManyToManyField[Any, Any] | None:
    """Return the field of Django's groups, if users can be in any."""
    field = _field("groups")
    is_of_groups = isinstance(field, ManyToManyField) and field.related_model is Group
    return field if is_of_groups else None


def active(path: str = "") -> Q:
    """Return the condition that the user at this path is active, as all are without a column."""
    return Q(**{f"{path}is_active": True}) if column("is_active") else Q()


def named(name: str) -> User | None:
    """Return the user who is called that, if there is one."""
    return User._default_manager.filter(**{NAME: name}).first()


def called(keys: Collection[Any]) -> dict[Any, str]:
    """Return what these users are called, by key, in one query; those who are gone are left out."""
    rows: QuerySet[User, tuple[Any, str]] = User._base_manager.values_list("pk", NAME)
    return dict(rows.filter(pk__in=set(keys)))


def address_of(user: User) -> str:
    """Return the user's e-mail address; empty if there is none."""
    return getattr(user, User.get_email_field_name(), "") or ""


def at(email: str) -> list[User]:
    """Return the active users with this e-mail address."""
    field = User.get_email_field_name()
    if column(field) is None:
        return []
    return list(User._default_manager.filter(active(), **{f"{field}__iexact": email}))


def new(name: str, email: str) -> User:
    """Store and return a user without a password; raises IntegrityError if the name is taken."""
    field = User.get_email_field_name()
    values = {field: BaseUserManager.normalize_email(email)} if column(field) else {}
    user = User(**{**values, NAME: User.normalize_username(name)})
    user.set_unusable_password()
    user.save(force_insert=True)
    return user


def keep_credentials_of_rehashes() -> None:
    """Let no credential end where Django hashes the same password anew, as it does at logins when
    hashers are stronger than those of the stored hash; once, when the apps are ready."""
    if User.__name__ == "User" and User.__module__ == f"{__package__}.models":
        return  # ours does so itself
    save: Any = User.save

    @wraps(save)
    def marked(self: Any, *args: Any, **kwargs: Any) -> None:
        if not _is_rehash(self, kwargs.get("update_fields")):
            save(self, *args, **kwargs)
            return
        from tenants.models import Rehash

        with transaction.atomic():
            mark = Rehash.objects.create(user_id=self.pk)
            save(self, *args, **kwargs)
            mark.delete()

    User.save = marked  # type: ignore[method-assign]


def _is_rehash(user: Any, fields: Any) -> bool:
    """Return whether this is the save by which Django stores the same password's new hash.

    It takes back what `set_password` noted, and the hash that is there was to be replaced.
    """
    if list(fields or ()) != ["password"] or vars(user).get("_password", "") is not None:
        return False
    stored = User._base_manager.filter(pk=user.pk).values_list("password", flat=True).first() or ""
    try:
        outdated = identify_hasher(stored)
    except ValueError:
        return False
    preferred = get_hasher()
    return outdated.algorithm != preferred.algorithm or preferred.must_update(stored)


def _field(name: str) -> Any:
    try:
        return User._meta.get_field(name)
    except FieldDoesNotExist:
        return None
