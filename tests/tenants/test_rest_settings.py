"""Each view brings what it needs: no REST settings of a project change it, however hostile."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection, transaction
from django.test import TestCase
from django.urls import URLPattern, URLResolver, get_resolver
from rest_framework import authentication, parsers, permissions, renderers, throttling
from rest_framework.settings import api_settings
from rest_framework.test import APIClient
from rest_framework.views import APIView

from permissions.snapshot import SnapshotInTransaction, snapshot
from tenants.models import User
from tenants.rest import OwnSettings, SessionAuthentication, TokenAuthentication
from tests.world import World


class Header(authentication.BaseAuthentication):
    """The project's own."""

    def authenticate(self, request: Any) -> Any:
        name = request.headers.get("X-Name")
        return (User.objects.get(username=name), None) if name else None


class Never(throttling.BaseThrottle):
    def allow_request(self, request: Any, view: Any) -> bool:
        return False


def other_handler(error: Exception, context: Any) -> None:
    raise AssertionError(error)


HOSTILE: dict[str, Any] = {
    "DEFAULT_AUTHENTICATION_CLASSES": [Header],
    "DEFAULT_PERMISSION_CLASSES": [permissions.IsAdminUser],
    "DEFAULT_THROTTLE_CLASSES": [Never],
    "DEFAULT_PARSER_CLASSES": [parsers.FormParser],
    "DEFAULT_RENDERER_CLASSES": [renderers.BrowsableAPIRenderer],
    "DEFAULT_PAGINATION_CLASS": None,
    "EXCEPTION_HANDLER": other_handler,
}


@pytest.fixture
def hostile(monkeypatch: pytest.MonkeyPatch) -> None:
    """DRF reads some settings when a view is made, and others when it is asked."""
    for name, value in HOSTILE.items():
        monkeypatch.setattr(api_settings, name, value, raising=False)


def views(patterns: Any) -> Iterator[Any]:
    """The view classes of our addresses."""
    for each in patterns:
        if isinstance(each, URLResolver):
            yield from views(each.url_patterns)
        elif isinstance(each, URLPattern):
            found = getattr(each.callback, "cls", None)
            if found is not None and issubclass(found, APIView):
                yield each.callback


def of_the_package() -> list[Any]:
    found = views(get_resolver().url_patterns)
    rooms = ("tenants", "permissions", "realtime", "resources")
    return [view for view in found if view.cls.__module__.split(".")[0] in rooms]


def test_every_view_of_ours_brings_its_own_and_is_in_no_transaction() -> None:
    assert of_the_package()
    for view in of_the_package():
        assert issubclass(view.cls, OwnSettings), view.cls
        assert view._non_atomic_requests == {"default"}, view.cls


@pytest.mark.django_db(transaction=True)
def test_hostile_settings_change_no_answer(world: World, hostile: None) -> None:
    client = world.rest("owner")
    answer = client.get(world.url)
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/json")
    etag = answer.headers["ETag"]
    changed = client.patch(world.url, {"title": "New"}, format="json", headers={"If-Match": etag})
    assert changed.json()["title"] == "New"
    assert client.get("/api/me/").json()["tenant"] == "acme"
    assert client.get("/api/nothing-of-the-kind/").status_code == 404
    assert world.rest("rival", "globex").get(world.url).json()["code"] == "not_found"
    assert client.get("/api/members/").status_code == 403
    assert len(world.rest("admin").get("/api/members/").json()["results"]) > 1


@pytest.mark.django_db(transaction=True)
def test_whoever_the_project_accepts_comes_in(world: World, hostile: None) -> None:
    client = APIClient(headers={"X-Name": "owner", "X-Tenant": "acme"})
    assert client.get(world.url).headers["X-Audience"] == "owner"
    assert client.post("/api/tickets/").status_code == 201
    assert client.post("/api/token/").status_code == 401  # it renews tokens of ours
    assert APIClient(headers={"X-Tenant": "acme"}).get(world.url).status_code == 401


def test_ours_are_asked_first_and_once(hostile: None) -> None:
    class Ours(OwnSettings, APIView):
        """With the settings that all have."""

    found = [type(each) for each in Ours().get_authenticators()]
    assert found == [TokenAuthentication, SessionAuthentication, Header]


@pytest.mark.django_db(transaction=True)
def test_requests_in_transactions_read_all_the_same(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(connection.settings_dict, "ATOMIC_REQUESTS", True)
    assert world.rest("owner").get(world.url).status_code == 200


class Tried(TestCase):
    """A project's own test, in the transactions that Django wraps around it."""

    def test_read_sees_what_the_test_wrote(self) -> None:
        world = World()
        answer = world.rest("owner").get(world.url)
        assert answer.json()["title"] == world.document.title
        with snapshot(), snapshot():
            pass

    def test_transaction_of_its_own_is_still_refused(self) -> None:
        with transaction.atomic(), pytest.raises(SnapshotInTransaction), snapshot():
            raise AssertionError
