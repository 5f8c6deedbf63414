"""Writes by which somebody loses what they saw, by the table that is written."""

from __future__ import annotations

from datetime import date

from django.contrib.auth.models import Group
from django.contrib.contenttypes.models import ContentType
from django.utils import timezone

from resources.models import Document
from tenants.models import Revocation, Tenant, User
from tests.realtime.capture.ways import Write
from tests.whoever_before import (
    admin,
    given,
    group_given,
    handed_over,
    in_group,
    member,
    nothing,
    of_content_type,
    of_permission,
    of_role,
    of_session,
    of_tenant,
    of_token,
    of_user,
    readers,
    without_end,
)
from tests.whoever_case import DJANGO, GONE, Case, heirs_profile, reader_deleted
from tests.whoever_scene import HOUR, Scene, permission


def another(s: Scene) -> Document:
    """A document that only its owner sees."""
    return Document.objects.create(tenant=s.tenant, owner=s.users["owner"])


LOSSES = {
    "a grant is taken": Case("user grants", given("view_document"), Scene.here, GONE),
    "a grant goes with its permission": Case(
        "user grants", of_permission, Scene.here, GONE, "auditor", only=DJANGO
    ),
    "a grant becomes a lesser one": Case(
        "user grants",
        given("change_document"),
        lambda s: s.here(permission=permission("view_document")),
        "viewer",
        "editor",
        "review_notes",
    ),
    "a grant becomes somebody else's": Case(
        "user grants", given("view_document"), lambda s: s.here(user=s.users["heir"]), GONE
    ),
    "a grant becomes one on another object": Case(
        "user grants",
        given("view_document"),
        lambda s: s.here(content_object=another(s)),
        GONE,
    ),
    "a group's grant is taken": Case(
        "group grants",
        group_given("view_document"),
        Scene.here,
        GONE,
        cascade=lambda s: s.here(s.group),
    ),
    "a group's grant becomes a lesser one": Case(
        "group grants",
        group_given("change_document"),
        lambda s: s.here(permission=permission("view_document")),
        "viewer",
        "editor",
        "review_notes",
    ),
    "a group's grant becomes another group's": Case(
        "group grants",
        group_given("view_document"),
        lambda s: s.here(group=Group.objects.create(name=f"other-{s.number}")),
        GONE,
    ),
    "a group's grant becomes one on another object": Case(
        "group grants",
        group_given("view_document"),
        lambda s: s.here(content_object=another(s)),
        GONE,
    ),
    "a user leaves a group": Case(
        "groups", in_group, Scene.here, GONE, cascade=lambda s: s.here(s.group)
    ),
    "a group's place becomes somebody else's": Case(
        "groups", in_group, lambda s: s.here(user=s.users["heir"]), GONE
    ),
    "a user is put into another group": Case(
        "groups",
        in_group,
        lambda s: s.here(group=Group.objects.create(name=f"other-{s.number}")),
        GONE,
    ),
    "a role's group is renamed": Case(
        "group", of_role, lambda s: s.here(name=f"no-role-{s.number}"), GONE
    ),
    "a member is removed": Case("membership", member, Scene.here, 4403),
    "a member is suspended": Case("membership", member, lambda s: s.here(is_active=False), 4403),
    "an admin becomes a member": Case(
        "membership", admin, lambda s: s.here(role="member"), GONE, "auditor"
    ),
    "a membership becomes one elsewhere": Case(
        "membership", member, lambda s: s.here(tenant=s.elsewhere), 4403
    ),
    "a membership becomes somebody else's": Case(
        "membership",
        member,
        lambda s: s.here(user=User.objects.create(username=f"new-{s.number}")),
        4403,
    ),
    "the tenant is suspended": Case(
        "tenant", of_tenant, lambda s: s.here(is_active=False), 4403, witness=None
    ),
    "the tenant is deleted": Case(
        "tenant", of_tenant, Scene.here, 4403, witness=None, only=DJANGO
    ),
    "a user is deactivated": Case("user", of_user, lambda s: s.here(is_active=False), 4401),
    "a password changes": Case("user", of_user, lambda s: s.here(password="another"), 4401),
    "a user is deleted": Case("user", of_user, Scene.here, 4401, only=DJANGO),
    "a token is deleted": Case("token", of_token, Scene.here, 4401, cascade=reader_deleted),
    "a token ends earlier": Case(
        "token", of_token, lambda s: s.here(expiry=timezone.now() - HOUR), 4401
    ),
    "a token that had no end gets one": Case(
        "token", without_end, lambda s: s.here(expiry=timezone.now() - HOUR), 4401
    ),
    "a token becomes somebody else's": Case(
        "token", of_token, lambda s: s.here(user=s.users["heir"]), 4401
    ),
    "a session is deleted": Case("session", of_session, Scene.here, 4401, cascade=reader_deleted),
    "a session ends earlier": Case(
        "session", of_session, lambda s: s.here(expire_date=timezone.now() - HOUR), 4401
    ),
    "a session becomes nobody's": Case("session", of_session, lambda s: s.here(user=None), 4401),
    "a session becomes somebody else's": Case(
        "session", of_session, lambda s: s.here(user=s.users["heir"]), 4401
    ),
    "a token is revoked in one tenant": Case(
        "revocation",
        of_token,
        lambda s: Write(Revocation, None, {"tenant": s.tenant, "kind": "token", "key": s.token.pk}),
        4401,
    ),
    "a session is revoked in one tenant": Case(
        "revocation",
        of_session,
        lambda s: Write(Revocation, None, {"tenant": s.tenant, "kind": "session", "key": s.key}),
        4401,
    ),
    "a permission is renamed": Case(
        "permission", of_permission, lambda s: s.here(codename="x"), GONE, "auditor"
    ),
    "a permission becomes another model's": Case(
        "permission",
        of_permission,
        lambda s: s.here(content_type=ContentType.objects.get_for_model(Tenant)),
        GONE,
        "auditor",
    ),
    "a content type is renamed": Case(
        "content type", of_content_type, lambda s: s.here(model="x"), GONE
    ),
    "a content type becomes another app's": Case(
        "content type", of_content_type, lambda s: s.here(app_label="x"), GONE
    ),
    "the object is handed over": Case(
        "live", handed_over, lambda s: s.here(owner=s.users["heir"]), GONE, "owner", witness="heir"
    ),
    "the object is deleted": Case("live", readers, Scene.here, GONE, "owner", witness=None),
    "the object is withdrawn": Case(
        "live", given("view_document"), lambda s: s.here(s.document, status="archived"), GONE,
        witness=None,
    ),
    "the object is marked as gone": Case(
        "live",
        given("change_document"),
        lambda s: s.here(s.document, due_on=date(2030, 1, 1)),
        GONE,
        "editor",
        "review_notes",
        None,
    ),
    "the object is hidden from its owner": Case(
        "live",
        readers,
        lambda s: s.here(s.document, due_on=date(2030, 1, 1), status="published"),
        GONE,
        "owner",
        "title",
        None,
    ),
    "the object is hidden from the admins": Case(
        "live", admin, lambda s: s.here(s.document, status="published"), GONE, "auditor",
        witness=None,
    ),
    "a profile goes with its membership": Case(
        "live",
        nothing,
        lambda s: s.here(s.membership("heir")),
        GONE,
        "member",
        witness=None,
        of=heirs_profile,
        only=DJANGO,
    ),
}  # fmt: skip
