"""Where somebody writes who may be anybody: a tenant of its own, and what is there before."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from itertools import count
from typing import Any

from django.contrib.auth.models import Group, Permission
from django.contrib.contenttypes.models import ContentType
from django.test import Client
from django.utils import timezone
from knox.models import AuthToken

from permissions.representation import ObjectKey
from resources.models import Document, DocumentGroupGrant, DocumentUserGrant, Profile
from tenants import opaque
from tenants.membership_tasks import do_tasks
from tenants.models import Membership, Revocation, Session, Tenant, User
from tenants.roles import role_group
from tests.realtime.capture.ways import Write, by_another_program, by_query_set

IN_GROUPS: Any = User.groups.through
PEOPLE = ("owner", "heir", "reader")
NUMBERS = count(1)
HOUR = timedelta(hours=1)


class Scene:
    """A tenant of its own, in which all are members and `owner` has a document.

    `row` is what a case prepared to be written; `restore` puts back what all scenes share.
    """

    row: Any = None
    key: str | None = None

    def __init__(self) -> None:
        self.number = next(NUMBERS)
        users = User.objects.bulk_create(
            User(username=f"{name}-{self.number}", first_name=name, password="!") for name in PEOPLE
        )
        self.users = dict(zip(PEOPLE, users, strict=True))
        self.tenant = Tenant.objects.create(slug=f"case-{self.number}")
        self.elsewhere = Tenant.objects.create(slug=f"elsewhere-{self.number}")
        Membership.objects.bulk_create(Membership(tenant=self.tenant, user=user) for user in users)
        do_tasks()
        self.document = Document.objects.create(tenant=self.tenant, owner=users[0], title="Plan")
        self.texts = {name: AuthToken.objects.create(user)[1] for name, user in self.users.items()}
        self.token = AuthToken.objects.get(user=self.users["reader"])
        self.restore: list[Callable[[], object]] = []

    @property
    def reader(self) -> User:
        return self.users["reader"]

    @property
    def group(self) -> Group:
        """A Django group of this scene's."""
        return Group.objects.get_or_create(name=f"group-{self.number}")[0]

    def membership(self, name: str = "reader") -> Membership:
        return Membership.objects.get(user=self.users[name], tenant=self.tenant)

    def profile(self, name: str) -> Profile:
        return Profile.objects.get(user=self.users[name], tenant=self.tenant)

    def here(self, row: Any = None, **values: Any) -> Write:
        """A write of these values to a row; without values, its deletion."""
        row = row or self.row
        where = {"pk": row.pk}
        if isinstance(row, Document | Profile):
            where["tenant_id"] = self.tenant.pk
        return Write(type(row), where, values or None)

    def again(self) -> Write:
        """The row that was prepared, and deleted; an object has its key again."""
        fields = (f for f in self.row._meta.concrete_fields if not f.primary_key)
        values = {field.name: getattr(self.row, field.name) for field in fields}
        if not self.row._meta.auto_field or isinstance(self.row, Document):
            values[self.row._meta.pk.name] = self.row.pk
        return Write(type(self.row), None, values)

    def canary(self, column: str) -> str:
        """Write what nobody may see who lost the object; one that is gone comes back with it."""
        text = f"canary-{self.number}"
        here = {"tenant_id": self.tenant.pk, "pk": self.document.pk}
        how = Write(Document, here, {column: text})
        if not Tenant.objects.filter(pk=self.tenant.pk).exists():
            Tenant.objects.create(pk=self.tenant.pk, slug=f"again-{self.number}")
        if not Document.objects.filter(**here).exists():
            how = Write(Document, None, {**here, "owner": self.users["heir"], "title": text})
        (by_another_program if self.number % 2 else by_query_set)(how)
        return text


def permission(codename: str) -> Permission:
    return Permission.objects.get(codename=codename, content_type__app_label="resources")


# What is there before the write.


def nothing(s: Scene) -> None:
    """The reader sees nothing."""


