"""Writes to each table that decides who may see, and whom they touch: `test_tables_accesses`."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any, NamedTuple

from django.contrib.auth.models import Group, Permission
from django.contrib.contenttypes.models import ContentType
from django.utils import timezone
from knox.models import AuthToken

from realtime.audit.models import Connection
from resources.models import DocumentGroupGrant, DocumentUserGrant
from tenants.models import Membership, Revocation, Session, Tenant, User
from tests.realtime.capture.ways import Write
from tests.world import World

IN_GROUPS: Any = User.groups.through
NOW = timezone.now()
LATER = NOW + timedelta(hours=1)
PAST = NOW - timedelta(hours=1)


class Case(NamedTuple):
    """A write to a table, the cause of its rows, and whom these touch: `tenant user object`."""

    cause: str
    write: Callable[[World], Write]
    touched: set[str]


def place(username: str, tenant: str = "acme") -> Any:
    return {"user__username": username, "tenant__slug": tenant}


def grant(username: str, codename: str | None = None) -> dict[str, Any]:
    where = {"user__username": username, "content_object__title": "Plan"}
    return where if codename is None else {**where, "permission__codename": codename}


def permission(codename: str) -> Permission:
    return Permission.objects.get(codename=codename, content_type__app_label="resources")


def readers() -> Group:
    return Group.objects.get(name="readers")


def named(codename: str) -> dict[str, Any]:
    return {"codename": codename, "content_type__app_label": "resources"}


def here(model: Any, where: Any = None, values: Any = None) -> Callable[[World], Write]:
    """A write whose values may ask the world."""
    return lambda w: Write(
        model,
        where(w) if callable(where) else where,
        values(w) if callable(values) else values,
    )


def membership(**values: Any) -> Callable[[World], dict[str, Any]]:
    return lambda w: {"tenant": w.tenants["globex"], "user": w.user("viewer"), **values}


INVITED = {"is_active": False, "invited_at": NOW}
BOTH = {"acme both -", "globex both -"}
TOKEN = {"user__username": "both"}
MEMBERS = {
    "a member": Case("membership", here(Membership, None, membership()), {"globex viewer -"}),
    "an invitation": Case("membership", here(Membership, None, membership(**INVITED)), set()),
    "a role": Case(
        "membership", here(Membership, place("viewer"), {"role": "admin"}), {"acme viewer -"}
    ),
    "a membership's activity": Case(
        "membership", here(Membership, place("viewer"), {"is_active": False}), {"acme viewer -"}
    ),
    "an invited member's role": Case(
        "membership", here(Membership, place("invited"), {"role": "admin"}), set()
    ),
    "an invitation that is accepted": Case(
        "membership",
        here(Membership, place("invited"), {"is_active": True}),
        {"acme invited -"},
    ),
    "an invitation that is a membership, though not active": Case(
        "membership", here(Membership, place("invited"), {"invited_at": None}), {"acme invited -"}
    ),
    "an invitation that was none": Case(
        "membership",
        here(Membership, place("invited"), {"invited_at": None}),
        {"acme invited -"},
    ),
    "an invitation that is taken back": Case(
        "membership", here(Membership, place("invited")), set()
    ),
    "how a member is known": Case(
        "membership", here(Membership, place("viewer"), {"by_name": True}), set()
    ),
    "a member's tenant": Case(
        "membership",
        here(Membership, place("viewer"), lambda w: {"tenant": w.tenants["globex"]}),
        {"acme viewer -", "globex viewer -"},
    ),
    "a member who is removed": Case(
        "membership", here(Membership, place("viewer")), {"acme viewer -"}
    ),
    "a tenant's activity": Case(
        "tenant", here(Tenant, {"slug": "acme"}, {"is_active": False}), {"acme - -"}
    ),
    "a tenant's name": Case("tenant", here(Tenant, {"slug": "acme"}, {"name": "A"}), set()),
    "a user's activity": Case("user", here(User, {"username": "both"}, {"is_active": False}), BOTH),
    "a user's password": Case(
        "password", here(User, {"username": "both"}, {"password": "!"}), BOTH
    ),
    "a user's activity, who is invited": Case(
        "user", here(User, {"username": "invited"}, {"is_active": False}), {"globex invited -"}
    ),
    "a user's name": Case("user", here(User, {"username": "both"}, {"first_name": "B"}), set()),
    "a new user": Case("user", here(User, None, {"username": "new"}), set()),
}
GROUPS = {
    "a group's user": Case(
        "groups",
        here(IN_GROUPS, None, lambda w: {"user": w.user("both"), "group": readers()}),
        BOTH,
    ),
    "a group's user replaced": Case(
        "groups",
        here(
            IN_GROUPS,
            {"user__username": "viewer", "group__name": "readers"},
            lambda w: {"user": w.user("both")},
        ),
        {"acme viewer -", *BOTH},
    ),
    "a group's user taken out": Case(
        "groups",
        here(IN_GROUPS, {"user__username": "viewer", "group__name": "readers"}),
        {"acme viewer -"},
    ),
}
CREDENTIALS = {
    "a token that ends earlier": Case(
        "credential", here(AuthToken, TOKEN, {"expiry": LATER}), BOTH
    ),
    "a token that ends later": Case(
        "credential", here(AuthToken, TOKEN, {"expiry": NOW + timedelta(days=99)}), set()
    ),
    "a token that never ends": Case("credential", here(AuthToken, TOKEN, {"expiry": None}), set()),
    "somebody else's token": Case(
        "credential",
        here(AuthToken, TOKEN, lambda w: {"user": w.user("viewer")}),
        BOTH,
    ),
    "a token's end": Case("credential", here(AuthToken, TOKEN), BOTH),
    "the end of a token that had ended": Case(
        "credential", here(AuthToken, {"user__username": "viewer"}), set()
    ),
    "a session that ends earlier": Case(
        "credential", here(Session, TOKEN, {"expire_date": NOW}), BOTH
    ),
    "a session that ends later": Case(
        "credential", here(Session, TOKEN, {"expire_date": NOW + timedelta(days=9)}), set()
    ),
    "a session's data": Case("credential", here(Session, TOKEN, {"session_data": "e30"}), set()),
    "a session of nobody": Case("credential", here(Session, TOKEN, {"user": None}), BOTH),
    "a session's end": Case("credential", here(Session, TOKEN), BOTH),
    "the end of a session that had ended": Case(
        "credential", here(Session, {"user__username": "viewer"}), set()
    ),
    "a revoked token": Case(
        "revoked",
        here(
            Revocation,
            None,
            lambda w: {
                "tenant": w.tenants["acme"],
                "kind": "token",
                "key": AuthToken.objects.get(**TOKEN).pk,
            },
        ),
        {"acme both -"},
    ),
    "a revoked session": Case(
        "revoked",
        here(
            Revocation,
            None,
            lambda w: {"tenant": w.tenants["globex"], "kind": "session", "key": "both"},
        ),
        {"globex both -"},
    ),
    "a connection that is to be closed": Case(
        "closed", here(Connection, {"id": "live"}, {"closing": True}), {"acme viewer -"}
    ),
    "a connection's agent": Case("closed", here(Connection, {"id": "live"}, {"agent": "x"}), set()),
}
GRANTS = {
    "a user's grant": Case(
        "granted",
        here(
            DocumentUserGrant,
            None,
            lambda w: {
                "user": w.user("member"),
                "permission": permission("view_document"),
                "content_object": w.document,
            },
        ),
        {"acme member Plan"},
    ),
    "a grant's permission": Case(
        "granted",
        here(
            DocumentUserGrant, grant("viewer"), lambda w: {"permission": permission("own_document")}
        ),
        {"acme viewer Plan"},
    ),
    "a grant's user": Case(
        "granted",
        here(DocumentUserGrant, grant("viewer"), lambda w: {"user": w.user("member")}),
        {"acme viewer Plan", "acme member Plan"},
    ),
    "a grant's object": Case(
        "granted",
        here(
            DocumentUserGrant,
            grant("viewer"),
            lambda w: {"content_object": w.create(title="Other")},
        ),
        {"acme viewer Plan", "acme viewer Other"},
    ),
    "who gave a grant": Case(
        "granted",
        here(DocumentUserGrant, grant("viewer"), lambda w: {"granted_by": w.user("owner")}),
        set(),
    ),
    "a grant taken": Case(
        "granted", here(DocumentUserGrant, grant("viewer")), {"acme viewer Plan"}
    ),
    "a group's grant": Case(
        "granted",
        here(
            DocumentGroupGrant,
            None,
            lambda w: {
                "group": readers(),
                "permission": permission("change_document"),
                "content_object": w.document,
            },
        ),
        {"acme - Plan"},
    ),
    "a group's grant taken": Case(
        "granted", here(DocumentGroupGrant, {"group__name": "readers"}), {"acme - Plan"}
    ),
    "a permission's codename": Case(
        "permission", here(Permission, named("view_document"), {"codename": "x"}), {"acme - -"}
    ),
    "a permission's content type": Case(
        "permission",
        here(
            Permission,
            named("view_document"),
            lambda w: {"content_type": ContentType.objects.get_for_model(Tenant)},
        ),
        {"acme - -"},
    ),
    "a permission's name": Case(
        "permission", here(Permission, named("view_document"), {"name": "x"}), set()
    ),
    "a group's name": Case(
        "group", here(Group, {"name": "readers"}, {"name": "tenant:1:member"}), {"acme - -"}
    ),
    "a content type": Case(
        "content type",
        here(ContentType, {"app_label": "resources", "model": "document"}, {"model": "x"}),
        {"acme - -"},
    ),
}
CASES = {**MEMBERS, **GROUPS, **CREDENTIALS, **GRANTS}
