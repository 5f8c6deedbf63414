"""Writes by which somebody gains, or sees something else, by the table that is written."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from django.contrib.contenttypes.models import ContentType
from django.utils import timezone

from resources.models import Document, DocumentGroupGrant, DocumentUserGrant
from tests.realtime.capture.ways import Write
from tests.whoever_before import (
    anothers_token,
    elsewhere_member,
    expired,
    expired_session,
    given,
    group_elsewhere,
    group_given,
    group_moved,
    hidden,
    inactive,
    inactive_user,
    moved_permission,
    name_shown,
    no_document,
    no_heir,
    no_member,
    no_owner,
    no_profile,
    no_role,
    no_session,
    no_token,
    profile_shown,
    readers,
    renamed_content_type,
    renamed_permission,
    revoked,
    simple_member,
    suspended,
    the_heirs,
    with_another,
)
from tests.whoever_case import Case, own_profile
from tests.whoever_scene import HOUR, IN_GROUPS, Scene, permission

GAINS = {
    "a greater grant": Case(
        "user grants",
        given("view_document"),
        lambda s: Write(
            DocumentUserGrant,
            None,
            {
                "user": s.reader,
                "permission": permission("change_document"),
                "content_object": s.document,
            },
        ),
        "editor",
    ),
    "a grant becomes a greater one": Case(
        "user grants",
        given("view_document"),
        lambda s: s.here(permission=permission("change_document")),
        "editor",
    ),
    "a grant becomes the reader's": Case(
        "user grants", the_heirs, lambda s: s.here(user=s.reader), "viewer", None
    ),
    "a grant becomes one on this object": Case(
        "user grants", with_another, lambda s: s.here(content_object=s.document), "viewer", None
    ),
    "a group's grant becomes this group's": Case(
        "group grants", group_moved, lambda s: s.here(group=s.group), "viewer", None
    ),
    "a group's greater grant": Case(
        "group grants",
        group_given("view_document"),
        lambda s: Write(
            DocumentGroupGrant,
            None,
            {
                "group": s.group,
                "permission": permission("change_document"),
                "content_object": s.document,
            },
        ),
        "editor",
    ),
    "a group's grant becomes a greater one": Case(
        "group grants",
        group_given("view_document"),
        lambda s: s.here(permission=permission("change_document")),
        "editor",
    ),
    "a user joins a group": Case(
        "groups",
        group_elsewhere,
        lambda s: Write(IN_GROUPS, None, {"user": s.reader, "group": s.group}),
        "editor",
        None,
    ),
    "a user is put into the group": Case(
        "groups", group_elsewhere, lambda s: s.here(group=s.group), "editor", None
    ),
    "a group becomes a role's": Case(
        "group", no_role, lambda s: s.here(name=f"tenant:{s.tenant.pk}:member"), "viewer", None
    ),
    "a member is added": Case("membership", no_member, Scene.again, "viewer", "out"),
    "a member is active again": Case(
        "membership", inactive, lambda s: s.here(is_active=True), "viewer", "out"
    ),
    "a member becomes an admin": Case(
        "membership", simple_member, lambda s: s.here(role="admin"), "auditor", None
    ),
    "a membership becomes one here": Case(
        "membership", elsewhere_member, lambda s: s.here(tenant=s.tenant), "viewer", "out"
    ),
    "the tenant is active again": Case(
        "tenant", suspended, lambda s: s.here(is_active=True), "viewer", "out"
    ),
    "a user is active again": Case(
        "user", inactive_user, lambda s: s.here(is_active=True), "viewer", "out"
    ),
    "a token is made": Case("token", no_token, Scene.again, "viewer", "out"),
    "a token ends later": Case(
        "token", expired, lambda s: s.here(expiry=timezone.now() + HOUR), "viewer", "unknown"
    ),
    "a token becomes the reader's": Case(
        "token", anothers_token, lambda s: s.here(user=s.reader), "viewer", "out"
    ),
    "a session is made": Case("session", no_session, Scene.again, "viewer", "out"),
    "a session ends later": Case(
        "session", expired_session, lambda s: s.here(expire_date=timezone.now() + HOUR),
        "viewer", "out",
    ),
    "a token is no longer revoked": Case("revocation", revoked, Scene.here, "viewer", "out"),
    "a permission gets its name back": Case(
        "permission", renamed_permission, lambda s: s.here(codename="audit_document"),
        "auditor", None,
    ),
    "a permission becomes the model's again": Case(
        "permission",
        moved_permission,
        lambda s: s.here(content_type=ContentType.objects.get_for_model(Document)),
        "auditor",
        None,
    ),
    "a content type gets its name back": Case(
        "content type", renamed_content_type, lambda s: s.here(model="document"), "viewer", None
    ),
    "the object is made": Case("live", no_document, Scene.again, "owner", None, witness=None),
    "the object is published": Case(
        "live", hidden(status="archived"), lambda s: s.here(s.document, status="draft"),
        "viewer", None,
    ),
    "the object is no longer marked as gone": Case(
        "live", hidden(due_on=date(2030, 1, 1)), lambda s: s.here(s.document, due_on=None),
        "viewer", None,
    ),
    "the object is shown again": Case(
        "live",
        hidden(due_on=date(2030, 1, 1), status="published"),
        lambda s: s.here(s.document, due_on=None, status="draft"),
        "viewer",
        None,
    ),
    "the object is handed to the reader": Case(
        "live", given("view_document"), lambda s: s.here(s.document, owner=s.reader), "owner",
        witness=None,
    ),
}  # fmt: skip
CHANGES = {
    "the object changes": Case(
        "live", given("view_document"), lambda s: s.here(s.document, body="New"), {"body": "New"}
    ),
    "the object's title changes for auditors": Case(
        "live", given("audit_document"), lambda s: s.here(s.document, title="New"),
        {"title": "New"}, "auditor",
    ),
    "the object's notes change for editors": Case(
        "live", given("change_document"), lambda s: s.here(s.document, review_notes="New"),
        {"review_notes": "New"}, "editor",
    ),
    "the object's budget changes for its owner": Case(
        "live", readers, lambda s: s.here(s.document, budget=Decimal("1.50")),
        {"budget": "1.50"}, "owner",
    ),
    "the object is handed to somebody with another name": Case(
        "live", given("view_document"), lambda s: s.here(s.document, owner=s.users["heir"]),
        {"owner_name": "heir"},
    ),
    "a row that the object shows becomes another's": Case(
        "shown", no_heir, lambda s: s.here(user=s.users["heir"]), {"owner_name": ""}
    ),
    "a row becomes the one that the object shows": Case(
        "shown", no_owner, lambda s: s.here(user=s.users["owner"]), {"owner_name": "heir"}
    ),
    "a name that the object shows changes": Case(
        "shown", profile_shown, lambda s: s.here(display_name="New"), {"owner_name": "New"}
    ),
    "a name that the object shows goes": Case(
        "shown", profile_shown, Scene.here, {"owner_name": ""}
    ),
    "a name that the object shows comes": Case(
        "shown", no_profile, Scene.again, {"owner_name": "owner"}
    ),
    "a plain row that is shown changes": Case(
        "shown plain",
        name_shown,
        lambda s: s.here(username=f"new-{s.number}"),
        {"username": "new-{number}"},
        "self",
        of=own_profile,
    ),
}  # fmt: skip
