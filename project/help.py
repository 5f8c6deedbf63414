"""A page for each code of an error and each close code: what one sees, why, and what to do.

Made of the codes themselves. Answers name their page in the header `Link`, with `rel="help"`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from django.http import Http404
from django.http.response import HttpResponseBase
from django.views.generic import TemplateView

from project.contracts.errors import MEANINGS
from realtime.state.codes import Close, Error
from realtime.state.messages import DETAILS

ADVICE: Final[Mapping[str, str]] = {
    "already_member": "Look at the tenant's members; change theirs instead.",
    "bad_request": "Use an address that the server serves, or have its operator add the host to"
    " ALLOWED_HOSTS.",
    "body_too_large": "Send less in one request.",
    "conflict": "Look at the object as it is now, and at what refers to it; then try again.",
    "default_grant": "Change the owner, or the role, that gives this audience.",
    "error": "Try again later. If it lasts, tell the operator the answer's X-Request-ID.",
    "invalid": "Correct what the detail names. It is a fault of the client: do not send it again as"
    " it is.",
    "invalid_link": "Ask for a new link.",
    "kept_elsewhere": "Change the member where the application keeps them.",
    "last_admin": "Make somebody else an admin first.",
    "last_holder": "Grant the audience to somebody else first.",
    "method_not_allowed": "Use a method that the header Allow names.",
    "not_acceptable": "Accept application/json.",
    "not_accepted": "Wait until the invitation is accepted.",
    "not_authenticated": "Log in again, or renew the token; then repeat the request.",
    "not_found": "Check the id, the tenant and who you are. Forget a copy that you hold.",
    "page_too_large": "Ask for a smaller page_size.",
    "parse_error": "Send JSON, in UTF-8.",
    "permission_denied": "Ask an owner or an admin. With a session, send the cookie csrftoken as"
    " X-CSRFToken.",
    "precondition_failed": "Get the object again, decide again, and write with its new ETag.",
    "rate_limited": "Send fewer frames a second. What was refused was not read: send it again.",
    "request_timeout": "Send the body at once, over a better line.",
    "service_unavailable": "Wait for as many seconds as Retry-After says, and try again.",
    "still_holds": "Transfer the objects, or name an heir with transfer_to.",
    "still_needed": "Delete what refers to the object first.",
    "tenant_forbidden": "Check the tenant's slug; ask its admin for an invitation.",
    "tenant_required": "Name the tenant: X-Tenant over REST, ?tenant= for a socket or a stream.",
    "throttled": "Wait for as many seconds as Retry-After says.",
    "too_many_subscriptions": "End a subscription or a window first, or open larger windows.",
    "unavailable": "Keep your copy as possibly outdated. A subscriber is told when the object can"
    " be shown; whoever owns it can repair the field that causes this.",
    "unsupported_media_type": "Send Content-Type: application/json.",
    "username_taken": "Choose another name, or leave out the e-mail to invite the existing user.",
}
"""What to do about each error; close codes say so themselves."""


FOREIGN: Final[Mapping[str, tuple[str, str]]] = {
    "1001": (
        "The server, a proxy or the page itself is going away.",
        "Come back as after 4503: at a random moment in WELCOME's retry window.",
    ),
    "1002": (
        "A frame of yours violates the WebSocket protocol.",
        "It is a fault of the client: do not come back by yourself.",
    ),
    "1006": (
        "The connection ended without a close frame: by the network, a proxy, or a server's fault.",
        "Come back as after 4500. After the same frame each time, that frame is too big.",
    ),
    "1007": (
        "Your text is not UTF-8.",
        "It is a fault of the client: do not come back by yourself.",
    ),
    "1009": (
        "Your message is larger than the server accepts, as with 4413.",
        "It is a fault of the client: do not come back by yourself.",
    ),
    "1011": ("The server failed.", "Come back as after 4500: after growing, random delays."),
    "1012": (
        "The server or a proxy restarts.",
        "Come back as after 4503: at a random moment in WELCOME's retry window.",
    ),
}
"""Close codes of servers, proxies and browsers: why, and what to do."""


@dataclass(frozen=True)
class Entry:
    """What a page says of a code."""

    code: str
    seen: str
    why: str
    do: str


def entries() -> Iterator[Entry]:
    """Yield each error of REST and of frames by name, then each close code, ours before others."""
    frames = {str(error): DETAILS[error] for error in Error}
    for code in sorted({*MEANINGS, *frames}):
        seen = []
        if code in MEANINGS:
            seen.append(f'an answer with {{"code": "{code}"}}')
        if code in frames:
            seen.append(f'an ERROR frame with {{"code": "{code}"}}')
        why = MEANINGS.get(code) or frames[code]
        yield Entry(code, _sentence(" or ".join(seen)), why.replace("`", ""), ADVICE[code])
    for close in Close:
        seen_as = f"the socket closes with {int(close)}, or a stream's last event names it"
        do = close.do.replace("`", "")
        yield Entry(str(int(close)), *map(_sentence, (seen_as, close.meaning, do)))
    for code, (why, do) in FOREIGN.items():
        yield Entry(code, f"The socket closes with {code}.", why, do)


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."


class HelpView(TemplateView):
    """Serves the page of one code, or of all."""

    http_method_names = ["get", "head"]
    template_name = "console/help.html"

    def get_context_data(self, code: str | None = None, **kwargs: Any) -> dict[str, Any]:
        found = [entry for entry in entries() if code in (None, entry.code)]
        if not found:
            raise Http404
        return super().get_context_data(entries=found, code=code, **kwargs)


SMALL: Final = 4096
"""No error is larger than this, in bytes, but those that name many fields."""


def link(response: HttpResponseBase) -> str | None:
    """Return the `Link` of an error with a code; None of what is none."""
    if response.status_code < 400 or response.streaming:
        return None
    content: bytes = response.content  # type: ignore[attr-defined]
    return link_of(response.get("Content-Type", ""), content)


def link_of(kind: str, content: bytes) -> str | None:
    """Return the `Link` of an error with this body; None where that has no code of ours."""
    if not kind.startswith("application/json") or len(content) > SMALL:
        return None
    said = json.loads(content or b"null")
    code = said.get("code") if isinstance(said, dict) else None
    known = isinstance(code, str) and code in ADVICE
    return f'</api/docs/errors/{code}/>; rel="help"' if known else None
