"""`manage.py create_tenant SLUG --admin USERNAME`: create a tenant and its first admin."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from tenants import links, mail
from tenants.models import Membership, Role, Tenant, User


class Command(BaseCommand):
    help = __doc__

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("slug", help="The tenant's name in URLs: letters, digits, - and _.")
        parser.add_argument("--name", help="The tenant's display name (default: the slug).")
        parser.add_argument(
            "--admin",
            required=True,
            metavar="USERNAME",
            help="Username of its first admin; a new or an existing user.",
        )
        parser.add_argument(
            "--email",
            default="",
            help="E-mail address to which a new admin's password link is sent.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            with transaction.atomic():
                tenant, user = self._create(**options)
        except ValidationError as error:
            wrong = (f"{name}: {' '.join(said)}" for name, said in error.message_dict.items())
            raise CommandError(f"{' '.join(wrong)} Nothing was changed.") from error
        self.stdout.write(f"Created {tenant}; {user.username} is its admin.")
        if not user.has_usable_password():
            self._send_link(tenant, user)

    def _create(
        self, slug: str, name: str | None, admin: str, email: str, **_: Any
    ) -> tuple[Tenant, User]:
        if Tenant.objects.filter(slug=slug).exists():
            raise CommandError(f"Tenant {slug!r} already exists; nothing was changed.")
        tenant = Tenant(slug=slug, name=slug if name is None else name)
        tenant.full_clean()
        tenant.save()
        user = User.objects.filter(username=admin).first()
        place = Membership(tenant=tenant, role=Role.ADMIN)
        place.by_name = user is not None
        place.user = user or self._new_user(admin, email)
        if not place.user.is_active:
            raise CommandError(f"The user {admin!r} is not active; nothing was changed.")
        place.save()
        return tenant, place.user

    def _new_user(self, username: str, email: str) -> User:
        user = User(username=User.normalize_username(username), email=email)
        user.set_unusable_password()
        user.full_clean()
        user.save()
        return user

    def _send_link(self, tenant: Tenant, user: User) -> None:
        """Send or print the link to set the password, or say that there is none."""
        try:
            link = links.link(user)
        except links.NoLink as error:
            instead = f"manage.py changepassword {user.username}"
            self.stderr.write(f"{error}. Until then, set the first password with `{instead}`.")
            return
        try:
            if user.email and mail.is_set_up():
                links.welcome(user, tenant.name).send()
                self.stdout.write(f"A link to set the password was sent to {user.email}.")
                return
        except OSError as error:
            self.stderr.write(f"The e-mail could not be sent: {error}")
        self.stdout.write(f"Set the password with this link, which works once: {link}")
