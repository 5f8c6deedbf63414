"""Users, tenants, memberships and the credentials that this project stores itself."""

from __future__ import annotations

from importlib import import_module
from typing import Any, ClassVar, Final, Self

from asgiref.sync import sync_to_async
from django.conf import settings
from django.contrib.auth import models as auth
from django.contrib.sessions.base_session import AbstractBaseSession
from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.utils import timezone

from tenants import hashing
from tenants.keys import KeyField, UserKeyField
from tenants.limits import check_own
from tenants.tenancy import EVERYBODY


class UserManager(auth.UserManager["User"]):
    use_in_migrations = False


class User(auth.AbstractUser):
    """Django's user. When the password changes, their tokens, sessions and tickets end with it; a
    lane hashes passwords (`tenants/hashing.py`)."""

    objects: ClassVar[UserManager] = UserManager()

    class Meta(auth.AbstractUser.Meta):
        swappable = "AUTH_USER_MODEL"

    @property
    def memberships(self) -> Any:
        """Return the manager of this user's memberships, by its short name."""
        return self.earshot_memberships

    def check_password(self, raw_password: str | None) -> bool:
        correct, outdated = hashing.verify(raw_password, self.password)
        if correct and outdated:
            self._store_new_hash(raw_password)
        return correct

    async def acheck_password(self, raw_password: str | None) -> bool:
        return await sync_to_async(self.check_password)(raw_password)

    def set_password(self, raw_password: str | None) -> None:
        self.password = hashing.encode(raw_password)
        self._password = raw_password

    def _store_new_hash(self, raw_password: str | None) -> None:
        """Hash the same password anew; unlike a change, this ends only the sessions, which Django
        no longer accepts."""
        old, self.password = self.password, hashing.encode(raw_password)
        with transaction.atomic():
            mark = Rehash.objects.create(user_id=self.pk)
            User.objects.filter(pk=self.pk, password=old).update(password=self.password)
            mark.delete()


class Rehash(models.Model):
    """A mark that a user's password is only hashed anew: it is the same, and ends no credential.

    It is deleted in the transaction that made it, so only that transaction's triggers see it.
    """

    user_id = UserKeyField(primary_key=True)

    def __str__(self) -> str:
        return str(self.user_id)


class Tenant(models.Model):
    """An organisation; while it is suspended (`is_active` false), nobody may enter.

    From `deleting_since` on, its rows are deleted without announcing each one: it stays suspended.
    """

    slug = models.SlugField(unique=True)
    name = models.CharField(max_length=200)
    is_active = models.BooleanField(default=True)
    record_payloads = models.BooleanField(
        default=False,
        help_text="Keep pushed payloads in the ledger, not only the fact that they were pushed.",
    )
    purpose = models.CharField(
        max_length=200,
        blank=True,
        default="",
        db_default="",
        help_text="What objects are shown for, where the grant does not say; for subject reports.",
    )
    record_reads = models.BooleanField(
        default=False,
        db_default=False,
        help_text="Record in the ledger who reads which object over REST, once a minute.",
    )
    limits = models.JSONField(
        default=dict,
        blank=True,
        validators=[check_own],
        help_text='Limits for this tenant, such as {"sockets_per_user": 5}.',
    )
    of_everybody = models.BooleanField(default=False, db_default=False, editable=False)
    source = KeyField(null=True, unique=True, editable=False)  # of the project's row, if it follows
    deleting_since = models.DateTimeField(null=True, editable=False)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(deleting_since=None) | models.Q(is_active=False),
                name="earshot_closed_while_it_is_deleted",
                violation_error_message="It is being deleted, and stays suspended.",
            )
        ]

    def __str__(self) -> str:
        return self.slug

    def clean(self) -> None:
        """Refuse the slug of the one tenant of models that have none, and to take it from that."""
        if (self.slug == EVERYBODY) != self.of_everybody:
            raise ValidationError(f"{EVERYBODY!r} is the slug of the tenant that `migrate` makes.")


class Role(models.TextChoices):
    """What a member may do in a tenant, apart from what they may see.

    A reviewer reads the ledger and the review; they create nothing and grant nothing.
    """

    ADMIN = "admin"
    REVIEWER = "reviewer"
    MEMBER = "member"


