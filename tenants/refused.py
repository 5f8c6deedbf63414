"""Why somebody is let in nowhere, or not into this tenant, as REST and sockets tell it."""

from __future__ import annotations

from typing import ClassVar

from rest_framework import exceptions


class Refused(exceptions.APIException):
    """No way in: `code` and `status` tell REST why, and `close_code` tells a socket."""

    close_code: ClassVar[int]

    @property
    def code(self) -> str:
        return self.default_code

    @property
    def status(self) -> int:
        return self.status_code


class NotAuthenticated(Refused, exceptions.NotAuthenticated):
    """There is no credential, or it is not valid, or no longer."""

    default_detail = "Provide a valid token, session or ticket."
    close_code = 4401


class WrongLogin(NotAuthenticated):
    """The username and password do not match; whether the user exists is not said."""

    default_detail = "Wrong username or password."


class TenantRequired(Refused):
    """The user is a member of several tenants and did not say which."""

    status_code = 400
    default_code = "tenant_required"
    default_detail = "Specify the tenant: header X-Tenant, or ?tenant= for a socket."
    close_code = 4400


class TenantForbidden(Refused):
    """The tenant is not the user's, is suspended or is unknown; which of them is not said."""

    status_code = 403
    default_code = "tenant_forbidden"
    default_detail = "You are not an active member of this tenant."
    close_code = 4403
