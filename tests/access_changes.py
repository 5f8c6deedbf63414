"""The causes of access changes as one table: what is written through the ORM, and who hears what.

Whoever is not named hears nothing. `tests/test_access_changes.py` walks through it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from django.contrib.auth.models import Group, Permission
from django.db import transaction
from guardian.shortcuts import assign_perm, remove_perm

from resources.models import Document, DocumentGroupGrant, DocumentUserGrant
from tenants.models import Membership, Tenant, User
from tenants.roles import role_group
from tests.world import World

GONE = "DELETE_DOCUMENT"
READERS = ("owner", "editor", "viewer", "admin", "both", "member")
"""`both` sees the document through a Django group, `member` sees another document."""


class Case(NamedTuple):
    """A write, and for each reader who hears of it: the new audience, GONE, or a close code."""

    write: Callable[[World], object]
    heard: dict[str, str | int]


def people(world: World) -> None:
    """Add the group `readers`, in which is `both`, and a document of the member's; admins edit."""
    group = Group.objects.create(name="readers")
    group.user_set.add(world.user("both"))
    assign_perm("view_document", group, world.document)
    assign_perm("change_document", role_group(world.tenants["acme"].pk, "admin"), world.document)
    world.create(owner="member", title="Another")


def readers() -> Group:
    return Group.objects.get(name="readers")


def user_grants(world: World, *usernames: str) -> Any:
    return DocumentUserGrant.objects.filter(
        content_object=world.document, user__username__in=usernames
    )


def group_grants(world: World) -> Any:
    return DocumentGroupGrant.objects.filter(content_object=world.document, group__name="readers")


def permission(codename: str) -> Permission:
    return Permission.objects.get(content_type__app_label="resources", codename=codename)


def users(*usernames: str) -> Any:
    return User.objects.filter(username__in=usernames)


def place(world: World, username: str, tenant: str = "acme") -> Any:
    return Membership.objects.filter(user=world.user(username), tenant=world.tenants[tenant])


def saved(rows: Any, **fields: Any) -> None:
    """Load the one row, change it and save it."""
    row = rows.get()
    for name, value in fields.items():
        setattr(row, name, value)
    row.save()


def bulk_updated(rows: Any, **fields: Any) -> None:
    """Load the rows, change them and write them with bulk_update."""
    loaded = list(rows)
    for row in loaded:
        for name, value in fields.items():
            setattr(row, name, value)
    type(loaded[0]).objects.bulk_update(loaded, list(fields))


def documents(world: World) -> Any:
    """The documents of acme."""
    return Document.objects.filter(tenant=world.tenants["acme"])


def bulk_granted(world: World) -> None:
    """Two grants at once through our table: the first audience of one rises."""
    DocumentUserGrant.objects.bulk_create(
        DocumentUserGrant(
            user=world.user(name),
            permission=permission("change_document"),
            content_object=world.document,
        )
        for name in ("viewer", "both")
    )


def viewer_in_a_group_of_editors(world: World) -> None:
    assign_perm("change_document", readers(), world.document)
    readers().user_set.add(world.user("viewer"))


@transaction.atomic
def there_and_back(world: World) -> None:
    """Whatever may go and come back does so before anybody could see it gone."""
    for active in (False, True):
        saved(Tenant.objects.filter(slug="acme"), is_active=active)
        place(world, "viewer").update(is_active=active)
        users("editor").update(is_active=active)
    world.revoke("viewer")
    world.grant("viewer", "viewer")
    readers().user_set.remove(world.user("both"))
    readers().user_set.add(world.user("both"))


EVERYBODY: dict[str, str | int] = dict.fromkeys(READERS, 4403)
SHOWN = dict.fromkeys(("editor", "viewer", "admin", "both"), "UPDATE_DOCUMENT")  # the owner's name

