"""Security headers: every response has them, and each page may load only what it needs.

What is not a page of the table may load nothing at all.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, Final

from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from project.help import link, link_of
from tenants.bodies import with_headers

POLICY: Final = "Content-Security-Policy"

NOTHING: Final = {
    "default-src": "'none'",
    "base-uri": "'none'",
    "form-action": "'none'",
    "frame-ancestors": "'none'",
}
OWN_FILES: Final = {"script-src": "'self'", "style-src": "'self'", "img-src": "'self'"}

PAGES: Final[dict[str, dict[str, str]]] = {
    # Not every browser counts a WebSocket to the same host as 'self'.
    "console": {**OWN_FILES, "connect-src": "'self' ws://{host} wss://{host}"},
    "password-page": {**OWN_FILES, "connect-src": "'self'"},
    # Swagger UI draws its icons from addresses that hold them.
    "docs": {**OWN_FILES, "img-src": "'self' data:", "connect-src": "'self'"},
    "help": {"style-src": "'self'", "img-src": "'self'"},
    "socket-docs": {"style-src": "'self'", "img-src": "'self'"},
    "admin": {**OWN_FILES, "form-action": "'self'"},
}
"""What pages may do beyond `NOTHING`, by the name of their address or of the application's."""

UNUSED: Final = (
    "accelerometer", "camera", "display-capture", "geolocation", "gyroscope", "magnetometer",
    "microphone", "midi", "payment", "publickey-credentials-get", "screen-wake-lock", "usb",
    "xr-spatial-tracking",
)  # fmt: skip
"""Features of browsers that no page needs."""

Asgi = Callable[[Any, Any, Any], Awaitable[Any]]


def spelled(policy: dict[str, str]) -> str:
    """Return the policy as a header spells it."""
    return "; ".join(f"{name} {sources}" for name, sources in policy.items())


def on_every_response(*, secure: bool) -> dict[str, str]:
    """Return what every response carries; `secure` is whether it was asked for over TLS."""
    headers = {
        POLICY: spelled(NOTHING),
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": settings.X_FRAME_OPTIONS,
        "Referrer-Policy": settings.SECURE_REFERRER_POLICY,
        "Cross-Origin-Opener-Policy": settings.SECURE_CROSS_ORIGIN_OPENER_POLICY,
        "Cross-Origin-Resource-Policy": "same-origin",
        "Permissions-Policy": ", ".join(f"{name}=()" for name in UNUSED),
    }
    if secure and settings.SECURE_HSTS_SECONDS:
        subdomains = "; includeSubDomains" if settings.SECURE_HSTS_INCLUDE_SUBDOMAINS else ""
        age = f"max-age={settings.SECURE_HSTS_SECONDS}"
        headers["Strict-Transport-Security"] = age + subdomains
    return headers


def policy_of(request: HttpRequest) -> str:
    """Return the policy for what the request led to."""
    match = request.resolver_match
    page = PAGES.get((match.app_name or match.url_name or "") if match else "")
    if page is None:
        return spelled(NOTHING)
    return spelled(NOTHING | page).replace("{host}", request.get_host())


def middleware(
    get_response: Callable[[HttpRequest], HttpResponseBase],
) -> Callable[[HttpRequest], HttpResponseBase]:
    """Puts the headers on what Django answers, whichever view or middleware did."""

    def answer(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        if (page := link(response)) is not None:
            response.headers["Link"] = page
        response.headers[POLICY] = policy_of(request)
        for name, value in on_every_response(secure=request.is_secure()).items():
            response.headers.setdefault(name, value)
        return response

    return answer


def before_django(scope: Any, error: bytes = b"") -> dict[str, str]:
    """Return what a response carries that never reached Django, nor what answers CORS there;
    `error` is the body of one."""
    headers = on_every_response(secure=scope.get("scheme") == "https")
    if (page := link_of("application/json", error)) is not None:
        headers["Link"] = page
    if not re.match(settings.CORS_URLS_REGEX, scope["path"]):
        return headers
    headers["Vary"] = "Origin, Authorization, Cookie"
    origin = dict(scope["headers"]).get(b"origin", b"").decode("latin-1")
    if origin in settings.CORS_ALLOWED_ORIGINS:
        headers["Access-Control-Allow-Origin"] = origin
        headers["Access-Control-Expose-Headers"] = ", ".join(settings.CORS_EXPOSE_HEADERS)
    return headers


class BeforeDjango:
    """Puts the headers on responses of the ASGI application that never reached Django."""

    def __init__(self, application: Asgi) -> None:
        self.application = application

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        def headers(start: dict[str, Any], error: bytes) -> Iterator[tuple[bytes, bytes]]:
            """Yield the response's headers, and those that it lacks."""
            present = {name.lower(): value for name, value in start["headers"]}
            yield from start["headers"]
            own = present.get(b"content-type", b"").startswith(b"application/json")
            for name, value in before_django(scope, error if own else b"").items():
                if name.lower().encode() not in present:
                    yield name.lower().encode(), value.encode()

        await self.application(scope, receive, with_headers(send, headers))
