"""A small world that most tests share: two tenants, their people, one shared document."""

from __future__ import annotations

import pickle
from dataclasses import dataclass, field
from typing import Any, ClassVar

from django.contrib.auth.hashers import make_password
from knox.models import AuthToken
from rest_framework.test import APIClient

from permissions import grants
from permissions.ceiling import SYSTEM
from permissions.representation import ObjectKey
from permissions.subjects import Subject
from resources.documents.audiences import DOCUMENTS
from resources.models import Document, Profile
from tenants import opaque
from tenants.membership_tasks import do_tasks
from tenants.models import Membership, Role, Tenant, User
from tests import given
from tests.announced import announced
from tests.rows import Rows

MEMBERS = {
    "acme": ("owner", "editor", "viewer", "admin", "member", "both"),
    "globex": ("rival", "both"),
}


@dataclass
class World:
    """Acme with an owner, an editor and a viewer of one document, an admin who audits it and a
    member who sees nothing; globex with its admin `rival`; `both` is a member of the two.

    The first one of a process is made as the project makes it. Its rows are recorded, and put back
    for every later one, since to make them takes longer than most tests.
    """

    tenants: dict[str, Tenant] = field(default_factory=dict)
    users: dict[str, User] = field(default_factory=dict)
    document: Document = field(init=False)

    first: ClassVar[tuple[Rows, bytes] | None] = None

    def __post_init__(self) -> None:
        if User.objects.exists():
            self._make()
        elif World.first is None or not World.first[0].valid:
            self._make()
            World.first = Rows.recorded(), pickle.dumps(vars(self))
        else:
            rows, people = World.first
            rows.put_back()
            vars(self).update(pickle.loads(people))
            for known in ("version", "_written"):  # in a transaction that is long over
                vars(self.document).pop(known, None)

    def _make(self) -> None:
        people = sorted({username for members in MEMBERS.values() for username in members})
        for user in User.objects.bulk_create(
            User(
                username=name,
                first_name=name,
                email=f"{name}@example.com",
                password=make_password("secret"),
            )
            for name in people
        ):
            self.users[user.username] = user
        for slug, members in MEMBERS.items():
            self.tenants[slug] = Tenant.objects.create(slug=slug, name=slug.capitalize())
            Membership.objects.bulk_create(
                Membership(
                    tenant=self.tenants[slug],
                    user=self.users[username],
                    role=Role.ADMIN if username in ("admin", "rival") else Role.MEMBER,
                )
                for username in members
            )
        do_tasks()  # in a test's own transaction nothing follows a commit
        # Else chance decides whether the new profile finds a document that shows it.
        announced()
        self.document = self.create(title="Plan", body="Text", budget="10.00")
        for username in ("editor", "viewer"):
            self.grant(username, username)

    def user(self, username: str) -> User:
        """The user of this name, created when first named; the password is `secret`."""
        if username not in self.users:
            self.users[username] = User.objects.create_user(
                username, f"{username}@example.com", "secret", first_name=username
            )
        return self.users[username]

    def appoint(self, username: str, tenant: str = "acme") -> Membership:
        """Make a user the tenant's reviewer, who has their profile at once."""
        place = {"tenant": self.tenants[tenant], "user": self.user(username)}
        return Membership.objects.create(role=Role.REVIEWER, **place)

    def create(self, tenant: str = "acme", owner: str = "owner", **fields: Any) -> Document:
        """A new document."""
        return Document.objects.create(
            tenant=self.tenants[tenant], owner=self.user(owner), **{"title": "Title", **fields}
        )

    def write(self, **fields: Any) -> None:
        """Change the document, as it is stored, and save it."""
        self.document.refresh_from_db()
        for name, value in fields.items():
            given.note(str(value))
            setattr(self.document, name, value)
        self.document.save()

    def grant(self, username: str, audience: str, document: Document | None = None) -> None:
        """Give a user an audience of the document, as the API does."""
        given = DOCUMENTS.audience(audience)
        assert given is not None
        subject = Subject(user_id=self.user(username).pk)
        grants.put(DOCUMENTS, document or self.document, subject, given, actor=SYSTEM)

    def revoke(self, username: str, document: Document | None = None) -> None:
        """Take whatever the user has been granted on the document."""
        subject = Subject(user_id=self.user(username).pk)
        grants.take(DOCUMENTS, document or self.document, subject, actor=SYSTEM)

    def hand_over(self, username: str, document: Document | None = None) -> None:
        """Make a user the document's owner, so that whoever was it is it no more."""
        pk = (document or self.document).pk
        Document.objects.across_tenants().filter(pk=pk).update(owner=self.user(username))

    @property
    def key(self) -> ObjectKey:
        """The document inside the server."""
        return ObjectKey("resources.document", self.document.pk)

    @property
    def id(self) -> str:
        """The document's id on the wire."""
        return opaque.encode(Document, self.document.pk)

    @property
    def url(self) -> str:
        """The document over REST."""
        return f"/api/documents/{self.id}/"

    def profile(self, username: str, tenant: str = "acme") -> Profile:
        """A user's profile in a tenant."""
        return Profile.objects.get(tenant=self.tenants[tenant], user=self.user(username))

    def user_id(self, username: str) -> str:
        """A user's id on the wire."""
        return opaque.encode(User, self.user(username).pk)

    def token(self, username: str) -> str:
        """A new token of the user's."""
        text: str = AuthToken.objects.create(user=self.user(username))[1]
        return text

    def rest(self, username: str, tenant: str = "acme") -> APIClient:
        """A REST client with a token of the user's, in a tenant."""
        client = APIClient()
        client.credentials(HTTP_AUTHORIZATION=f"Token {self.token(username)}", HTTP_X_TENANT=tenant)
        return client