OUR_GRANTS = {
    "granted more": Case(lambda w: w.grant("viewer", "editor"), {"viewer": "editor"}),
    "granted less": Case(lambda w: w.grant("editor", "viewer"), {"editor": "viewer"}),
    "granted the same": Case(lambda w: w.grant("viewer", "viewer"), {}),
    "granted to who sees nothing": Case(lambda w: w.grant("member", "owner"), {}),
    "revoked": Case(lambda w: w.revoke("viewer"), {"viewer": GONE}),
    "granted in bulk": Case(bulk_granted, {"viewer": "editor", "both": "editor"}),
}

GUARDIANS_GRANTS = {
    "assign_perm": Case(
        lambda w: assign_perm("change_document", w.user("viewer"), w.document),
        {"viewer": "editor"},
    ),
    "assign_perm to a list of users": Case(
        lambda w: assign_perm(
            "change_document", [w.user("viewer"), w.user("both"), w.user("owner")], w.document
        ),
        {"viewer": "editor", "both": "editor"},
    ),
    "assign_perm on a query of objects": Case(
        lambda w: assign_perm("change_document", w.user("viewer"), documents(w)),
        {"viewer": "editor"},
    ),
    "assign_perm to a group": Case(
        lambda w: assign_perm("own_document", readers(), w.document), {"both": "owner"}
    ),
    "assign_perm to a group on a query": Case(
        lambda w: assign_perm("own_document", readers(), documents(w)), {"both": "owner"}
    ),
    "remove_perm": Case(
        lambda w: remove_perm("view_document", w.user("viewer"), w.document), {"viewer": GONE}
    ),
    "remove_perm from a group": Case(
        lambda w: remove_perm("view_document", readers(), w.document), {"both": GONE}
    ),
    "remove_perm on a query of objects": Case(
        lambda w: remove_perm("view_document", w.user("viewer"), documents(w)), {"viewer": GONE}
    ),
    "rows deleted": Case(
        lambda w: user_grants(w, "editor", "viewer").delete(), {"editor": GONE, "viewer": GONE}
    ),
    "rows updated to another permission": Case(
        lambda w: user_grants(w, "editor").update(permission=permission("view_document")),
        {"editor": "viewer"},
    ),
    "rows updated to another user": Case(
        lambda w: user_grants(w, "editor").update(user=w.user("both")),
        {"editor": GONE, "both": "editor"},
    ),
    "a row saved with another permission": Case(
        lambda w: saved(user_grants(w, "editor"), permission=permission("own_document")),
        {"editor": "owner"},
    ),
    "rows written with bulk_update": Case(
        lambda w: bulk_updated(user_grants(w, "editor"), permission=permission("audit_document")),
        {"editor": "auditor"},
    ),
    "the permission itself deleted": Case(
        lambda w: permission("view_document").delete(), {"viewer": GONE, "both": GONE}
    ),
    "a group's rows deleted": Case(lambda w: group_grants(w).delete(), {"both": GONE}),
    "a group's rows updated": Case(
        lambda w: group_grants(w).update(permission=permission("change_document")),
        {"both": "editor"},
    ),
}

OBJECTS = {
    "the object deleted": Case(
        lambda w: w.document.delete(),
        dict.fromkeys(("owner", "editor", "viewer", "admin", "both"), GONE),
    ),
    "another object deleted": Case(
        lambda w: documents(w).exclude(pk=w.document.pk).delete(), {"member": GONE}
    ),
    "all objects deleted": Case(lambda w: documents(w).delete(), dict.fromkeys(READERS, GONE)),
    "the owner changed": Case(
        lambda w: saved(documents(w).filter(pk=w.document.pk), owner=w.user("editor")),
        {**SHOWN, "owner": GONE, "editor": "owner"},
    ),
    "the owner changed by a query": Case(
        lambda w: documents(w).filter(pk=w.document.pk).update(owner=w.user("both")),
        {**SHOWN, "owner": GONE, "both": "owner"},
    ),
}

