"""`manage.py review explain`: its arguments, and its answer.

For the server's operator, who may see everything.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from permissions import decision, stored
from permissions.audiences import Resource
from permissions.review import named, telling
from permissions.review.explaining import Explanation, explain
from permissions.review.subcommands import Subcommand, in_json
from tenants import opaque
from tenants.keys import Key
from tenants.models import Membership, Tenant
from tenants.users import NAME, User, called

EXAMPLES: Final = """
examples:
  manage.py review explain --tenant acme --model resources.document --called "Quarterly plan"
  manage.py review explain --tenant acme --model resources.document --id YPZ3r7Kk --user editor

exit code: 2 for a tenant, user, model or object that there is not
"""


@dataclass(frozen=True, slots=True)
class Asked:
    """The answer, for a terminal and for a program."""

    lines: list[str]
    json: Any


def add_arguments(parser: Any) -> None:
    """Add the options of `review explain`."""
    parser.add_argument("--tenant", required=True, metavar="SLUG", help="The tenant's slug.")
    parser.add_argument("--model", required=True, metavar="LABEL", help="As app.model.")
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("--id", help="The object's id, as clients see it.")
    which.add_argument("--called", metavar="NAME", help="The object of this name instead.")
    parser.add_argument("--user", help="A username or a user's id; without it, who sees it.")
    parser.add_argument("--format", choices=("text", "json"), default="text", help="How to print.")


def ask(*, tenant: str, model: str, user: str | None, **options: Any) -> Iterable[str]:
    """Explain one user's audience of an object, or list those of all members; raises Unknown."""
    found = _ask(tenant, model, user, options)
    return in_json(found.json) if options["format"] == "json" else found.lines


def _ask(tenant: str, model: str, user: str | None, which: Any) -> Asked:
    where = named.tenant(tenant)
    resource = named.resource(model)
    pk = named.object_key(resource, where, which["id"], which["called"])
    if user is not None:
        return _one(resource, where, named.user(user), pk)
    return _all(resource, where, pk)


def _one(resource: Resource, tenant: Tenant, user: User, pk: Key) -> Asked:
    found = _explained(resource, tenant, user, pk)
    by = {giver for giver in [telling.giver(found)] if giver is not None}
    names = called(by)
    lines = telling.lines(found, f"{user.get_username()} in {tenant.slug}", names)
    return Asked(list(lines), _json(user, found))


def _all(resource: Resource, tenant: Tenant, pk: Key) -> Asked:
    if not stored.within(resource, tenant.pk).filter(pk=pk).exists():
        raise named.absent(resource, tenant, pk)
    members = Membership.objects.joined().filter(tenant=tenant).select_related("user")
    users = [member.user for member in members.order_by(f"user__{NAME}")]
    allowed = decision.audiences(resource, tenant.pk, [(user.pk, pk) for user in users])
    found = [
        (user, _explained(resource, tenant, user, pk)) for user in users if allowed[user.pk, pk]
    ]
    head = f"Who sees {resource.label} {opaque.encode(resource.model, pk)} in {tenant.slug}:"
    rows = telling.readers((user.get_username(), each) for user, each in found)
    last = f"Of {len(users)} members {len(users) - len(found)} do not see it."
    return Asked([head, "", *rows, "", last], [_json(user, each) for user, each in found])


def _json(user: User, found: Explanation) -> dict[str, Any]:
    return {"username": user.get_username(), **telling.as_json(found), **telling.shown(found)}


def _explained(resource: Resource, tenant: Tenant, user: User, pk: Key) -> Explanation:
    found = explain(resource, tenant, user, pk)
    if found is None:
        raise named.absent(resource, tenant, pk)
    return found


EXPLAIN: Final = Subcommand(
    name="explain",
    help="Says why somebody sees an object, or does not; or who sees it.",
    examples=EXAMPLES,
    add_arguments=add_arguments,
    ask=ask,
)
