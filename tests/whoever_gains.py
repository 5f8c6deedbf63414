"""Writes by which somebody gains, or sees something else, by the table that is written."""

from __future__ import annotations

from django.contrib.contenttypes.models import ContentType
from django.utils import timezone

from resources.models import Document, DocumentGroupGrant, DocumentUserGrant
from tests.realtime.capture.ways import Write
from tests.whoever_case import Case, own_profile
from tests.whoever_scene import (
    HOUR,
    IN_GROUPS,
    Scene,
    anothers_token,
    elsewhere_member,
    expired,
    expired_session,
    given,
    group_elsewhere,
    group_given,
    inactive,
    inactive_user,
    moved_permission,
    name_shown,
    no_member,
    no_profile,
    no_role,
    no_session,
    no_token,
    permission,
    profile_shown,
    renamed_content_type,
    renamed_permission,
    revoked,
    simple_member,
    suspended,
)

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
    "the object is handed to the reader": Case(
        "live", given("view_document"), lambda s: s.here(s.document, owner=s.reader), "owner",
        witness=None,
    ),
}  # fmt: skip
CHANGES = {
    "the object changes": Case(
        "live", given("view_document"), lambda s: s.here(s.document, body="New"), {"body": "New"}
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
