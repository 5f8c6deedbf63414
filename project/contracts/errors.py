"""Which errors a call may be answered with: its statuses and codes, as its view can raise them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from rest_framework import exceptions

from permissions.rest import AudienceViewSet, PreconditionFailed, Unavailable
from permissions.rest_grants import DefaultGrantConflict, LastHolderConflict
from permissions.rest_lists import InvalidQuery
from project.contracts.schemas import Schema, closed, const, one_of, reference
from realtime.audit.rest_connections import PageTooLarge
from tenants.connections import DatabaseAway
from tenants.members import (
    AlreadyMember,
    KeptElsewhere,
    LastAdmin,
    NotAccepted,
    StillHolds,
    UsernameTaken,
)
from tenants.passwords import InvalidLink
from tenants.refusals import Conflict, StillNeeded
from tenants.refused import NotAuthenticated, TenantForbidden, TenantRequired
from tenants.rest import InTenant, IsAdmin, IsReviewer

BAD_REQUEST: Final = (400, "bad_request")
BODY_TOO_LARGE: Final = (413, "body_too_large")
REQUEST_TIMEOUT: Final = (408, "request_timeout")
SERVER_ERROR: Final = (500, "error")
"""What is answered without a view, by status and code."""

Raised = type[exceptions.APIException] | tuple[int, str]

MEANINGS: Final[Mapping[str, str]] = {
    "already_member": "The user is already a member, or has already been invited.",
    "bad_request": "The request names a host that this server does not serve.",
    "body_too_large": "The body is larger than a body may be.",
    "conflict": "A database constraint forbids the write and concerns no field that you sent.",
    "default_grant": "The subject has this audience as the owner or by role: change that instead.",
    "error": "The server failed. Its operator finds the reason in its log.",
    "invalid": "A parameter cannot be right; `detail` names it.",
    "invalid_link": "The link to set a password is invalid or has expired.",
    "kept_elsewhere": "The application's own rows say who is a member here.",
    "last_admin": "The tenant's last active admin cannot be demoted, deactivated or removed.",
    "last_holder": "The last holder: make a grant to somebody else first.",
    "method_not_allowed": "The address does not take this method.",
    "not_acceptable": "The answer is `application/json`, which your `Accept` excludes.",
    "not_accepted": "The invitation has not been accepted yet.",
    "not_authenticated": "There is no credential, or it is no longer valid.",
    "not_found": "Absent, or not visible to you: the responses are identical.",
    "page_too_large": "Too many subscriptions on the page: request fewer entries.",
    "parse_error": "The body is not JSON.",
    "permission_denied": "You may not do this; or the CSRF token is missing.",
    "precondition_failed": "`If-Match` does not match the object as you see it now.",
    "request_timeout": "The body did not arrive in time.",
    "service_unavailable": "The database does not respond, or not in time.",
    "still_holds": "The member still owns objects here.",
    "still_needed": "Other objects refer to the one to be deleted.",
    "tenant_forbidden": "You are not, or no longer, a member of this tenant.",
    "tenant_required": "You belong to several tenants and did not name one.",
    "throttled": "Too many requests: wait for `Retry-After` seconds.",
    "unavailable": "The object cannot be shown now; retrying soon does not help.",
    "unsupported_media_type": "The body is not `application/json`.",
    "username_taken": "The username is taken: without the e-mail, the existing user is invited.",
}
"""What each code of an error means to whoever receives it."""

OF_CALLS: Final[Mapping[str, tuple[Raised, ...]]] = {
    "connections_list": (PageTooLarge,),
    "login_create": (NotAuthenticated,),
    "members_create": (AlreadyMember, UsernameTaken, KeptElsewhere),
    "members_partial_update": (LastAdmin, NotAccepted, KeptElsewhere),
    "members_destroy": (LastAdmin, StillHolds, KeptElsewhere),
    "password_confirm_create": (InvalidLink, KeptElsewhere),
    "profiles_me_retrieve": (exceptions.NotFound,),
    "review_explain_retrieve": (exceptions.NotFound,),
    "review_accesses_retrieve": (exceptions.NotFound,),
    "review_seen_by_retrieve": (exceptions.NotFound,),
    "review_who_saw_retrieve": (exceptions.NotFound,),
    "review_what_if_list": (exceptions.NotFound,),
    "session_create": (NotAuthenticated, exceptions.PermissionDenied),
    "session_destroy": (exceptions.PermissionDenied,),
    "tenants_accept_create": (KeptElsewhere,),
    "tenants_destroy": (LastAdmin, StillHolds, KeptElsewhere),
}
"""What only some calls raise, by the call's id."""

LINK: Final = {
    "description": 'The page about this error, as `rel="help"`.',
    "required": False,
    "schema": {"type": "string"},
}
FIELDS: Final = "FieldErrors"
QUERIES: Final = ("ledger_", "review_", "connections_destroy", "members_destroy")
"""Calls whose parameters are refused like fields of a body."""


