from collections.abc import Iterator
from typing import NoReturn

import pytest
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.test import Client
from django.urls import clear_url_caches, path

from project import urls


def broken(request: HttpRequest) -> NoReturn:
    raise RuntimeError("secret")


def closed(request: HttpRequest) -> NoReturn:
    raise PermissionDenied("secret")


@pytest.fixture
def failing_views(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The project's addresses, and two whose views fail."""
    views = [path("broken", broken), path("closed", closed)]
    monkeypatch.setattr(urls, "urlpatterns", views)
    clear_url_caches()
    yield
    clear_url_caches()


@pytest.mark.parametrize(
    ("address", "host", "status", "body"),
    [
        ("/", "elsewhere.example", 400, {"detail": "Bad request.", "code": "bad_request"}),
        ("/closed", "localhost", 403, {"detail": "Forbidden.", "code": "permission_denied"}),
        ("/nothing", "localhost", 404, {"detail": "Not found.", "code": "not_found"}),
        ("/broken", "localhost", 500, {"detail": "Server error.", "code": "error"}),
    ],
)
@pytest.mark.usefixtures("failing_views")
def test_failure_outside_the_api_answers_in_its_form_and_tells_nothing(
    address: str, host: str, status: int, body: dict[str, str]
) -> None:
    response = Client(raise_request_exception=False).get(address, headers={"host": host})
    assert (response.status_code, response.json()) == (status, body)