def given(codename: str) -> Callable[[Scene], None]:
    def give(s: Scene) -> None:
        s.row = DocumentUserGrant.objects.create(
            user=s.reader, permission=permission(codename), content_object=s.document
        )

    return give


def the_heirs(s: Scene) -> None:
    """The heir sees the document, and the reader does not."""
    given("view_document")(s)
    DocumentUserGrant.objects.filter(pk=s.row.pk).update(user=s.users["heir"])


def with_another(s: Scene) -> None:
    """The reader sees another document than that."""
    given("view_document")(s)
    other = Document.objects.create(tenant=s.tenant, owner=s.users["owner"])
    DocumentUserGrant.objects.filter(pk=s.row.pk).update(content_object=other)


def hidden(**fields: Any) -> Callable[[Scene], None]:
    def hide(s: Scene) -> None:
        given("view_document")(s)
        Document.objects.filter(tenant=s.tenant, pk=s.document.pk).update(**fields)

    return hide


def group_given(codename: str) -> Callable[[Scene], None]:
    def give(s: Scene) -> None:
        IN_GROUPS.objects.create(user=s.reader, group=s.group)
        s.row = DocumentGroupGrant.objects.create(
            group=s.group, permission=permission(codename), content_object=s.document
        )

    return give


def group_moved(s: Scene) -> None:
    """Another group than the reader's sees the document."""
    group_given("view_document")(s)
    other = Group.objects.create(name=f"other-{s.number}")
    DocumentGroupGrant.objects.filter(pk=s.row.pk).update(group=other)


def in_group(s: Scene) -> None:
    group_given("view_document")(s)
    s.row = IN_GROUPS.objects.get(user=s.reader)


def group_elsewhere(s: Scene) -> None:
    """A group sees the document in which nobody is, and the reader is in another."""
    group_given("change_document")(s)
    other = Group.objects.create(name=f"other-{s.number}")
    IN_GROUPS.objects.filter(user=s.reader).update(group=other)
    s.row = IN_GROUPS.objects.get(user=s.reader)


def member(s: Scene) -> None:
    """A reader without a profile, which would keep the membership."""
    given("view_document")(s)
    Profile.objects.filter(tenant=s.tenant, user=s.reader).delete()
    s.row = s.membership()


def inactive(s: Scene) -> None:
    member(s)
    Membership.objects.filter(pk=s.row.pk).update(is_active=False)


def no_member(s: Scene) -> None:
    member(s)
    Membership.objects.filter(pk=s.row.pk).delete()


def elsewhere_member(s: Scene) -> None:
    member(s)
    Membership.objects.filter(pk=s.row.pk).update(tenant=s.elsewhere)


def admin(s: Scene) -> None:
    Membership.objects.filter(pk=s.membership().pk).update(role="admin")
    s.row = s.membership()


def simple_member(s: Scene) -> None:
    s.row = s.membership()


def of_tenant(s: Scene) -> None:
    given("view_document")(s)
    s.row = s.tenant


def suspended(s: Scene) -> None:
    of_tenant(s)
    Tenant.objects.filter(pk=s.tenant.pk).update(is_active=False)


def of_user(s: Scene) -> None:
    given("view_document")(s)
    s.row = s.reader


def inactive_user(s: Scene) -> None:
    of_user(s)
    User.objects.filter(pk=s.reader.pk).update(is_active=False)


def of_token(s: Scene) -> None:
    given("view_document")(s)
    s.row = s.token


def expired(s: Scene) -> None:
    of_token(s)
    AuthToken.objects.filter(pk=s.token.pk).update(expiry=timezone.now() - HOUR)


def without_end(s: Scene) -> None:
    of_token(s)
    AuthToken.objects.filter(pk=s.token.pk).update(expiry=None)


def anothers_token(s: Scene) -> None:
    of_token(s)
    AuthToken.objects.filter(pk=s.token.pk).update(user=s.users["heir"])


def no_token(s: Scene) -> None:
    of_token(s)
    AuthToken.objects.filter(pk=s.token.pk).delete()