@dataclass(frozen=True)
class Call:
    """An operation of the document, with the view that answers it."""

    id: str
    path: str
    method: str
    view: Any
    has_body: bool
    parameters: frozenset[str]

    def admits(self, permission: type) -> bool:
        """Return whether the view asks this permission class, or one made from it."""
        return any(issubclass(each, permission) for each in self.view.permission_classes)

    @property
    def is_open(self) -> bool:
        """Return whether nobody needs to be logged in."""
        return not self.view.permission_classes

    @property
    def of_object(self) -> bool:
        """Return whether the answer is an object, or the call writes one."""
        if not isinstance(self.view, AudienceViewSet) or self.view.action == "list":
            return False
        return not self.view.action.startswith("grant")

    @property
    def writes(self) -> bool:
        """Return whether the call may change something."""
        return self.method != "get"


def raised(call: Call) -> Iterator[Raised]:
    """Yield what a call may be refused with."""
    yield from (BAD_REQUEST, exceptions.NotAcceptable, exceptions.Throttled, DatabaseAway)
    yield SERVER_ERROR
    yield from OF_CALLS.get(call.id, ())
    yield from _of_standing(call)
    if call.has_body:
        yield from (exceptions.ParseError, exceptions.UnsupportedMediaType)
        yield from (BODY_TOO_LARGE, REQUEST_TIMEOUT)
    if "{" in call.path or "page" in call.parameters:
        yield exceptions.NotFound
    if "limit" in call.parameters:
        yield InvalidQuery
    if isinstance(call.view, AudienceViewSet):
        yield from _of_resource(call)


def _of_standing(call: Call) -> Iterator[Raised]:
    if call.is_open:
        return
    yield NotAuthenticated
    if call.admits(InTenant):
        yield from (TenantRequired, TenantForbidden)
    if call.writes or call.admits(IsAdmin) or call.admits(IsReviewer) or "grants" in call.id:
        yield exceptions.PermissionDenied


def _of_resource(call: Call) -> Iterator[Raised]:
    if "grant" in call.view.action:
        if call.writes:
            yield from (DefaultGrantConflict, LastHolderConflict)
    elif call.of_object:
        yield Unavailable
        if call.writes:
            yield Conflict
        if call.writes and "{" in call.path:
            yield PreconditionFailed
        if call.method == "delete":
            yield StillNeeded


def has_field_errors(call: Call) -> bool:
    """Return whether a call names the wrong fields of a body, or parameters like such fields."""
    return call.has_body or call.id.startswith(QUERIES)


def responses(call: Call) -> dict[str, Any]:
    """Return the call's responses to what it refuses, by status."""
    codes: dict[int, dict[str, None]] = {}
    for each in raised(call):
        status, code = (each.status_code, each.default_code) if isinstance(each, type) else each
        codes.setdefault(status, {})[code] = None
    if has_field_errors(call):
        codes.setdefault(400, {})
    return {
        str(status): response(status, found, fields=status == 400 and has_field_errors(call))
        for status, found in sorted(codes.items())
    }


def response(status: int, codes: Iterable[str], *, fields: bool = False) -> dict[str, Any]:
    """Return a response with one of these codes, or with errors of fields."""
    each = list(codes)
    schemas = [reference(schema_name(code)) for code in each]
    texts = [f"`{code}`: {MEANINGS[code]}" for code in each]
    if fields:
        schemas.append(reference(FIELDS))
        texts.append("Or what is wrong, by the name of the field.")
    examples = {code: {"value": example(code)} for code in each}
    content = {"schema": one_of(schemas), "examples": examples}
    found: dict[str, Any] = {
        "description": "\n\n".join(texts),
        "headers": {"Link": LINK},
        "content": {"application/json": content},
    }
    if "throttled" in each or "service_unavailable" in each:
        found["headers"]["Retry-After"] = retry_after(required=len(each) == 1)
    return found


def retry_after(*, required: bool) -> dict[str, Any]:
    """Return the header that says when to try again."""
    return {
        "description": "Seconds to wait before the next attempt.",
        "required": required,
        "schema": {"type": "integer", "minimum": 0},
    }


def schema_name(code: str) -> str:
    """Return the name of the schema of an error."""
    if code == SERVER_ERROR[1]:
        return "ServerError"
    camel = "".join(part.capitalize() for part in code.split("_"))
    return camel if camel.endswith("Error") else f"{camel}Error"


def example(code: str) -> dict[str, str]:
    """Return an error as it is answered; its text may be another one."""
    return {"detail": MEANINGS[code].replace("`", ""), "code": code}


def schemas() -> dict[str, Schema]:
    """Return the schema of each error, by name."""
    detail = {"type": "string", "description": "For people; do not rely on it."}
    found = {
        schema_name(code): closed({"detail": detail, "code": const(code)})
        | {"description": MEANINGS[code]}
        for code in MEANINGS
    }
    one = {"anyOf": [{"type": "array", "items": {"anyOf": [{"type": "string"}, reference(FIELDS)]}},
                     reference(FIELDS)]}  # fmt: skip
    found[FIELDS] = {
        "type": "object",
        "minProperties": 1,
        "additionalProperties": one,
        "description": "What is wrong, by the name of the field or parameter.",
        "examples": [{"title": ["This field is required."]}],
    }
    return found
