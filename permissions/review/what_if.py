"""`manage.py review what-if`: who would see more or less after a change, which is not made.

For the server's operator, who may know every name.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from django.contrib.auth.models import Group

from permissions import stored
from permissions.audiences import Resource
from permissions.review import named
from permissions.review.foretelling import as_json, lines
from permissions.review.predicting import predict
from permissions.review.subcommands import Subcommand, in_json
from permissions.review.supposing import Named, Unusable, names_person, suppose
from tenants.keys import Key
from tenants.models import Tenant
from tenants.users import called

EXAMPLES: Final = """
examples:
  manage.py review what-if --tenant acme --widen viewer --role member --model resources.document
  manage.py review what-if --tenant acme --become admin --user member
  manage.py review what-if --tenant acme --grant editor --user viewer \\
      --model resources.document --called "Quarterly plan"
  manage.py review what-if --tenant acme --revoke --role member --model resources.document --id Y7k
  manage.py review what-if --tenant acme --set owner=editor --model resources.document --id Y7k
  manage.py review what-if --tenant acme --leave --user editor
  manage.py review what-if --tenant acme --enter auditors --user member
  manage.py review what-if --tenant acme --list viewer --rows work.Access --user member \\
      --model resources.document --id Y7k

Nothing is written. A rule may still refuse the change itself, such as that an admin must stay.

exit code: 2 for what there is not, or what is missing in the question
"""


def add_arguments(parser: Any) -> None:
    """Add the options of `review what-if`."""
    parser.add_argument("--tenant", required=True, metavar="SLUG", help="The tenant's slug.")
    what = parser.add_mutually_exclusive_group(required=True)
    for name, of, text in (
        ("grant", "AUDIENCE", "--user or --role is granted this, in the place of other grants."),
        ("become", "ROLE", "--user, a member, has this role."),
        ("enter", "GROUP", "--user is put into this group of the operator's."),
        ("quit", "GROUP", "--user is taken out of this group."),
        ("set", "COLUMN=VALUE", "The object's column, such as its owner, has this value."),
        ("list", "AUDIENCE", "A row of --rows gives --user, or the --team, this on the object."),
        ("widen", "AUDIENCE", "It is declared for another --role, --holder or --permission."),
    ):
        what.add_argument(f"--{name}", metavar=of, help=text)
    for name, text in (
        ("revoke", "--user or --role loses their grants on the object."),
        ("unlist", "No row of --rows gives --user, or the --team, anything on the object."),
        ("join", "--user joins, or is active again; with --role in this role."),
        ("leave", "--user's membership is deleted, with what belongs to it."),
        ("deactivate", "--user's membership is inactive."),
    ):
        what.add_argument(f"--{name}", action="store_true", help=text)
    parser.add_argument("--user", help="A username or a user's id.")
    parser.add_argument("--role", help="A role of the tenant.")
    parser.add_argument("--model", metavar="LABEL", help="As app.model.")
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--id", help="The object's id, as clients see it.")
    which.add_argument("--called", metavar="NAME", help="The object of this name instead.")
    parser.add_argument("--holder", metavar="FIELD", help="A field that names a user.")
    parser.add_argument("--permission", metavar="CODENAME", help="A permission of the model.")
    parser.add_argument("--rows", metavar="app.Model", help="A model of rows, as in `sources`.")
    parser.add_argument("--team", metavar="KEY", help="The key of what such a row names.")
    parser.add_argument("--format", choices=("text", "json"), default="text", help="How to print.")


OF_OBJECTS: Final = ("grant", "revoke", "set", "list", "unlist")
KINDS: Final = (
    "grant", "revoke", "join", "leave", "deactivate", "become", "enter", "quit", "set", "widen",
    "list", "unlist",
)  # fmt: skip


def ask(*, tenant: str, **options: Any) -> Iterable[str]:
    """Yield what the change would do; raises Unanswerable."""
    where = named.tenant(tenant)
    kind = next(kind for kind in KINDS if options[kind] not in (None, False))
    asked = _named(kind, where, options)
    try:
        what = suppose("role" if kind == "become" else kind, asked)
    except Unusable as error:
        raise Unusable(_option(error.name, kind), error.text) from None
    found = predict(where.pk, what)
    told = {each.user_id for prediction in found for each in prediction.listed}
    names = called(told)
    if options["format"] == "json":
        return in_json(as_json(found, lambda pk: {"username": names[pk]}))
    return lines(found, names)


def _named(kind: str, tenant: Tenant, options: dict[str, Any]) -> Named:
    resource = pk = None
    if kind in (*OF_OBJECTS, "widen"):
        resource = named.resource(_needed("model", options))
    if resource is not None and kind in OF_OBJECTS:
        pk = _object(resource, tenant, options)
    column, value, user = None, None, options["user"]
    if kind == "set":
        column, _, value = options["set"].partition("=")
        user = value or None if _is_person(resource, column) else None
    elif kind in ("join", "leave", "deactivate", "become", "enter", "quit"):
        user = _needed("user", options)
    return Named(
        tenant=tenant,
        user=named.user(user) if user else None,
        resource=resource,
        pk=pk,
        group=_group(options[kind]) if kind in ("enter", "quit") else None,
        audience=options[kind] if kind in ("grant", "widen", "list") else None,
        role=options["become"] if kind == "become" else options["role"],
        column=column,
        value=value,
        holder=options["holder"],
        permission=options["permission"],
        rows=options["rows"],
        team=options["team"],
    )


def _option(name: str, kind: str) -> str:
    """Return the option with which a parameter of the question was given."""
    of_kind = {**dict.fromkeys(("grant", "widen", "list"), "audience"), "become": "role"}
    whole = name == of_kind.get(kind) or name in ("column", "value")
    return f"--{kind if whole else name}"


def _needed(name: str, options: dict[str, Any]) -> str:
    if not options[name]:
        raise Unusable(f"--{name}", f"say it too, as in --{name} {WORDS[name]}.")
    return str(options[name])


WORDS: Final = {"user": "NAME", "model": "app.model"}


def _object(resource: Resource, tenant: Tenant, options: dict[str, Any]) -> Key:
    if options["id"] is None and options["called"] is None:
        raise Unusable("--id", "say which object, with --id or --called.")
    pk = named.object_key(resource, tenant, options["id"], options["called"])
    if not stored.within(resource, tenant.pk).filter(pk=pk).exists():
        raise named.absent(resource, tenant, pk)
    return pk


def _is_person(resource: Resource | None, column: str) -> bool:
    columns = resource.model._meta.concrete_fields if resource else ()
    return any(each.name == column and names_person(each) for each in columns)


def _group(name: str) -> str:
    if not Group.objects.filter(name=name).exists():
        raise named.Unknown("group", name, "the operator's pages list them")
    return name


WHAT_IF: Final = Subcommand(
    name="what-if",
    help="Says who would see more or less after a change; nothing is written.",
    examples=EXAMPLES,
    add_arguments=add_arguments,
    ask=ask,
)
