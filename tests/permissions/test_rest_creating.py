"""Creations over REST: whose the new object is, and where."""

import pytest
from rest_framework.test import APIClient

from resources.models import Document
from tests.permissions.answers import LIST, etag
from tests.world import World


@pytest.mark.parametrize("name", ["member", "admin", "root"])
def test_whoever_creates_an_object_owns_it(
    world: World, clients: dict[str, APIClient], name: str
) -> None:
    answer = clients[name].post(LIST, {"title": "Mine", "budget": "1.5"})
    assert (answer.status_code, answer["X-Audience"]) == (201, "owner")
    read = clients[name].get(answer["Location"])
    assert (read.content, etag(read)) == (answer.content, etag(answer))
    assert read.json()["budget"] == "1.50"
    assert read.json()["owner_name"] == name
    assert clients["viewer"].get(answer["Location"]).status_code == 404
    assert clients["admin"].get(answer["Location"]).status_code == 200


@pytest.mark.parametrize("field", ["id", "owner_name", "updated_at"])
def test_read_only_field_is_refused_in_a_creation(world: World, field: str) -> None:
    answer = world.rest("owner").post(LIST, {"title": "New", field: "x"})
    assert (answer.status_code, set(answer.json())) == (400, {field})
    assert Document.objects.across_tenants().count() == 1


def test_creation_is_in_the_tenant_that_was_asked_for(world: World) -> None:
    answer = world.rest("both", "globex").post(LIST, {"title": "There"})
    document = Document.objects.across_tenants().get(title="There")
    assert document.tenant == world.tenants["globex"]
    assert world.rest("both", "acme").get(answer["Location"]).status_code == 404
