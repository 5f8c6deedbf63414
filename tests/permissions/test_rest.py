"""REST's common ways, shown on documents: who gets what, etags, bodies, pages."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.db import transaction
from rest_framework.test import APIClient

from permissions.audiences import Audience
from permissions.read import read
from permissions.rest import AudienceViewSet, write_serializer
from resources.audiences import DOCUMENTS
from resources.models import Document
from tenants import opaque
from tenants.models import Membership, User
from tests.permissions.conftest import elsewhere
from tests.world import World

LIST = "/api/documents/"
NOT_FOUND = {"detail": "Not found.", "code": "not_found"}
DENIED = {
    "detail": "You do not have permission to perform this action.",
    "code": "permission_denied",
}

READERS = {"owner": "owner", "editor": "editor", "viewer": "viewer", "admin": "auditor"}
STRANGERS = ("member", "both", "root")


@pytest.fixture
def clients(world: World) -> dict[str, APIClient]:
    """Everybody in acme, `root` being a superuser."""
    root = world.user("root")
    User.objects.filter(pk=root.pk).update(is_superuser=True, is_staff=True)
    Membership.objects.create(tenant=world.tenants["acme"], user=root)
    return {name: world.rest(name) for name in (*READERS, *STRANGERS)}


def etag(response: Any) -> str:
    return str(response["ETag"])


def stored(world: World) -> dict[str, Any]:
    rows = Document.objects.across_tenants().filter(pk=world.document.pk)
    return dict(rows.values("title", "body", "budget", "version").get())


def of_other_spelling(world: World) -> str:
    """A text that decodes to the document's key, but is not its id."""
    shorter = (world.id[:length] for length in range(1, len(world.id)))
    decode = opaque._sqids("resources.document").decode
    return next(text for text in shorter if decode(text) == [world.document.pk])


# Reading


def test_everybody_gets_his_audience_or_nothing(
    world: World, clients: dict[str, APIClient]
) -> None:
    answers = {name: client.get(world.url) for name, client in clients.items()}
    assert {n: a.status_code for n, a in answers.items()} == {
        **dict.fromkeys(READERS, 200),
        **dict.fromkeys(STRANGERS, 404),
    }
    for name, audience in READERS.items():
        answer = answers[name]
        declared = DOCUMENTS.audience(audience)
        assert declared is not None
        assert answer["X-Audience"] == audience
        assert tuple(answer.json()) == declared.fields
        pair = (world.user(name).pk, world.ref)
        seen = read(world.tenants["acme"].pk, [pair]).seen[pair]
        assert seen is not None
        assert (answer.content, etag(answer)) == (seen.body, f'"{seen.etag}"')
    assert len({etag(answers[name]) for name in READERS}) == 4
    assert {n: answers[n].json() for n in STRANGERS} == dict.fromkeys(STRANGERS, NOT_FOUND)


def test_answers_are_private(world: World) -> None:
    client = world.rest("owner")
    known = etag(client.get(world.url))
    answers = [
        client.get(world.url),
        client.get(LIST),
        client.get(world.url, headers={"If-None-Match": known}),
        client.post(LIST, {"title": "New"}),
        client.patch(world.url, {"title": "Changed"}),
        client.get(f"{world.url}grants/"),
        client.get("/api/documents/unknown/"),
    ]
    assert [answer.status_code for answer in answers] == [200, 200, 304, 201, 200, 200, 404]
    for answer in answers:
        assert answer["Cache-Control"] == "private, no-store"
        assert {"Authorization", "Cookie", "X-Tenant"} <= set(answer["Vary"].split(", "))


