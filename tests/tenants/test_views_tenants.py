"""In which tenant a request is, and which are the user's, over REST."""

from collections.abc import Callable

import pytest

from tenants.models import Membership, Tenant, User
from tenants.rest import Pagination
from tests.tenants.conftest import bearer, member
from tests.tenants.door import exclude, suspend

pytestmark = pytest.mark.django_db

FORBIDDEN = {"detail": "You are not an active member of this tenant.", "code": "tenant_forbidden"}


def test_only_tenant_need_not_be_named(owner: User) -> None:
    client = bearer(owner)
    for headers in ({}, {"X-Tenant": ""}, {"X-Tenant": "acme"}):
        assert client.get("/api/me/", headers=headers).json()["tenant"] == "acme"


def test_one_of_several_tenants_is_named(both: User) -> None:
    client = bearer(both)
    response = client.get("/api/me/")
    assert (response.status_code, response.json()["code"]) == (400, "tenant_required")
    assert client.get("/api/me/", headers={"X-Tenant": "globex"}).json()["tenant"] == "globex"


@pytest.mark.parametrize("path", ["/api/me/", "/api/tickets/"])
@pytest.mark.parametrize(
    "prepare",
    [suspend, exclude, lambda user: "globex", lambda user: "unknown", lambda user: "acme,acme"],
)
def test_tenants_that_one_is_not_in_look_the_same(
    globex: Tenant, owner: User, path: str, prepare: Callable[[User], str]
) -> None:
    client = bearer(owner)
    call = client.post if path == "/api/tickets/" else client.get
    response = call(path, headers={"X-Tenant": prepare(owner)})
    assert (response.status_code, response.json()) == (403, FORBIDDEN)


def test_superuser_is_in_no_tenant_by_being_one(acme: Tenant) -> None:
    root = User.objects.create_superuser("root", password="secret")
    response = bearer(root).get("/api/me/", headers={"X-Tenant": "acme"})
    assert (response.status_code, response.json()) == (403, FORBIDDEN)


def test_my_tenants_are_those_that_let_me_in(acme: Tenant, globex: Tenant, both: User) -> None:
    member("other", Tenant.objects.create(slug="other", name="Other"))
    both.memberships.filter(tenant=globex).update(role="admin")
    response = bearer(both).get("/api/tenants/")
    assert response.json() == {
        "count": 2,
        "next": None,
        "previous": None,
        "results": [
            {"slug": "acme", "name": "Acme", "role": "member", "state": "active"},
            {"slug": "globex", "name": "Globex", "role": "admin", "state": "active"},
        ],
    }
    assert response["Cache-Control"] == "private, no-store"
    both.memberships.filter(tenant=globex).update(is_active=False)
    suspend(both)
    assert bearer(both).get("/api/tenants/").json()["results"] == []


def test_pages_have_bounds(db: None) -> None:
    user = member("everywhere")
    tenants = Tenant.objects.bulk_create(Tenant(slug=f"t-{n:03}", name="T") for n in range(102))
    Membership.objects.bulk_create(Membership(tenant=tenant, user=user) for tenant in tenants)
    client = bearer(user)
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
    answers = {query: client.get(f"/api/tenants/?{query}") for query in table}
    lengths = {q: len(a.json()["results"]) for q, a in answers.items() if a.status_code == 200}
    assert lengths == {q: n for q, n in table.items() if n}
    assert {a.status_code for q, a in answers.items() if table[q] is None} == {404}
    first = answers["page_size=100"].json()
    assert set(first) == {"count", "next", "previous", "results"}
    assert (first["count"], first["previous"]) == (102, None)
    assert client.get(first["next"]).json() == answers["page_size=100&page=2"].json()


def test_my_tenants_come_in_pages(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Pagination, "page_size", 4)
    monkeypatch.setattr(Pagination, "max_page_size", 10)
    user = member("everywhere")
    slugs = [f"t-{n:03}" for n in range(13)]
    tenants = Tenant.objects.bulk_create(Tenant(slug=slug, name="T") for slug in slugs)
    Membership.objects.bulk_create(Membership(tenant=tenant, user=user) for tenant in tenants)
    client = bearer(user)
    assert len(client.get("/api/tenants/").json()["results"]) == 4
    page = client.get("/api/tenants/?page_size=1000").json()
    assert (page["count"], len(page["results"])) == (13, 10)
    last = client.get(page["next"]).json()
    assert [tenant["slug"] for tenant in last["results"]] == ["t-010", "t-011", "t-012"]
    missing = client.get("/api/tenants/?page=9")
    assert (missing.status_code, missing.json()["code"]) == (404, "not_found")
