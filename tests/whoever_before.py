"""What is there before somebody writes who may be anybody: each prepares a scene's row."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib.auth.models import Group, Permission
from django.contrib.contenttypes.models import ContentType
from django.test import Client
from django.utils import timezone
from knox.models import AuthToken

from resources.models import Document, DocumentGroupGrant, DocumentUserGrant, Profile
from tenants.models import Membership, Revocation, Session, Tenant, User
from tenants.roles import role_group
from tests.whoever_scene import HOUR, IN_GROUPS, Scene, permission


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


def kept(s: Scene, row: Any) -> None:
    """All scenes share this row: it is put back."""
    pk, rows = row.pk, type(row).objects
    was = {f.name: getattr(row, f.name) for f in row._meta.concrete_fields if not f.primary_key}
    s.restore.append(lambda: rows.update_or_create(pk=pk, defaults=was))


def of_permission(s: Scene) -> None:
    """The auditors' permission is nobody's but the reader's, in all scenes."""
    given("audit_document")(s)
    s.row = permission("audit_document")
    kept(s, s.row)


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
    kept(s, s.row)


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