@pytest.mark.parametrize("method", ["get", "put", "patch", "delete", "head"])
def test_whatever_cannot_be_seen_is_absent_alike(world: World, method: str) -> None:
    foreign = world.create("globex", "rival")
    Document.objects.across_tenants().filter(pk=foreign.pk).update(title="Foreign")
    member, owner = world.rest("member"), world.rest("owner")
    ids = {
        "foreign": (owner, opaque.encode(Document, foreign.pk)),
        "forbidden": (member, world.id),
        "absent": (owner, opaque.encode(Document, 10**9)),
        "of a user": (owner, world.user_id("owner")),
        "other spelling": (owner, of_other_spelling(world)),
        "integer": (owner, str(world.document.pk)),
        "huge": (owner, "9" * 400),
        "not its case": (owner, world.id.swapcase()),
        "null": (owner, "%00"),
        "no text": (owner, "%ff%ed%a0%80"),
    }
    answers = {n: getattr(c, method)(f"{LIST}{id}/", {"title": "X"}) for n, (c, id) in ids.items()}
    expected = b"" if method == "head" else json.dumps(NOT_FOUND, separators=(",", ":")).encode()
    assert {n: (a.status_code, a.content) for n, a in answers.items()} == dict.fromkeys(
        ids, (404, expected)
    )
    assert Document.objects.across_tenants().count() == 2


def test_options_tell_nothing_about_the_object(world: World) -> None:
    paths = [world.url, f"{LIST}{world.document.pk}/", f"{LIST}unknown/"]
    answers = [world.rest("member").options(path) for path in paths]
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == 1


def test_reader_who_knows_the_object_gets_no_body(world: World) -> None:
    client = world.rest("viewer")
    known = etag(client.get(world.url))
    table = {
        known: 304,
        f"W/{known}": 304,
        f'"other", {known}': 304,
        f'W/"other",W/{known}': 304,
        "*": 304,
        '"other"': 200,
        known.strip('"'): 200,
        etag(world.rest("owner").get(world.url)): 200,
        "": 200,
        "gibberish, \0": 200,
    }
    answers = {h: client.get(world.url, headers={"If-None-Match": h}) for h in table}
    assert {h: a.status_code for h, a in answers.items()} == table
    for answer in answers.values():
        assert (answer.content == b"") is (answer.status_code == 304)
        assert (etag(answer), answer["X-Audience"]) == (known, "viewer")


def test_etag_moves_only_with_what_the_audience_sees(world: World) -> None:
    client = world.rest("viewer")
    known = etag(client.get(world.url))
    world.rest("owner").patch(world.url, {"budget": "5.00", "review_notes": "secret"})
    assert client.get(world.url, headers={"If-None-Match": known}).status_code == 304
    world.rest("owner").patch(world.url, {"body": "Public"})
    assert client.get(world.url, headers={"If-None-Match": known}).status_code == 200


def test_head_has_the_headers_of_get(world: World) -> None:
    client = world.rest("editor")
    head, get = client.head(world.url), client.get(world.url)
    assert (head.status_code, head.content, etag(head)) == (200, b"", etag(get))
    assert head["X-Audience"] == "editor"


# Lists


def test_list_has_what_the_reader_sees_newest_first(
    world: World, clients: dict[str, APIClient]
) -> None:
    second = world.create(title="Second")
    world.grant("viewer", "editor", second)
    world.create("globex", "rival", title="Foreign")
    titles = {
        name: [(d["title"], len(d)) for d in client.get(LIST).json()["results"]]
        for name, client in clients.items()
    }
    assert titles == {
        "owner": [("Second", 9), ("Plan", 9)],
        "editor": [("Plan", 8)],
        "viewer": [("Second", 8), ("Plan", 6)],
        "admin": [("Second", 5), ("Plan", 5)],
        **{name: [] for name in STRANGERS},
    }
    for name, client in clients.items():
        for row in client.get(LIST).json()["results"]:
            assert client.get(f"{LIST}{row['id']}/").json() == row, name


def test_object_seen_by_several_ways_is_listed_once(world: World) -> None:
    world.grant("admin", "viewer")
    [row] = world.rest("admin").get(LIST).json()["results"]
    assert "body" in row


