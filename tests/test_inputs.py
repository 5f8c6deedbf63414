"""Whatever a client sends in a body or a query is answered as its mistake, and never a 500."""

import json
from typing import Any
from urllib.parse import quote

import pytest
from pytest_django import Settings

from tests.world import World

WRONG: list[Any] = [
    None, True, 5, 5.0, 2**64, float("inf"), ["x"], {"a": 1}, "\0", "\ud800",
]  # fmt: skip
QUERIES = (
    "\0", "\ud800", "-1", "abc", "9" * 400, "nonsense", "0000-01-01T00:00:00Z",
    "0001-01-01T00:00:00+14:00", "x" * 5_000,
)  # fmt: skip


@pytest.fixture
def unlimited(world: World, settings: Settings) -> World:
    """The world, where nobody has tried too often."""
    many = dict.fromkeys(
        (
            "requests_per_minute",
            "invitations_per_minute",
            "login_failures_per_username",
            "login_failures_per_address",
            "resets_per_email",
            "resets_per_address",
        ),
        10**6,
    )
    settings.EARSHOT = settings.EARSHOT | many
    return world


def calls(world: World) -> list[tuple[str, str, str, dict[str, Any]]]:
    """Who calls what how, with a body that would be right."""
    grant = f"{world.url}grants/user:{world.user_id('member')}/"
    me = world.rest("owner").get("/api/profiles/me/").json()["id"]
    [member, *_] = world.rest("admin").get("/api/members/").json()["results"]
    new = "a new good password"
    return [
        ("owner", "post", "/api/login/", {"username": "owner", "password": "secret"}),
        ("owner", "post", "/api/password/", {"old": "secret", "new": new}),
        ("owner", "post", "/api/password/reset/", {"email": "a@example.com"}),
        ("owner", "post", "/api/password/confirm/", {"user": "x", "token": "x", "new": new}),
        ("admin", "post", "/api/members/", {"username": "n", "email": "n@e.com", "role": "member"}),
        ("admin", "patch", f"/api/members/{member['id']}/", {"role": "member", "is_active": True}),
        ("owner", "put", grant, {"audience": "viewer"}),
        ("owner", "patch", f"/api/profiles/{me}/", {"display_name": "x", "timezone": "UTC"}),
        ("owner", "post", "/api/documents/", {"title": "x", "status": "draft", "due_on": None}),
    ]


def test_wrong_value_of_any_field_of_any_call_names_the_field(unlimited: World) -> None:
    for who, method, url, right in calls(unlimited):
        client = unlimited.rest(who)
        for value in WRONG:
            wrong = [n for n, v in right.items() if not (value == v and type(value) is type(v))]
            body = json.dumps(right | dict.fromkeys(wrong, value)).replace("Infinity", "1e400")
            answer = getattr(client, method)(url, body, content_type="application/json")
            named = (answer.status_code, sorted(answer.json()))
            assert named == (400, sorted(wrong)), (method, url, value)


def test_body_of_the_wrong_form_is_refused_by_every_call(unlimited: World) -> None:
    for who, method, url, right in calls(unlimited):
        client = unlimited.rest(who)
        for body in ("[]", "5", "null", "true", '"x"', "{", "[[[", "\xff", '{"a": 1, "a": 1}'):
            answer = getattr(client, method)(url, body, content_type="application/json")
            assert answer.status_code == 400, (method, url, body)
        unknown = json.dumps(right | {"unknown": 1})
        answer = getattr(client, method)(url, unknown, content_type="application/json")
        assert (answer.status_code, list(answer.json())) == (400, ["unknown"]), url
        for form in ("application/x-www-form-urlencoded", "multipart/form-data; boundary=x"):
            answer = getattr(client, method)(url, "a=b", content_type=form)
            assert answer.status_code == 415, (method, url, form)


@pytest.mark.parametrize(
    ("url", "names"),
    [
        ("/api/documents/", ["limit", "after", "status"]),
        ("/api/profiles/", ["limit", "after", "title"]),
        ("/api/members/", ["page", "page_size"]),
        ("/api/tenants/", ["page", "page_size"]),
        ("/api/connections/", ["page", "page_size"]),
        ("/api/ledger/accesses/", ["user", "model", "id", "audience", "since", "until", "page"]),
        ("/api/ledger/pushes/", ["user", "model", "id", "audience", "since", "until", "page"]),
        ("/api/review/accesses/", ["model", "id", "field", "etag", "since", "until", "cursor"]),
        ("/api/review/who-saw/", ["model", "id", "field", "etag", "since", "until", "cursor"]),
        ("/api/review/seen-by/", ["user", "since", "until", "cursor"]),
        ("grants/", ["audience", "page", "page_size"]),
    ],
)
def test_query_of_any_kind_is_answered(unlimited: World, url: str, names: list[str]) -> None:
    client = unlimited.rest("admin")
    address = url if url.startswith("/") else unlimited.url + url
    for name in names:
        for value in QUERIES:
            text = quote(value.encode("utf-8", "surrogatepass"))
            answer = client.get(f"{address}?{name}=%ff&{name}={text}")
            assert answer.status_code in (200, 400, 404), (name, value)
