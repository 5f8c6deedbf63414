"""Changing, resetting and confirming passwords over REST."""

from __future__ import annotations

from django.contrib.auth import logout
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from tenants import hashing, passwords
from tenants.addresses import address_of
from tenants.refused import WrongLogin
from tenants.rest import PrivateResponseMixin, StrictSerializer
from tenants.throttling import login_limits, reset_limits
from tenants.views import user_of


class PasswordField(serializers.CharField):
    """A password, with its spaces."""

    def __init__(self) -> None:
        super().__init__(trim_whitespace=False, max_length=4096, write_only=True)


class ChangeSerializer(StrictSerializer):
    old = PasswordField()
    new = PasswordField()


class ResetSerializer(StrictSerializer):
    email = serializers.EmailField()


class ConfirmSerializer(StrictSerializer):
    user = serializers.CharField()
    token = serializers.CharField()
    new = PasswordField()


class PasswordView(PrivateResponseMixin, APIView):
    """A new password for whoever knows the old one; all their credentials end."""

    about_passwords = True
    permission_classes = (IsAuthenticated,)

    @extend_schema(request=ChangeSerializer, responses={204: None})
    def post(self, request: Request) -> Response:
        body = ChangeSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        user = user_of(request)
        try:
            # A holder of a stolen token must not guess the password faster than at the login.
            with login_limits(request, user.get_username(), inside=True):
                passwords.change(user.pk, **body.validated_data)
        except WrongLogin as wrong:
            raise serializers.ValidationError({"old": ["Wrong password."]}) from wrong
        logout(request._request)
        return Response(status=status.HTTP_204_NO_CONTENT)


class ResetView(PrivateResponseMixin, APIView):
    """A link to a new password, by e-mail; whether there is anybody is not said."""

    about_passwords = True
    authentication_classes = ()
    permission_classes = ()
    throttle_classes = ()

    @extend_schema(request=ResetSerializer, responses={202: None})
    def post(self, request: Request) -> Response:
        body = ResetSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        email = body.validated_data["email"]
        reset_limits(request, email)
        passwords.send_reset(email)
        return Response(status=status.HTTP_202_ACCEPTED)


class ConfirmView(PrivateResponseMixin, APIView):
    """A new password for whoever has a link."""

    about_passwords = True
    authentication_classes = ()
    permission_classes = ()
    throttle_classes = ()

    @extend_schema(request=ConfirmSerializer, responses={204: None})
    def post(self, request: Request) -> Response:
        body = ConfirmSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        parts = body.validated_data
        link = passwords.follow(parts["user"], parts["token"])
        with hashing.known.place(address_of(request), link.user.get_username()):
            # Again: of several at once, each has waited here for the one before it.
            link = passwords.follow(parts["user"], parts["token"])
            passwords.confirm(link, parts["new"])
        return Response(status=status.HTTP_204_NO_CONTENT)
