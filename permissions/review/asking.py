"""`manage.py review explain`: what it takes, and what it answers.

It is for the server's operator, who may see everything.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

from permissions import decision
from permissions.audiences import Resource, registry
from permissions.review import telling
from permissions.review.explaining import Explanation, explain
from tenants import opaque
from tenants.models import Membership, Tenant, User

EXAMPLES: Final = """
examples:
  manage.py review explain --tenant acme --model resources.document --called "Quarterly plan"
  manage.py review explain --tenant acme --model resources.document --id YPZ3r7Kk --user editor

exit code: 2 for a tenant, user, model or object that there is not
"""

MOST: Final = 100_000
"""So many objects are looked through for one that is called so."""


class Unknown(Exception):
    """Something was named that there is not; `todo` says how to find its name."""

    def __init__(self, what: str, name: str, todo: str = "") -> None:
        self.what = what
        self.name = name
        self.todo = todo
        super().__init__(f"There is no {what} {name!r}{f'; {todo}' if todo else ''}.")


@dataclass(frozen=True, slots=True)
class Asked:
    """The answer, for a terminal and for a program."""

    lines: list[str]
    json: Any


def add_arguments(parser: Any) -> None:
    """The options of `review explain`."""
    parser.add_argument("--tenant", required=True, metavar="SLUG", help="The tenant's slug.")
    parser.add_argument("--model", required=True, metavar="LABEL", help="As app.model.")
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("--id", help="The object's id, as clients see it.")
    which.add_argument("--called", metavar="NAME", help="The object of this name instead.")
    parser.add_argument("--user", help="A username or a user's id; without it, who sees it.")
    parser.add_argument("--format", choices=("text", "json"), default="text", help="How to print.")


def ask(*, tenant: str, model: str, user: str | None, **which: Any) -> Asked:
    """Explain one user's audience of an object, or name all members'; raises Unknown."""
    where = Tenant.objects.filter(slug=tenant).first()
    if where is None:
        slugs = Tenant.objects.order_by("slug").values_list("slug", flat=True)[:20]
        raise Unknown("tenant", tenant, f"there are: {', '.join(slugs) or 'none'}")
    if model not in registry:
        raise Unknown("model", model, f"say one of: {', '.join(sorted(r.label for r in registry))}")
    resource = registry.get(model)
    pk = _object(resource, where, which["id"], which["called"])
    if user is not None:
        return _one(resource, where, _user(user), pk)
    return _all(resource, where, pk)


def _one(resource: Resource, tenant: Tenant, user: User, pk: int) -> Asked:
    found = _explained(resource, tenant, user, pk)
    by = {found.way.granted_by} if found.way and found.way.granted_by else set()
    names = dict(User.objects.filter(pk__in=by).values_list("pk", "username"))
    lines = telling.lines(found, f"{user.username} in {tenant.slug}", names)
    return Asked(list(lines), _json(user, found))


def _all(resource: Resource, tenant: Tenant, pk: int) -> Asked:
    if not resource.model.objects.filter(tenant_id=tenant.pk, pk=pk).exists():
        raise _absent(resource, tenant, pk)
    members = Membership.objects.joined().filter(tenant=tenant).select_related("user")
    users = [member.user for member in members.order_by("user__username")]
    allowed = decision.audiences(resource, tenant.pk, [(user.pk, pk) for user in users])
    found = [
        (user, _explained(resource, tenant, user, pk)) for user in users if allowed[user.pk, pk]
    ]
    head = f"Who sees {resource.label} {opaque.encode(resource.model, pk)} in {tenant.slug}:"
    rows = telling.readers((user.username, each) for user, each in found)
    last = f"Of {len(users)} members {len(users) - len(found)} do not see it."
    return Asked([head, "", *rows, "", last], [_json(user, each) for user, each in found])


def _json(user: User, found: Explanation) -> dict[str, Any]:
    return {"username": user.username, **telling.as_json(found), **telling.shown(found)}


def _explained(resource: Resource, tenant: Tenant, user: User, pk: int) -> Explanation:
    found = explain(resource, tenant, user, pk)
    if found is None:
        raise _absent(resource, tenant, pk)
    return found


def _absent(resource: Resource, tenant: Tenant, pk: int) -> Unknown:
    id = opaque.encode(resource.model, pk)
    return Unknown(f"{resource.label} in {tenant.slug} with the id", id, NAMED)


NAMED: Final = "ids are as clients see them, or say --called and the object's name"


def _object(resource: Resource, tenant: Tenant, id: str | None, called: str | None) -> int:
    if id is not None:
        pk = opaque.decode(resource.model, id)
        if pk is None:
            raise Unknown(f"{resource.label} in {tenant.slug} with the id", id, NAMED)
        return pk
    found = list(islice(_called(resource, tenant, str(called)), 2))
    what = f"{resource.label} in {tenant.slug} called"
    if not found:
        raise Unknown(what, str(called))
    if len(found) > 1:
        ids = ", ".join(opaque.encode(resource.model, pk) for pk in found)
        raise Unknown(f"single {what}", str(called), f"say --id; there are {ids}")
    return found[0]


def _called(resource: Resource, tenant: Tenant, called: str) -> Iterator[int]:
    rows = resource.model.objects.filter(tenant_id=tenant.pk).order_by("-pk")[:MOST]
    return (row.pk for row in rows.iterator(500) if str(row) == called)


def _user(name: str) -> User:
    found = User.objects.filter(username=name).first()
    if found is None:
        found = User.objects.filter(pk=opaque.decode(User, name) or 0).first()
    if found is None:
        raise Unknown("user", name)
    return found