GROUPS = {
    "a user added to a group": Case(lambda w: w.user("member").groups.add(readers()), {}),
    "a reader added to a group that sees more": Case(
        viewer_in_a_group_of_editors,
        {"viewer": "editor", "both": "editor"},
    ),
    "a group taken from a user": Case(
        lambda w: w.user("both").groups.remove(readers()), {"both": GONE}
    ),
    "a user's groups set": Case(
        lambda w: w.user("both").groups.set(w.user("both").groups.exclude(name="readers")),
        {"both": GONE},
    ),
    "a user's groups cleared": Case(lambda w: w.user("both").groups.clear(), {"both": GONE}),
    "a user taken from a group": Case(
        lambda w: readers().user_set.remove(w.user("both")), {"both": GONE}
    ),
    "a group's users set": Case(
        lambda w: readers().user_set.set([w.user("member")]), {"both": GONE}
    ),
    "a group cleared": Case(lambda w: readers().user_set.clear(), {"both": GONE}),
    "a group deleted": Case(lambda w: readers().delete(), {"both": GONE}),
    "groups deleted by a query": Case(
        lambda w: Group.objects.filter(name="readers").delete(), {"both": GONE}
    ),
    "a role's group deleted": Case(
        lambda w: Group.objects.get(name=f"tenant:{w.tenants['acme'].pk}:admin").delete(),
        {"admin": "auditor"},
    ),
}

STANDING = {
    "a membership added": Case(
        lambda w: Membership.objects.create(user=w.user("new"), tenant=w.tenants["acme"]), {}
    ),
    "a membership added elsewhere": Case(
        lambda w: Membership.objects.create(user=w.user("viewer"), tenant=w.tenants["globex"]), {}
    ),
    "a membership removed": Case(lambda w: place(w, "viewer").get().delete(), {"viewer": 4403}),
    "a membership removed elsewhere": Case(lambda w: place(w, "both", "globex").delete(), {}),
    "memberships deleted by a query": Case(lambda w: place(w, "viewer").delete(), {"viewer": 4403}),
    "a role changed": Case(lambda w: saved(place(w, "admin"), role="member"), {"admin": GONE}),
    "a role changed by a query": Case(
        lambda w: place(w, "admin").update(role="member"), {"admin": GONE}
    ),
    "a membership deactivated": Case(
        lambda w: saved(place(w, "viewer"), is_active=False), {"viewer": 4403}
    ),
    "a membership deactivated by a query": Case(
        lambda w: place(w, "viewer").update(is_active=False), {"viewer": 4403}
    ),
    "a membership deactivated with bulk_update": Case(
        lambda w: bulk_updated(place(w, "viewer"), is_active=False), {"viewer": 4403}
    ),
    "a user deactivated": Case(lambda w: saved(users("viewer"), is_active=False), {"viewer": 4401}),
    "users deactivated by a query": Case(
        lambda w: users("viewer", "both").update(is_active=False), {"viewer": 4401, "both": 4401}
    ),
    "users deactivated with bulk_update": Case(
        lambda w: bulk_updated(users("viewer", "both"), is_active=False),
        {"viewer": 4401, "both": 4401},
    ),
    "a user deleted": Case(lambda w: users("viewer").get().delete(), {"viewer": 4401}),
    "users deleted by a query": Case(lambda w: users("viewer").delete(), {"viewer": 4401}),
    "a user made superuser": Case(lambda w: saved(users("member"), is_superuser=True), {}),
    "the tenant suspended": Case(
        lambda w: saved(Tenant.objects.filter(slug="acme"), is_active=False), EVERYBODY
    ),
    "the tenant suspended by a query": Case(
        lambda w: Tenant.objects.filter(slug="acme").update(is_active=False), EVERYBODY
    ),
    "the other tenant suspended": Case(
        lambda w: Tenant.objects.filter(slug="globex").update(is_active=False), {}
    ),
}

NOTHING = {
    "everything lost and given back in one transaction": Case(there_and_back, {}),
}

CASES = {**OUR_GRANTS, **GUARDIANS_GRANTS, **OBJECTS, **GROUPS, **STANDING, **NOTHING}