def of_session(s: Scene) -> None:
    given("view_document")(s)
    browser = Client()
    browser.force_login(s.reader, "django.contrib.auth.backends.ModelBackend")
    s.key = browser.session.session_key
    s.row = Session.objects.get(pk=s.key)


def no_session(s: Scene) -> None:
    of_session(s)
    Session.objects.filter(pk=s.key).delete()


def expired_session(s: Scene) -> None:
    of_session(s)
    Session.objects.filter(pk=s.key).update(expire_date=timezone.now() - HOUR)


def revoked(s: Scene) -> None:
    of_token(s)
    s.row = Revocation.objects.create(tenant=s.tenant, kind="token", key=s.token.pk)


def of_permission(s: Scene) -> None:
    """The auditors' permission is nobody's but the reader's, in all scenes."""
    given("audit_document")(s)
    s.row = permission("audit_document")
    pk = s.row.pk
    was = {f: getattr(s.row, f) for f in ("codename", "content_type", "name")}
    s.restore.append(lambda: Permission.objects.update_or_create(pk=pk, defaults=was))


def renamed_permission(s: Scene) -> None:
    of_permission(s)
    Permission.objects.filter(pk=s.row.pk).update(codename="x")


def moved_permission(s: Scene) -> None:
    of_permission(s)
    other = ContentType.objects.get_for_model(Tenant)
    Permission.objects.filter(pk=s.row.pk).update(content_type=other)


def of_content_type(s: Scene) -> None:
    given("view_document")(s)
    s.row = ContentType.objects.get(app_label="resources", model="document")
    was = {"app_label": "resources", "model": "document"}
    s.restore.append(lambda: ContentType.objects.filter(pk=s.row.pk).update(**was))


def renamed_content_type(s: Scene) -> None:
    of_content_type(s)
    ContentType.objects.filter(pk=s.row.pk).update(model="x")


def of_role(s: Scene) -> None:
    """All members see the document by a grant to their role."""
    s.row = role_group(s.tenant.pk, "member")
    DocumentGroupGrant.objects.create(
        group=s.row, permission=permission("view_document"), content_object=s.document
    )


def no_role(s: Scene) -> None:
    of_role(s)
    Group.objects.filter(pk=s.row.pk).update(name=f"no-role-{s.number}")


def heirs(s: Scene) -> None:
    """It is the heir's."""
    Document.objects.filter(tenant=s.tenant, pk=s.document.pk).update(owner=s.users["heir"])
    s.row = s.document


def readers(s: Scene) -> None:
    """It is the reader's."""
    Document.objects.filter(tenant=s.tenant, pk=s.document.pk).update(owner=s.reader)
    s.row = s.document


def no_document(s: Scene) -> None:
    """It was the reader's."""
    readers(s)
    s.row = Document.objects.get(tenant=s.tenant, pk=s.document.pk)
    Document.objects.filter(tenant=s.tenant, pk=s.document.pk).delete()


def handed_over(s: Scene) -> None:
    """It is the reader's, and the heir sees it."""
    readers(s)
    DocumentUserGrant.objects.create(
        user=s.users["heir"], permission=permission("view_document"), content_object=s.document
    )


def profile_shown(s: Scene) -> None:
    given("view_document")(s)
    s.row = s.profile("owner")


def no_profile(s: Scene) -> None:
    profile_shown(s)
    Profile.objects.filter(tenant=s.tenant, pk=s.row.pk).delete()


def no_heir(s: Scene) -> None:
    """The heir's name is known to nobody."""
    profile_shown(s)
    Profile.objects.filter(tenant=s.tenant, user=s.users["heir"]).delete()


def no_owner(s: Scene) -> None:
    """Nor is the owner's."""
    no_profile(s)
    s.row = s.profile("heir")


def name_shown(s: Scene) -> None:
    s.row = s.reader


def id_of(key: ObjectKey) -> str:
    """What clients call it."""
    return opaque.encode(Document if key.model == "resources.document" else Profile, key.pk)
