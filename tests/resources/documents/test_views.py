"""Documents over REST, as each of their audiences meets them."""

import json
from typing import Any

import pytest

from resources.models import Document
from tests.resources.documents.test_serializers import BAD
from tests.world import World

LIST = "/api/documents/"


def test_each_audience_reads_its_payload(world: World) -> None:
    Document.objects.across_tenants().filter(pk=world.document.pk).update(
        review_notes="Notes", due_on="2026-03-01", status="published"
    )
    row = Document.objects.across_tenants().get(pk=world.document.pk)

    def moment(value: Any) -> str:
        return str(value.isoformat().replace("+00:00", "Z"))

    viewer = {
        "id": world.id,
        "title": "Plan",
        "body": "Text",
        "status": "published",
        "owner_name": "owner",
        "updated_at": moment(row.updated_at),
    }
    editor = {**viewer, "review_notes": "Notes", "due_on": "2026-03-01"}
    expected = {
        "viewer": viewer,
        "editor": editor,
        "owner": {**editor, "budget": "10.00"},
        "admin": {
            "id": world.id,
            "title": "Plan",
            "status": "published",
            "owner_name": "owner",
            "created_at": moment(row.created_at),
        },
    }
    for name, payload in expected.items():
        answer = world.rest(name).get(world.url)
        assert list(answer.json().items()) == list(payload.items())


def test_bad_values_are_refused_by_name_and_keep_nothing(world: World) -> None:
    """Over the wire: among them what no database and no JSON encoder would take."""
    client = world.rest("owner")
    before = client.get(world.url).content
    for field, values in BAD.items():
        for value in values:
            body = json.dumps({"title": "Changed", field: value})
            for send, url in ((client.patch, world.url), (client.post, LIST)):
                answer = send(url, body, content_type="application/json")
                assert (answer.status_code, set(answer.json())) == (400, {field}), body[:60]
    assert client.get(world.url).content == before
    assert len(client.get(LIST).json()["results"]) == 1


@pytest.mark.parametrize(
    ("fields", "visible_to"),
    [
        ({"title": "New"}, {"owner", "editor", "viewer", "admin"}),
        ({"body": "New"}, {"owner", "editor", "viewer"}),
        ({"status": "archived"}, {"owner", "editor", "viewer", "admin"}),
        ({"review_notes": "New"}, {"owner", "editor"}),
        ({"due_on": "2026-01-01"}, {"owner", "editor"}),
        ({"budget": "5.00"}, {"owner"}),
        ({"title": "Plan"}, set()),
    ],
)
def test_change_shows_only_to_those_who_see_the_field(
    world: World, fields: dict[str, Any], visible_to: set[str]
) -> None:
    clients = {name: world.rest(name) for name in ("owner", "editor", "viewer", "admin")}
    before = {name: client.get(world.url)["ETag"] for name, client in clients.items()}
    assert clients["owner"].patch(world.url, fields).status_code == 200
    after = {name: client.get(world.url)["ETag"] for name, client in clients.items()}
    assert {name for name in clients if before[name] != after[name]} == visible_to


def test_owner_moves_over_the_orm_with_the_audience(world: World) -> None:
    Document.objects.across_tenants().filter(pk=world.document.pk).update(
        owner=world.user("member")
    )
    assert world.rest("owner").get(world.url).status_code == 404
    answer = world.rest("member").get(world.url)
    assert (answer["X-Audience"], answer.json()["owner_name"]) == ("owner", "member")


def test_renamed_owner_is_renamed_on_their_documents(world: World) -> None:
    me = world.rest("owner").get("/api/profiles/me/").json()["id"]
    known = world.rest("viewer").get(world.url)["ETag"]
    world.rest("owner").patch(f"/api/profiles/{me}/", {"display_name": "Olga"})
    answer = world.rest("viewer").get(world.url)
    assert answer.json()["owner_name"] == "Olga"
    assert answer["ETag"] != known
