"""What the OpenAPI document says of each call, for those who write clients."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from permissions.audiences import Resource

ABOUT: Final = """\
A multi-tenant, permission-aware notification server: REST here, and live copies of the same objects
over one WebSocket (`/api/asyncapi.json` describes it).

**Log in** with `POST /api/login/`, and send `Authorization: Token <token>` from then on.
**Name the tenant** in `X-Tenant` if you belong to several.

You see an object as your **audience** sees it: each class of readers has its own fields. The answer
names it in `X-Audience`. What you may not see is 404, as if it did not exist.

Errors are `{"detail", "code"}`, or what is wrong by the name of the field. Rely on the status and
`code`. A method that an address does not take is 405. All times are ISO 8601 in UTC.
"""

SUMMARIES: Final[Mapping[str, str]] = {
    "connections_list": "List the tenant's open sockets",
    "connections_destroy": "Close a socket",
    "grants_list": "List who is granted what",
    "grants_update": "Grant an audience",
    "grants_destroy": "Remove a grant",
    "ledger_accesses_list": "List who had a live copy of what",
    "ledger_pushes_list": "List what was pushed to whom",
    "login_create": "Log in",
    "logout_create": "Log out",
    "logoutall_create": "Log out everywhere",
    "me_retrieve": "Show who you are here",
    "members_list": "List the tenant's members",
    "members_create": "Invite somebody",
    "members_partial_update": "Change a member",
    "members_destroy": "Remove a member",
    "password_create": "Change your password",
    "password_confirm_create": "Set a password by a link",
    "password_reset_create": "Ask for a link to set a password",
    "profiles_me_retrieve": "Show your own profile",
    "review_accesses_retrieve": "Show who could have received an object, or what a user could have",
    "review_explain_retrieve": "Explain why a member sees an object, or does not",
    "review_payloads_list": "List what each audience is shown",
    "review_seen_by_retrieve": "Show what a user could have received",
    "review_what_if_list": "Predict who would see more or less after a change",
    "review_who_saw_retrieve": "Show who could have received an object",
    "session_create": "Log in with a cookie",
    "session_destroy": "Log out of the cookie's session",
    "session_retrieve": "Show whose session the cookie is",
    "tenants_list": "List your memberships and invitations",
    "tenants_destroy": "Leave a tenant, or decline its invitation",
    "tenants_accept_create": "Accept an invitation",
    "tickets_create": "Get a ticket for one socket",
    "token_create": "Renew your token",
}

DESCRIPTIONS: Final[Mapping[str, str]] = {
    "connections_list": "Of all server processes, newest first. For the tenant's admins.",
    "connections_destroy": "It closes with 1000. With `revoke=1`, its token or session also ends in"
    " this tenant, and all sockets opened with it here close with 4401.",
    "grants_list": "Grants, and what owners and roles have without one. For whoever"
    " manages grants, and the tenant's admins.",
    "grants_update": "The subject has this audience from now on, in the place of another grant.",
    "grants_destroy": "What the subject has as owner or by role stays.",
    "ledger_accesses_list": "Newest first. For the tenant's admins and reviewers: admins are told"
    " `username`, reviewers `name`.",
    "ledger_pushes_list": "Newest first. For the tenant's admins and reviewers.",
    "login_create": "A refusal does not say which part was wrong.",
    "logout_create": "This token or session ends, and its sockets close with 4401.",
    "logoutall_create": "All your tokens, sessions and tickets end.",
    "me_retrieve": "Your name, and your role in the tenant.",
    "members_list": "By username. For the tenant's admins.",
    "members_create": "With `email` a new user, without it an existing one. They become a member"
    " when they accept.",
    "members_partial_update": "Their subscriptions move or end at once.",
    "members_destroy": "Their grants and their profile end with it.",
    "password_create": "All your credentials end, also the one that you use here.",
    "password_confirm_create": "A link works once. One that came with an invitation also accepts"
    " it.",
    "password_reset_create": "The answer is the same whether or not there is somebody.",
    "profiles_me_retrieve": "As you see it yourself.",
    "review_accesses_retrieve": "Of an object by `model` and `id`, or of a user by `user`. That"
    " it was asked is recorded.",
    "review_explain_retrieve": "For the tenant's admins and reviewers. Values are shown only of"
    " fields that you are shown, too.",
    "review_payloads_list": "As it is declared, without any value. For the tenant's admins and"
    " reviewers.",
    "review_seen_by_retrieve": "By the ledger. That it was asked is recorded.",
    "review_what_if_list": "The change is not made. For the tenant's admins and reviewers.",
    "review_who_saw_retrieve": "By the ledger. That it was asked is recorded.",
    "session_create": "For pages of the same site: no script reads the cookie. Send Django's CSRF"
    " token in `X-CSRFToken`.",
    "session_destroy": "Its sockets close with 4401.",
    "session_retrieve": "Both are null if it is nobody's. The answer sets the cookie `csrftoken`.",
    "tenants_accept_create": "You are a member from now on.",
    "tenants_destroy": "Your sockets there close with 4403.",
    "tenants_list": "Of all tenants, whatever `X-Tenant` says.",
    "tickets_create": "For browsers, which can send a WebSocket no header: `/ws/?ticket=…`. It"
    " works once.",
    "token_create": "The new one comes in the place of the one that you use here, which ends."
    " Sockets that it opened stay for 30 seconds, to be renewed.",
}

TAGS: Final[Mapping[str, str]] = {
    "connections": "Open sockets of the tenant.",
    "ledger": "Who had what, and what was pushed.",
    "login": "Tokens.",
    "logout": "The end of what you logged in with.",
    "logoutall": "The end of all that you logged in with.",
    "me": "You, in this tenant.",
    "members": "Who belongs to the tenant.",
    "password": "Your password, and links to set one.",
    "review": "What is shown to whom, and why.",
    "session": "Cookies, for pages of the same site.",
    "stream": "The socket's frames, where no WebSocket passes.",
    "tenants": "Where you belong.",
    "tickets": "What opens a socket once.",
    "token": "The token that you use.",
}
"""What belongs together, by the first part of its path; resources are named after their models."""

OF_ACTIONS: Final[Mapping[str, tuple[str, str]]] = {
    "list": (
        "List the {many} that you see",
        "Newest first. `rows` has each object's id, audience and etag, in the same order.",
    ),
    "create": ("Create a {one}", "You are its owner."),
    "retrieve": ("Show a {one}", "As your audience sees it."),
    "update": ("Replace a {one}", "Fields that you may only read are ignored."),
    "partial_update": ("Change a {one}", "Fields that you do not send stay as they are."),
    "destroy": ("Delete a {one}", "For audiences that may."),
}


def of_resource(resource: Resource, action: str) -> dict[str, str]:
    """Return the summary and the description of what every resource has."""
    if action not in OF_ACTIONS:
        return {}
    meta = resource.model._meta
    names = {"one": str(meta.verbose_name), "many": str(meta.verbose_name_plural)}
    summary, description = OF_ACTIONS[action]
    return {"summary": summary.format(**names), "description": description}


def tags(calls: Iterable[Mapping[str, Any]]) -> list[dict[str, str]]:
    """Return the tags of these calls, each with what it is about."""
    used = sorted({tag for call in calls for tag in call["tags"]})
    return [{"name": tag, "description": TAGS.get(tag) or f"{tag.capitalize()}."} for tag in used]
