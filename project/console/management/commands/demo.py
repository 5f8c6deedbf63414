"""`manage.py demo`: two tenants with users and documents to try things on."""

from __future__ import annotations

from typing import Any, Final

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from django.db.models import Q

from permissions import grants
from permissions.ceiling import SYSTEM
from permissions.subjects import Subject
from project.console.models import DemoAccount, DemoTenant
from resources.documents.audiences import DOCUMENTS
from resources.models import Document
from tenants.models import Membership, Role, Tenant, User

PASSWORD: Final = "demo"  # noqa: S105 - known to everybody, on purpose

MEMBERS: Final = {
    ("acme", "Acme"): {
        "owner": Role.MEMBER,
        "editor": Role.MEMBER,
        "viewer": Role.MEMBER,
        "admin": Role.ADMIN,
        "member": Role.MEMBER,
        "both": Role.MEMBER,
    },
    ("globex", "Globex"): {"rival": Role.ADMIN, "both": Role.MEMBER},
}

PLAN: Final = {
    "title": "Quarterly plan",
    "body": "What we will do until the end of the quarter.",
    "review_notes": "Ask for the figures of the last quarter.",
    "budget": "125000.00",
}
"""The document that is shared, and that the contracts have for an example."""


class Command(BaseCommand):
    help = __doc__

    def handle(self, *args: Any, **options: Any) -> None:
        """Create what is missing; what is there stays as it is, but for the demo's passwords."""
        if not getattr(settings, "DEMO", False):
            raise CommandError(
                "Everybody knows the demo's passwords, so it runs only with DEBUG=1 or "
                "EARSHOT_DEMO=1. Nothing was changed."
            )
        with transaction.atomic():
            if foreign := self.foreign():
                raise CommandError(
                    f"The demo did not make, or no longer owns: {', '.join(foreign)}. It touches "
                    "nothing that is not its own, and cannot do without these names: rename or "
                    "delete them, or run it on a database of its own. Nothing was changed."
                )
            self.make()
        self.stdout.write(f"Ready: acme and globex; every password is {PASSWORD!r}.")

    def foreign(self) -> list[str]:
        """The tenants and users that have a name of the demo's and are not the demo's."""
        names = {name for members in MEMBERS.values() for name in members}
        slugs = [slug for slug, _ in MEMBERS]
        tenants = Tenant.objects.filter(slug__in=slugs).exclude(
            pk__in=DemoTenant.objects.values("tenant")
        )
        # Who was given rights over the whole server since is an operator's account now.
        operator = Q(is_staff=True) | Q(is_superuser=True)
        users = User.objects.filter(username__in=names).filter(
            operator | ~Q(pk__in=DemoAccount.objects.values("user"))
        )
        return [
            *(f"the tenant {tenant.slug!r}" for tenant in tenants.order_by("slug")),
            *(f"the user {user.username!r}" for user in users.order_by("username")),
        ]

    def make(self) -> None:
        for (slug, name), members in MEMBERS.items():
            tenant, made = Tenant.objects.get_or_create(slug=slug, defaults={"name": name})
            if made:
                DemoTenant.objects.create(tenant=tenant)
            for username, role in members.items():
                Membership.objects.get_or_create(
                    tenant=tenant, user=self.user(username), defaults={"role": role}
                )
        self.share(self.document("acme", "owner", PLAN["title"]))
        self.document("globex", "rival", "Market study")

    def user(self, username: str) -> User:
        """The demo user of this name, with the demo's password."""
        user, made = User.objects.get_or_create(
            username=username,
            defaults={"first_name": username.capitalize(), "email": f"{username}@example.com"},
        )
        if made:
            DemoAccount.objects.create(user=user)
        if not user.check_password(PASSWORD):
            user.set_password(PASSWORD)
            user.save(update_fields=["password"])
        return user

    def document(self, slug: str, owner: str, title: str) -> Document:
        """The tenant's first document of this title."""
        tenant = Tenant.objects.get(slug=slug)
        found = Document.objects.filter(tenant=tenant, title=title).order_by("pk").first()
        return found or Document.objects.create(
            tenant=tenant, owner=User.objects.get(username=owner), **PLAN | {"title": title}
        )

    def share(self, document: Document) -> None:
        """Give editor and viewer their audiences of the document, unless they have one."""
        present = {grant.subject for grant in grants.grants_of(DOCUMENTS, document)}
        for name in ("editor", "viewer"):
            audience = DOCUMENTS.audience(name)
            assert audience is not None
            subject = Subject(user_id=User.objects.get(username=name).pk)
            if subject not in present:
                grants.put(DOCUMENTS, document, subject, audience, actor=SYSTEM)
