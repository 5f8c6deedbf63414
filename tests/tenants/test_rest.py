from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponse
from rest_framework import exceptions, serializers
from rest_framework.response import Response
from rest_framework.test import APIRequestFactory
from rest_framework.views import APIView

from tenants.refused import TenantForbidden, TenantRequired
from tenants.rest import InTenant, PrivateResponseMixin, StrictSerializer

REFUSED = {"detail": "Provide a valid token, session or ticket.", "code": "not_authenticated"}


def answer(error: Exception) -> Any:
    """What a view that raises the error answers."""

    class Raising(APIView):
        permission_classes = ()

        def get(self, request: Any) -> Response:
            raise error

    return Raising.as_view()(APIRequestFactory().get("/")).render()


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (Http404("No Document with pk 5."), 404, "not_found"),
        (exceptions.NotFound(), 404, "not_found"),
        (PermissionDenied("because"), 403, "permission_denied"),
        (exceptions.PermissionDenied(), 403, "permission_denied"),
        (exceptions.ParseError(), 400, "parse_error"),
        (exceptions.MethodNotAllowed("PUT"), 405, "method_not_allowed"),
        (exceptions.UnsupportedMediaType("text/plain"), 415, "unsupported_media_type"),
        (exceptions.Throttled(3), 429, "throttled"),
        (exceptions.ValidationError("No.", code="no"), 400, "no"),
        (exceptions.APIException("Conflict.", "conflict"), 500, "conflict"),
        (TenantRequired(), 400, "tenant_required"),
        (TenantForbidden(), 403, "tenant_forbidden"),
    ],
)
def test_error_is_detail_and_code(error: Exception, status: int, code: str) -> None:
    response = answer(error)
    assert (response.status_code, response.data["code"]) == (status, code)
    assert set(response.data) == {"detail", "code"}
    assert isinstance(response.data["detail"], str)


def test_absent_object_is_not_described() -> None:
    absent = answer(Http404("No Document with pk 5."))
    assert absent.content == answer(exceptions.NotFound()).content


@pytest.mark.parametrize(
    "error", [exceptions.AuthenticationFailed("inactive"), exceptions.NotAuthenticated()]
)
def test_whatever_is_wrong_with_a_credential_looks_the_same(error: Exception) -> None:
    response = answer(error)
    assert (response.status_code, response.data) == (401, REFUSED)
    assert response["WWW-Authenticate"] == "Token"


@pytest.mark.parametrize("errors", [{"title": ["Too long."]}, [{"title": ["Too long."]}, {}], []])
def test_errors_of_fields_stay_what_they_are(errors: Any) -> None:
    response = answer(exceptions.ValidationError(errors))
    assert (response.status_code, response.data) == (400, errors)


def test_retry_after_says_when() -> None:
    assert answer(exceptions.Throttled(2.1))["Retry-After"] == "3"


def test_unexpected_error_is_not_caught() -> None:
    with pytest.raises(ZeroDivisionError):
        answer(ZeroDivisionError())


def test_private_answers_are_kept_by_no_cache() -> None:
    class Private(PrivateResponseMixin, APIView):
        permission_classes = ()

        def get(self, request: Any) -> Response:
            return Response({}, headers={"Vary": "Accept"})

    response = Private.as_view()(APIRequestFactory().get("/"))
    assert response["Cache-Control"] == "private, no-store"
    assert set(response["Vary"].split(", ")) >= {"Accept", "Authorization", "Cookie", "X-Tenant"}


def test_private_answers_may_be_djangos_own() -> None:
    class Private(PrivateResponseMixin, APIView):
        permission_classes = ()

        def get(self, request: Any) -> Any:
            return HttpResponse("text")

    response = Private.as_view()(APIRequestFactory().get("/"))
    assert response["Cache-Control"] == "private, no-store"


def test_tenant_is_asked_of_nobody() -> None:
    class Mine(APIView):
        permission_classes = (InTenant,)

    response = Mine.as_view()(APIRequestFactory().get("/"))
    assert (response.status_code, response.data) == (401, REFUSED)


class Body(StrictSerializer):
    text = serializers.CharField(max_length=5)


@pytest.mark.parametrize(
    ("body", "wrong"),
    [
        ({"text": "five"}, set()),
        ({"text": 5}, {"text"}),
        ({"text": 5.5}, {"text"}),
        ({"text": True}, {"text"}),
        ({"text": None}, {"text"}),
        ({"text": ["five"]}, {"text"}),
        ({"text": "sixsix"}, {"text"}),
        ({"text": "\0"}, {"text"}),
        ({"text": "\ud800"}, {"text"}),
        ({}, {"text"}),
        ({"text": "five", "txet": 1, "tetx": 2}, {"txet", "tetx"}),
        (["text"], {"non_field_errors"}),
        ("text", {"non_field_errors"}),
    ],
)
def test_body_is_taken_literally(body: Any, wrong: set[str]) -> None:
    serializer: serializers.BaseSerializer[Any] = Body(data=body)
    assert serializer.is_valid() == (not wrong)
    assert set(serializer.errors) == wrong
