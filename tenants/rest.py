"""What every REST view of the project is made of: identity, errors, pages."""

from __future__ import annotations

from functools import partial
from typing import Any

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import Http404
from django.utils.cache import patch_vary_headers
from knox.models import get_token_model
from rest_framework import exceptions
from rest_framework.authentication import SessionAuthentication
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.pagination import PageNumberPagination
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.settings import api_settings

from tenants import authenticators, credentials
from tenants.connections import DatabaseAway, is_away
from tenants.credentials import Credential, Key, TokenAuthentication
from tenants.limits import limits
from tenants.models import Membership, Role, Tenant
from tenants.parsers import JSONParser
from tenants.refusals import refusal
from tenants.refused import NotAuthenticated, Refused
from tenants.renderers import JSONRenderer
from tenants.strict import StrictSerializer
from tenants.throttling import UserThrottle
from tenants.turns import turns
from tenants.users import User
from tenants.waiting import counted

SESSIONS = f"{__package__}.sessions"
"""Our session engine, of whose sessions it is known when they end."""

__all__ = [
    "InTenant",
    "IsAdmin",
    "IsReviewer",
    "OwnSettings",
    "Pagination",
    "PrivateResponseMixin",
    "SessionAuthentication",
    "StrictSerializer",
    "TokenAuthentication",
    "UserThrottle",
    "credential_of",
    "exception_handler",
    "key_of",
]


class TenantRequest(Request):
    """A request that `InTenant` has let in: only a type, DRF makes requests itself."""

    user: User
    tenant: Tenant
    membership: Membership


class InTenant(BasePermission):
    """Lets active members in, and sets `request.tenant` and `request.membership`."""

    def has_permission(self, request: Request, view: Any) -> bool:
        if not request.user.is_authenticated:
            raise NotAuthenticated
        slug = request.headers.get("X-Tenant")
        membership = credentials.membership_for(request.user, slug, key_of(request))
        membership.user = request.user
        request.membership = membership  # type: ignore[attr-defined]
        request.tenant = membership.tenant  # type: ignore[attr-defined]
        turns.take(request._request, membership.tenant_id)
        return True


class IsAdmin(InTenant):
    """Lets the tenant's active admins in."""

    def has_permission(self, request: Request, view: Any) -> bool:
        entered = super().has_permission(request, view)
        return entered and request.membership.role == Role.ADMIN  # type: ignore[attr-defined]


class IsReviewer(InTenant):
    """Lets the tenant's active admins and reviewers in."""

    def has_permission(self, request: Request, view: Any) -> bool:
        entered = super().has_permission(request, view)
        role = request.membership.role  # type: ignore[attr-defined]
        return entered and role in (Role.ADMIN, Role.REVIEWER)


class Pagination(PageNumberPagination):
    page_size = limits()["page_size"]
    page_size_query_param = "page_size"
    max_page_size = limits()["page_size_max"]


class OwnSettings:
    """What each view of ours brings, whatever the project's REST settings and `ATOMIC_REQUESTS`.

    People come in by our tokens and sessions, and by whatever else the project accepts.
    """

    authentication_classes: Any = (TokenAuthentication, SessionAuthentication)
    throttle_classes: Any = (UserThrottle,)
    parser_classes: Any = (JSONParser,)
    renderer_classes: Any = (JSONRenderer,)
    content_negotiation_class: Any = DefaultContentNegotiation
    versioning_class: Any = None
    filter_backends: Any = ()

    @classmethod
    def as_view(cls, *args: Any, **kwargs: Any) -> Any:
        view = super().as_view(*args, **kwargs)  # type: ignore[misc]
        return transaction.non_atomic_requests(view)

    def get_authenticators(self) -> list[Any]:
        classes = [*self.authentication_classes]
        if self.authentication_classes is OwnSettings.authentication_classes:
            more: Any = api_settings.DEFAULT_AUTHENTICATION_CLASSES
            classes += [each for each in more if not issubclass(each, tuple(classes))]
        return [each() for each in classes]

    def get_exception_handler(self) -> Any:
        return exception_handler


class PrivateResponseMixin(OwnSettings):
    """Marks answers that are for this reader only, and that no cache may keep."""

    def finalize_response(self, request: Any, response: Any, *args: Any, **kwargs: Any) -> Any:
        final = super().finalize_response(request, response, *args, **kwargs)  # type: ignore[misc]
        final["Cache-Control"] = "private, no-store"
        patch_vary_headers(final, ["Authorization", "Cookie", "X-Tenant"])
        if isinstance(final, Response):
            final.add_post_render_callback(partial(counted, request))
        return final


def key_of(request: Request) -> Key | None:
    """Return the kind and key of the request's credential; None if each request has another."""
    if isinstance(request.auth, get_token_model()):
        return "token", request.auth.pk
    if request.auth is not None:
        other = authenticators.of_request(request)
        return None if other.kind == authenticators.Accepted.kind else (other.kind, other.key)
    session = getattr(request, "session", None)
    key = None if session is None else session.session_key
    return ("session", key) if key else None


def credential_of(request: Request) -> Credential:
    """Return the credential by which this authenticated request came."""
    if isinstance(request.auth, get_token_model()):
        return credentials.resolve("token", request.auth.pk)[1]
    by_session = isinstance(request.successful_authenticator, SessionAuthentication)
    if by_session and settings.SESSION_ENGINE == SESSIONS:
        return credentials.resolve("session", request.session.session_key)[1]
    return authenticators.of_request(request)


def exception_handler(exc: Exception, context: dict[str, Any]) -> Response | None:
    """Answer as DRF does, but with `{"detail", "code"}` for everything except errors of fields."""
    # Not at the top: that module reads the settings, which name this one.
    from rest_framework.views import exception_handler as handle

    if is_away(exc):
        exc = DatabaseAway()
    elif isinstance(exc, Http404):  # its text may tell more than that
        exc = exceptions.NotFound()
    elif isinstance(exc, PermissionDenied):
        exc = exceptions.PermissionDenied()
    exc = refusal(exc, getattr(context.get("view"), "written", {})) or exc
    response = handle(exc, context)
    if response is None:
        return None
    assert isinstance(exc, exceptions.APIException)
    match exc.detail:
        case exceptions.ErrorDetail() as detail:
            response.data = {"detail": detail, "code": detail.code}
        case [exceptions.ErrorDetail() as detail, *_]:
            response.data = {"detail": detail, "code": detail.code}
    if response.status_code == NotAuthenticated.status_code and not isinstance(exc, Refused):
        response.data = {
            "detail": NotAuthenticated.default_detail,
            "code": NotAuthenticated.default_code,
        }
    return response