def test_object_lost_between_counting_and_reading_is_not_shown(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The page was chosen while the viewer still had his grant; it is taken before the read."""

    def take_then_read(*args: Any) -> Any:
        elsewhere(lambda: world.revoke("viewer"))
        return read(*args)

    monkeypatch.setattr("permissions.rest.read", take_then_read)
    assert world.rest("viewer").get(LIST).json()["results"] == []


def test_pages_have_bounds(world: World) -> None:
    Document.objects.bulk_create(
        Document(tenant=world.tenants["acme"], owner=world.user("owner"), title=str(number))
        for number in range(101)
    )
    client = world.rest("owner")
    table = {
        "": 25,
        "page_size=1": 1,
        "page_size=100": 100,
        "page_size=101": 100,
        "page_size=0": 25,
        "page_size=-1": 25,
        "page_size=x": 25,
        "page_size=" + "9" * 5000: 25,
        "page_size=99999999999999999999": 100,
        "page=5": 2,
        "page=last": 2,
        "page_size=100&page=2": 2,
        "page=6": None,
        "page=0": None,
        "page=-1": None,
        "page=x": None,
        "page=%00": None,
        "page=99999999999999999999": None,
        "page=" + "9" * 5000: None,
    }
    answers = {query: client.get(f"{LIST}?{query}") for query in table}
    lengths = {q: len(a.json()["results"]) for q, a in answers.items() if a.status_code == 200}
    assert lengths == {q: n for q, n in table.items() if n}
    assert {a.status_code for q, a in answers.items() if table[q] is None} == {404}
    first = answers["page_size=100"].json()
    assert set(first) == {"count", "next", "previous", "results"}
    assert (first["count"], first["previous"]) == (102, None)
    assert client.get(first["next"]).json() == answers["page_size=100&page=2"].json()


# Writing


def test_each_may_do_what_his_audience_may(world: World, clients: dict[str, APIClient]) -> None:
    calls: dict[str, Callable[[APIClient], Any]] = {
        "put": lambda c: c.put(world.url, {"title": "Put"}),
        "patch": lambda c: c.patch(world.url, {"title": "Patched"}),
        "unknown": lambda c: c.patch(world.url, {"no": 1}),
        "delete": lambda c: c.delete(world.url),
    }
    order = [*STRANGERS, "admin", "viewer", "editor", "owner"]
    got = {n: tuple(call(clients[n]).status_code for call in calls.values()) for n in order}
    assert got == {
        **dict.fromkeys(STRANGERS, (404, 404, 404, 404)),
        "admin": (403, 403, 403, 403),
        "viewer": (403, 403, 403, 403),
        "editor": (200, 200, 400, 403),
        "owner": (200, 200, 400, 204),
    }
    assert clients["owner"].get(world.url).status_code == 404


def test_refusal_has_a_code(world: World) -> None:
    answer = world.rest("viewer").patch(world.url, {"title": "X"})
    assert (answer.status_code, answer.json()) == (403, DENIED)
    assert stored(world)["title"] == "Plan"


def test_write_is_answered_as_the_next_read(world: World) -> None:
    client = world.rest("editor")
    for write, body in [
        (client.patch, {"title": "Patched", "due_on": "2026-05-01"}),
        (client.put, {"title": "Put", "body": "New"}),
        (client.patch, {}),
    ]:
        answer = write(world.url, body)
        read = client.get(world.url)
        assert answer.status_code == 200
        assert (answer.content, etag(answer)) == (read.content, etag(read))
        assert answer["X-Audience"] == "editor"


def test_payload_may_be_put_back_and_changes_nothing(world: World) -> None:
    for name in ("owner", "editor"):
        client, before = world.rest(name), stored(world)
        payload = client.get(world.url)
        answer = client.put(world.url, payload.json())
        assert (answer.status_code, etag(answer)) == (200, etag(payload))
        assert stored(world) == before


def test_put_ignores_what_may_only_be_read(world: World) -> None:
    read_only = {"id": "x", "owner_name": 5, "updated_at": None}
    answer = world.rest("owner").put(world.url, {"title": "Put", **read_only})
    assert answer.status_code == 200
    assert answer.json()["id"] == world.id
    assert answer.json()["owner_name"] == "owner"


CLOSED = [
    *((name, field) for name in ("owner", "editor") for field in ("id", "owner_name")),
    ("owner", "updated_at"),
    ("owner", "created_at"),
    ("owner", "version"),
    ("owner", "owner"),
    ("owner", "tenant"),
    ("owner", "pk"),
    ("owner", ""),
    ("owner", "\0"),
    ("owner", "\ud800"),
    ("editor", "budget"),
]


def test_patch_names_the_field_that_may_not_be_written(world: World) -> None:
    before = stored(world)
    for name, field in CLOSED:
        body = json.dumps({"title": "Changed", field: "x"})
        answer = world.rest(name).patch(world.url, body, content_type="application/json")
        assert (answer.status_code, set(answer.json())) == (400, {field})
    assert stored(world) == before


@pytest.mark.parametrize("field", ["created_at", "version", "owner", "tenant", "\ud800"])
def test_put_and_post_name_unknown_fields(world: World, field: str) -> None:
    client = world.rest("owner")
    body = json.dumps({"title": "Changed", field: "x"})
    for answer in (
        client.put(world.url, body, content_type="application/json"),
        client.post(LIST, body, content_type="application/json"),
    ):
        assert (answer.status_code, set(answer.json())) == (400, {field})


NO_OBJECTS = [
    ("[]", {"non_field_errors"}),
    ('[{"title": "X"}]', {"non_field_errors"}),
    ('"title"', {"non_field_errors"}),
    ("5", {"non_field_errors"}),
    ("true", {"non_field_errors"}),
    ("null", {"non_field_errors"}),
    ("{", {"detail", "code"}),
    ("NaN", {"detail", "code"}),
    ('{"title": Infinity}', {"detail", "code"}),
    ("\0", {"detail", "code"}),
    ("[" * 100_000, {"detail", "code"}),
    ("9" * 100_000, {"detail", "code"}),
]


def test_body_that_is_no_object_is_refused(world: World) -> None:
    client = world.rest("owner")
    for body, wrong in NO_OBJECTS:
        for send, url in ((client.patch, world.url), (client.put, world.url), (client.post, LIST)):
            answer = send(url, body, content_type="application/json")
            assert (answer.status_code, set(answer.json())) == (400, wrong), body[:60]


def test_no_body_is_an_object_without_fields(world: World) -> None:
    client = world.rest("owner")
    assert client.patch(world.url, "", content_type="application/json").status_code == 200
    for answer in (
        client.put(world.url, "", content_type="application/json"),
        client.post(LIST, "", content_type="application/json"),
    ):
        assert (answer.status_code, set(answer.json())) == (400, {"title"})


def test_only_json_is_taken(world: World) -> None:
    answer = world.rest("owner").post(LIST, {"title": "X"}, format="multipart")
    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type")


@pytest.mark.parametrize("method", ["put", "patch", "delete"])
def test_stale_write_is_refused(world: World, method: str) -> None:
    client = world.rest("owner")
    known = etag(client.get(world.url))

    def write(condition: str) -> int:
        headers = {"If-Match": condition}
        answer = getattr(client, method)(world.url, {"title": "Plan"}, headers=headers)
        if answer.status_code == 412:
            assert answer.json()["code"] == "precondition_failed"
        return int(answer.status_code)

    done = 204 if method == "delete" else 200
    stale = {
        '"other"': 412,
        f"W/{known}": 412,
        f'W/"other", W/{known}': 412,
        known.strip('"'): 412,
        etag(world.rest("viewer").get(world.url)): 412,
        "": 412,
        "gibberish": 412,
    }
    assert {condition: write(condition) for condition in stale} == stale
    good = ["*", known, f'"other", {known}']
    if method == "delete":
        good = good[1:2]
    assert [write(condition) for condition in good] == [done] * len(good)


def test_condition_is_checked_before_the_body_and_after_the_right(world: World) -> None:
    headers = {"If-Match": '"other"'}
    assert world.rest("owner").patch(world.url, {"no": 1}, headers=headers).status_code == 412
    assert world.rest("viewer").patch(world.url, {}, headers=headers).status_code == 403
    assert world.rest("member").patch(world.url, {}, headers=headers).status_code == 404
    assert world.rest("owner").delete(f"{LIST}x/", headers={"If-Match": "*"}).status_code == 404


def test_own_write_gives_the_etag_for_the_next(world: World) -> None:
    client = world.rest("owner")
    first = client.patch(world.url, {"title": "One"})
    second = client.patch(world.url, {"title": "Two"}, headers={"If-Match": etag(first)})
    third = client.patch(world.url, {"title": "Three"}, headers={"If-Match": etag(first)})
    assert [a.status_code for a in (first, second, third)] == [200, 200, 412]
    assert stored(world)["title"] == "Two"


# Creating


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


def test_nobody_without_a_credential_or_a_place_gets_in(world: World) -> None:
    table = [
        (APIClient(), 401, "not_authenticated"),
        (world.rest("both", ""), 400, "tenant_required"),
        (world.rest("rival"), 403, "tenant_forbidden"),
        (world.rest("owner", "globex"), 403, "tenant_forbidden"),
    ]
    for client, code, name in table:
        for call in (client.get, client.patch, client.delete):
            answer = call(world.url)
            assert (answer.status_code, answer.json()["code"]) == (code, name)


def test_writer_may_write_nothing_that_its_audience_may_not() -> None:
    editor: Audience = DOCUMENTS.audiences[1]
    serializer: Any = write_serializer(editor)()
    fields = serializer.fields
    assert {n for n, f in fields.items() if not f.read_only} == set(editor.writes)


def test_schema_documents_the_widest_payload() -> None:
    schema = APIClient().get("/api/schema/", headers={"Accept": "application/json"}).json()
    read = schema["paths"]["/api/documents/{id}/"]["get"]["responses"]["200"]
    name = read["content"]["application/json"]["schema"]["$ref"].split("/")[-1]
    properties = schema["components"]["schemas"][name]["properties"]
    assert tuple(properties) == DOCUMENTS.audiences[0].fields


@pytest.mark.parametrize("method", ["patch", "delete"])
def test_object_that_goes_between_decision_and_lock_is_absent(
    world: World, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    decide = AudienceViewSet.audience_of

    def decide_and_lose(view: AudienceViewSet, pk: str) -> Any:
        audience = decide(view, pk)
        world.document.delete()
        return audience

    monkeypatch.setattr(AudienceViewSet, "audience_of", decide_and_lose)
    answer = getattr(world.rest("owner"), method)(world.url, {"title": "New"}, format="json")
    assert answer.status_code == 404


@pytest.mark.parametrize("method", ["put", "patch", "delete"])
def test_writer_who_waits_for_the_lock_gets_nothing_that_was_written_after_his_loss(
    world: World, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    """He may write when he is asked; then somebody takes that, writes, and lets go of the lock."""
    lock = AudienceViewSet.locked

    def lose_and_lock(self: AudienceViewSet, pk: str) -> Any:
        with transaction.atomic():
            world.grant("both", "owner")
            world.revoke("owner")
            world.write(body="Written after the loss")
        return lock(self, pk)

    rest = world.rest("owner")
    monkeypatch.setattr(AudienceViewSet, "locked", lose_and_lock)
    answer = getattr(rest, method)(world.url, {"title": "Late"}, format="json")
    assert (answer.status_code, answer.json()) == (404, NOT_FOUND)
    assert stored(world)["title"] == "Plan"


def test_grant_that_waits_for_the_lock_is_not_made_after_its_makers_loss(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = AudienceViewSet.locked

    def lose_and_lock(self: AudienceViewSet, pk: str) -> Any:
        world.grant("both", "owner")
        world.grant("owner", "editor")
        return lock(self, pk)

    rest, url = world.rest("owner"), f"{world.url}grants/user:{world.user_id('member')}/"
    monkeypatch.setattr(AudienceViewSet, "locked", lose_and_lock)
    answer = rest.put(url, {"audience": "owner"}, format="json")
    assert (answer.status_code, answer.json()) == (403, DENIED)