GRANTABLE: Final = (Role.ADMIN, Role.MEMBER)
"""The roles that may be subjects of grants."""


class State(models.TextChoices):
    INVITED = "invited"
    ACTIVE = "active"
    INACTIVE = "inactive"


class MembershipQuerySet(models.QuerySet["Membership"]):
    def invited(self) -> Self:
        """Return the invitations that have not been accepted."""
        return self.filter(is_active=False, invited_at__isnull=False)

    def joined(self) -> Self:
        """Return the memberships, active or not, without invitations."""
        return self.exclude(is_active=False, invited_at__isnull=False)


class Membership(models.Model):
    """A user's membership of a tenant, or an invitation to it, which is inactive until accepted.

    Not tenant-scoped, since it is read before the tenant is known.
    """

    tenant = models.ForeignKey(Tenant, models.CASCADE, related_name="memberships")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="earshot_memberships"
    )
    role = models.CharField(max_length=16, choices=Role.choices, default=Role.MEMBER)
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)
    invited_at = models.DateTimeField(null=True, editable=False)
    by_name = models.BooleanField(
        default=False,
        db_default=False,
        editable=False,
        help_text="The tenant knows no more of the person than their username.",
    )

    objects = models.Manager.from_queryset(MembershipQuerySet)()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "user"], name="earshot_one_membership_per_tenant"
            ),
            models.CheckConstraint(
                condition=models.Q(role__in=Role.values), name="earshot_known_role"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user_id} in {self.tenant_id} as {self.role}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        if self.is_active:  # else this instance would invite anew when it is deactivated
            self.invited_at = None
        super().save(*args, **kwargs)

    @property
    def state(self) -> State:
        """Return whether the user is in; an active one accepted, whatever else the row says."""
        if self.is_active:
            return State.ACTIVE
        return State.INACTIVE if self.invited_at is None else State.INVITED


class MembershipTask(models.Model):
    """A note that a membership was written, by whomever: what belongs to it is still to be made.

    A trigger writes it, and `tenants.membership_tasks` does it. An invitation has none until it is
    accepted.
    """

    tenant_id = models.BigIntegerField()
    user_id = UserKeyField()

    def __str__(self) -> str:
        return f"{self.user_id} in {self.tenant_id}"


class Ticket(models.Model):
    """A single-use stand-in, for a few seconds, for the token or session that asked for it."""

    digest = models.CharField(max_length=64, unique=True)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    tenant = models.ForeignKey(Tenant, models.CASCADE, related_name="+")
    kind = models.CharField(max_length=8)
    key = models.CharField(max_length=128)
    expires_at = models.DateTimeField()
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"{self.user_id} in {self.tenant_id} until {self.expires_at}"


class KnownAddress(models.Model):
    """An address from which a user has logged in: what strangers try does not count there."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    digest = models.CharField(max_length=64)
    seen_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["user", "digest"], name="earshot_one_of_each_known_address"
            )
        ]

    def __str__(self) -> str:
        return f"{self.user_id} at {self.seen_at}"


class Revocation(models.Model):
    """A credential that is no longer valid in this tenant, though it is elsewhere."""

    tenant = models.ForeignKey(Tenant, models.CASCADE, related_name="+")
    kind = models.CharField(max_length=8)
    key = models.CharField(max_length=128)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["key", "kind", "tenant"], name="earshot_revoked_once"),
        ]

    def __str__(self) -> str:
        return f"a {self.kind} in {self.tenant_id}"


class Renewal(models.Model):
    """A token or session that came in the place of another one, by their keys."""

    kind = models.CharField(max_length=8)
    key = models.CharField(max_length=128)
    renewed = models.CharField(max_length=128)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes = [
            models.Index(fields=["key"], name="earshot_renewal_by_key"),
            models.Index(fields=["renewed"], name="earshot_renewal_by_new_key"),
        ]

    def __str__(self) -> str:
        return f"a {self.kind} at {self.created_at}"


class Session(AbstractBaseSession):
    """Django's session, with its user in a column, by which sessions are found and ended."""

    # Without a constraint: saving the session of a user who is just being deleted is no error.
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, null=True, related_name="+", db_constraint=False
    )

    @classmethod
    def get_session_store_class(cls) -> Any:
        return import_module(settings.SESSION_ENGINE).SessionStore
