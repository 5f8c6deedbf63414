"""What may be loaded where, and what answers without Django."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import Client, RequestFactory
from django.urls import resolve
from pytest_django import Settings

from project import headers

UNSAFE = re.compile(r"unsafe|\*|https?:|blob:|strict-dynamic")


def policy(path: str) -> dict[str, str]:
    request = RequestFactory().get(path, headers={"host": "localhost"})
    request.resolver_match = resolve(path)
    pairs = (each.split(" ", 1) for each in headers.policy_of(request).split("; "))
    return dict(pairs)


@pytest.mark.parametrize("path", ["/", "/password/", "/api/docs/", "/admin/", "/api/me/"])
def test_no_policy_allows_what_is_inline_or_elsewhere(path: str) -> None:
    found = policy(path)
    assert [each for each in found.values() if UNSAFE.search(each)] == []
    assert {"default-src", "base-uri", "frame-ancestors"} <= {
        name for name, sources in found.items() if sources == "'none'"
    }


def test_what_is_no_page_may_load_nothing() -> None:
    assert set(policy("/api/documents/").values()) == {"'none'"}


def test_only_the_admin_posts_forms_and_only_the_docs_show_inline_images() -> None:
    paths = ["/", "/password/", "/api/docs/", "/admin/login/"]
    assert [p for p in paths if policy(p)["form-action"] == "'self'"] == ["/admin/login/"]
    assert [p for p in paths if "data:" in policy(p)["img-src"]] == ["/api/docs/"]


def test_hsts_is_sent_over_tls_only_and_as_set(settings: Settings) -> None:
    settings.SECURE_HSTS_SECONDS = 60
    settings.SECURE_HSTS_INCLUDE_SUBDOMAINS = False
    assert Client().get("/healthz", secure=True)["Strict-Transport-Security"] == "max-age=60"
    assert "Strict-Transport-Security" not in Client().get("/healthz")
    settings.SECURE_HSTS_INCLUDE_SUBDOMAINS = True
    told = headers.on_every_response(secure=True)["Strict-Transport-Security"]
    assert told == "max-age=60; includeSubDomains"


async def test_response_that_never_reached_django_has_what_it_lacks() -> None:
    async def application(scope: Any, receive: Any, send: Any) -> None:
        present = [(b"X-Frame-Options", b"SAMEORIGIN")]
        await send({"type": "http.response.start", "status": 413, "headers": present})
        await send({"type": "http.response.body", "body": b"{}"})

    sent: list[dict[str, Any]] = []

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    scope = {"type": "http", "scheme": "http", "path": "/"}
    await headers.BeforeDjango(application)(scope, None, send)
    start, body = sent
    names = [name.lower() for name, _ in start["headers"]]
    assert sorted(names) == sorted(
        name.lower().encode() for name in headers.on_every_response(secure=False)
    )
    assert start["headers"][0] == (b"X-Frame-Options", b"SAMEORIGIN")
    assert body["body"] == b"{}"


@pytest.mark.parametrize(
    ("kind", "body", "linked"),
    [
        (b"application/json", b'{"code": "body_too_large"}', True),
        (b"text/html", b'{"code": "body_too_large"}', False),
        (b"application/json", b'{"code": "of somebody else"}', False),
    ],
)
async def test_error_that_never_reached_django_names_its_page(
    kind: bytes, body: bytes, linked: bool
) -> None:
    async def application(scope: Any, receive: Any, send: Any) -> None:
        present = [(b"content-type", kind)]
        await send({"type": "http.response.start", "status": 413, "headers": present})
        await send({"type": "http.response.body", "body": body, "more_body": True})
        await send({"type": "http.response.body"})

    sent: list[dict[str, Any]] = []

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    scope = {"type": "http", "scheme": "http", "path": "/"}
    await headers.BeforeDjango(application)(scope, None, send)
    assert [message["type"].rpartition(".")[2] for message in sent] == ["start", "body", "body"]
    page = (b"link", b'</api/docs/errors/body_too_large/>; rel="help"')
    assert (page in sent[0]["headers"]) is linked


def test_page_of_an_allowed_origin_may_read_what_never_reached_django(settings: Settings) -> None:
    settings.CORS_ALLOWED_ORIGINS = ["https://app.example"]

    def told(path: str, origin: bytes) -> str | None:
        scope = {"path": path, "headers": [(b"origin", origin)]}
        found = headers.before_django(scope)
        assert ("Retry-After" in found.get("Access-Control-Expose-Headers", "")) is (
            "Access-Control-Allow-Origin" in found
        )
        return found.get("Access-Control-Allow-Origin")

    assert told("/api/login/", b"https://app.example") == "https://app.example"
    assert told("/api/login/", b"https://evil.example") is None
    assert told("/admin/login/", b"https://app.example") is None
