"""Coming and going, and who and where one is: `docs/` has the contract."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from django.contrib.auth import authenticate, login, logout
from django.contrib.auth.signals import user_logged_in, user_logged_out
from django.db.models import Model
from django.utils.decorators import method_decorator
from django.views.decorators.csrf import ensure_csrf_cookie
from drf_spectacular.contrib.knox_auth_token import KnoxTokenScheme
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.generics import RetrieveAPIView
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from tenants.credentials import TokenAuthentication, issue_ticket, issue_token, resolve
from tenants.ended_credentials import end_credentials
from tenants.models import Membership
from tenants.opaque import OpaqueIdField
from tenants.refused import NotAuthenticated, WrongLogin
from tenants.renewing import renew_token
from tenants.rest import (
    InTenant,
    OwnSettings,
    PrivateResponseMixin,
    SessionAuthentication,
    StrictSerializer,
    credential_of,
)
from tenants.throttling import login_limits
from tenants.users import User


class TokenScheme(KnoxTokenScheme):
    """What the schema says of our tokens."""

    target_class = f"{TokenAuthentication.__module__}.{TokenAuthentication.__qualname__}"
    name = "token"


def user_of(request: Request) -> User:
    assert isinstance(request.user, User), "the permission class admits nobody else"
    return request.user


class LoginSerializer(StrictSerializer):
    username = serializers.CharField(trim_whitespace=False)
    password = serializers.CharField(trim_whitespace=False)


class TokenSerializer(serializers.Serializer[Any]):
    token = serializers.CharField()
    expiry = serializers.DateTimeField(allow_null=True)
    user = OpaqueIdField(User, source="user_id")


class SessionSerializer(serializers.Serializer[Any]):
    user = OpaqueIdField(User, source="user_id", allow_null=True)
    expiry = serializers.DateTimeField(allow_null=True)


class MeSerializer(serializers.Serializer[Membership]):
    user = OpaqueIdField(User, source="user_id")
    username = serializers.CharField(source="user.get_username")
    tenant = serializers.CharField(source="tenant.slug")
    role = serializers.CharField()


class TicketSerializer(serializers.Serializer[Any]):
    ticket = serializers.CharField()
    expires_in = serializers.IntegerField()


class LoginView(PrivateResponseMixin, APIView):
    """A new token for a username and password."""

    about_passwords = True
    authentication_classes = ()
    permission_classes = ()
    throttle_classes = ()

    @extend_schema(request=LoginSerializer, responses=TokenSerializer)
    def post(self, request: Request) -> Response:
        login = LoginSerializer(data=request.data)
        login.is_valid(raise_exception=True)
        with login_limits(request, login.validated_data["username"]):
            user = authenticate(request._request, **login.validated_data)
            if user is None:
                raise WrongLogin
            row, text = issue_token(user)
        user_logged_in.send(type(user), request=request._request, user=user)
        answer = {"token": text, "expiry": row.expiry, "user_id": user.pk}
        return Response(TokenSerializer(answer).data)

    def get_authenticate_header(self, request: Request) -> str:
        # Without this, and without authentication classes, DRF turns a 401 into a 403.
        return "Token"


class TokenView(PrivateResponseMixin, APIView):
    """A new token in the place of the one that asks, which ends."""

    authentication_classes = (TokenAuthentication,)
    permission_classes = (IsAuthenticated,)

    @extend_schema(request=None, responses=TokenSerializer)
    def post(self, request: Request) -> Response:
        user = user_of(request)
        row, text = renew_token(user, request.auth)
        answer = {"token": text, "expiry": row.expiry, "user_id": user.pk}
        return Response(TokenSerializer(answer).data)


@method_decorator(ensure_csrf_cookie, "dispatch")
class SessionView(PrivateResponseMixin, APIView):
    """A session in a cookie, for pages of the same site: whose it is, a new one, its end.

    The cookie is no page's to read; whoever writes sends Django's CSRF token, which the answer to
    GET sets as another cookie, in `X-CSRFToken`.
    """

    about_passwords = True
    authentication_classes = ()
    permission_classes = ()
    throttle_classes = ()

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        SessionAuthentication().enforce_csrf(request)  # nobody is logged in from a foreign page

    @extend_schema(responses=SessionSerializer)
    def get(self, request: Request) -> Response:
        return _session(request)

    @extend_schema(request=LoginSerializer, responses=SessionSerializer)
    def post(self, request: Request) -> Response:
        given = LoginSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        with login_limits(request, given.validated_data["username"]):
            user = authenticate(request._request, **given.validated_data)
            if user is None:
                raise WrongLogin
            login(request._request, user)
            request._request.session.save()
        return _session(request)

    @extend_schema(request=None, responses={204: None})
    def delete(self, request: Request) -> Response:
        logout(request._request)
        return Response(status=status.HTTP_204_NO_CONTENT)

    def get_authenticate_header(self, request: Request) -> str:
        return "Session"


def _session(request: Request) -> Response:
    """Whose session the request's is, and until when; nobody's has neither."""
    answer: dict[str, Any] = {"user_id": None, "expiry": None}
    with suppress(NotAuthenticated):
        user, credential = resolve("session", request._request.session.session_key)
        answer = {"user_id": user.pk, "expiry": credential.expires_at}
    return Response(SessionSerializer(answer).data)


class LogoutView(OwnSettings, APIView):
    """The end of the token, or of the session, that asks for it."""

    permission_classes = (IsAuthenticated,)

    @extend_schema(request=None, responses={204: None})
    def post(self, request: Request) -> Response:
        if request.auth is None:
            logout(request._request)
        else:
            if isinstance(request.auth, Model):  # claims are nothing that could be deleted
                request.auth.delete()
            user_logged_out.send(type(request.user), request=request._request, user=request.user)
        return Response(status=status.HTTP_204_NO_CONTENT)


class LogoutAllView(OwnSettings, APIView):
    """The end of all the user's tokens and sessions."""

    permission_classes = (IsAuthenticated,)

    @extend_schema(request=None, responses={204: None})
    def post(self, request: Request) -> Response:
        end_credentials([user_of(request).pk])
        logout(request._request)
        return Response(status=status.HTTP_204_NO_CONTENT)


class MeView(PrivateResponseMixin, RetrieveAPIView[Membership]):
    """Who I am, in this tenant."""

    permission_classes = (InTenant,)
    serializer_class = MeSerializer

    def get_object(self) -> Membership:
        membership: Membership = self.request.membership  # type: ignore[attr-defined]
        return membership


class TicketsView(PrivateResponseMixin, APIView):
    """A ticket for one socket, for clients that can send it neither header nor cookie."""

    permission_classes = (InTenant,)

    @extend_schema(request=None, responses={201: TicketSerializer})
    def post(self, request: Request) -> Response:
        tenant = request.tenant  # type: ignore[attr-defined]
        ticket, seconds = issue_ticket(user_of(request), tenant, credential_of(request))
        answer = {"ticket": ticket, "expires_in": seconds}
        return Response(TicketSerializer(answer).data, status=status.HTTP_201_CREATED)
