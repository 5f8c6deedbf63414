"""The operator's pages: what is done there reaches live sockets like everything else."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from knox.models import AuthToken

from permissions.grants import grants_of
from permissions.subjects import Subject
from realtime.audit import ledger
from realtime.audit.models import Access, Push
from resources.audiences import DOCUMENTS
from resources.models import Document
from tenants.models import Membership, Tenant, User
from tenants.roles import role_group
from tests.client import connect, in_thread, subscribed
from tests.realtime.audit.test_ledger import lost_process
from tests.realtime.pieces import frame
from tests.tenants.conftest import session_of
from tests.world import World

LOGIN = "/admin/login/"
TENANTS = "/admin/earshot_tenants"


def operator() -> Client:
    """A browser of the platform's operator, who is in no tenant."""
    root, _ = User.objects.get_or_create(
        username="root", defaults={"is_staff": True, "is_superuser": True}
    )
    client = Client()
    session_of(root, client)
    return client


def page(model: type[Any], obj: Any, view: str = "change") -> str:
    return reverse(f"admin:{model._meta.label_lower.replace('.', '_')}_{view}", args=[obj.pk])


def save(client: Client, url: str, **fields: Any) -> None:
    """Change these fields in the form on a page, as a browser does, and send it."""
    context = client.get(url).context
    forms = [context["adminform"].form]
    for formset in context["inline_admin_formsets"]:
        forms += [formset.formset.management_form, *formset.forms]
    data = {
        form[name].html_name: value
        for form in forms
        for name in form.fields
        if (value := form[name].value()) not in (None, False)
    }
    sent = {name: value for name, value in (data | fields).items() if value is not None}
    answer = client.post(url, sent)
    assert answer.status_code == 302, answer.context["errors"]


# Who comes in


@pytest.mark.parametrize("username", ["owner", "admin", "rival", None])
def test_admin_is_for_staff_only(world: World, username: str | None) -> None:
    client = Client()
    if username:
        session_of(world.user(username), client)
    for path in ("", "tenants/user/", "resources/document/", f"tenants/tenant/{10**6}/change/"):
        answer = client.get(f"/admin/{path}")
        assert (answer.status_code, answer["Location"]) == (
            302,
            f"{LOGIN}?next=/admin/{path}",
        )


def log_in(client: Client, password: str, username: str = "root") -> Any:
    return client.post(LOGIN, {"username": username, "password": password, "next": "/admin/"})


def test_operator_logs_in_by_password(world: World) -> None:
    User.objects.create_superuser("root", password="secret")
    client = Client()
    assert b"Please enter the correct" in log_in(client, "wrong").content
    assert b"Please enter the correct" in log_in(client, "secret", "owner").content
    assert log_in(client, "").status_code == 200
    assert log_in(client, "secret")["Location"] == "/admin/"
    assert client.get("/admin/").status_code == 200


def test_failed_logins_are_limited_as_the_apis(world: World) -> None:
    User.objects.create_superuser("root", password="secret")
    for _ in range(10):
        log_in(Client(), "wrong")
    answer = log_in(Client(), "secret")
    assert (answer.status_code, b"Too many login attempts" in answer.content) == (200, True)
    body = {"username": "root", "password": "secret"}
    assert Client().post("/api/login/", body, "application/json").status_code == 429


def test_stolen_session_of_an_operator_guesses_no_password(world: World) -> None:
    client, url = operator(), "/admin/password_change/"
    assert client.get(url).status_code == 200
    wrong = {"old_password": "x", "new_password1": "another phrase", "new_password2": "x"}
    codes = [client.post(url, wrong).status_code for _ in range(11)]
    assert codes == [200] * 10 + [429]


def test_operator_sees_every_page(world: World) -> None:
    client, group = operator(), role_group(world.tenants["acme"].pk, "member")
    document, profile = world.document, world.profile("owner")
    urls = [
        "/admin/",
        *(f"{TENANTS}/{m}/{add}" for m in ("tenant", "user", "membership") for add in ("", "add/")),
        "/admin/resources/document/",
        "/admin/resources/document/add/",
        "/admin/resources/profile/?tenant__id__exact=1",
        page(Tenant, world.tenants["acme"]),
        page(User, world.user("owner")),
        page(User, world.user("owner"), "delete"),
        page(Membership, Membership.objects.all()[0]),
        page(Document, document),
        page(Document, document, "delete"),
        page(Document, document, "permissions"),
        page(type(profile), profile),
        page(type(profile), profile, "permissions"),
        f"{page(Document, document, 'permissions')}user-manage/{world.user('viewer').pk}/",
        f"{page(Document, document, 'permissions')}group-manage/{group.pk}/",
    ]
    assert {url: client.get(url).status_code for url in urls} == dict.fromkeys(urls, 200)


def test_what_goes_with_something_else_is_not_made_or_deleted_here(world: World) -> None:
    client, profile = operator(), world.profile("owner")
    urls = [
        "/admin/resources/profile/add/",
        page(type(profile), profile, "delete"),
        page(Tenant, world.tenants["acme"], "delete"),
    ]
    assert {client.post(url, {"post": "yes"}).status_code for url in urls} == {403}


def test_operator_makes_a_tenant_with_a_first_member(world: World) -> None:
    client = operator()
    members = {f"memberships-{name}_FORMS": 0 for name in ("INITIAL", "MIN_NUM", "MAX_NUM")}
    members["memberships-TOTAL_FORMS"] = 1
    first = {"memberships-0-user": world.user("viewer").pk, "memberships-0-role": "admin"}
    tenant = {"slug": "new", "name": "New", "is_active": "on"}
    answer = client.post(
        f"{TENANTS}/tenant/add/",
        {**tenant, **members, **first, "memberships-0-is_active": "on"},
    )
    assert answer.status_code == 302
    assert world.rest("viewer", "new").get("/api/members/").json()["count"] == 1


def test_operator_makes_a_user_and_a_document(world: World) -> None:
    client = operator()
    words = {"password1": "a long enough phrase", "password2": "a long enough phrase"}
    client.post(f"{TENANTS}/user/add/", {"username": "newcomer", **words})
    user = User.objects.get(username="newcomer")
    assert user.check_password("a long enough phrase")
    fields = {"tenant": world.tenants["acme"].pk, "owner": user.pk, "title": "New"}
    answer = client.post("/admin/resources/document/add/", {**fields, "status": "draft"})
    assert answer.status_code == 302
    document = Document.objects.get(tenant=world.tenants["acme"], title="New")
    assert Subject(user_id=user.pk) in {g.subject for g in grants_of(DOCUMENTS, document)}


def test_operator_who_changes_their_own_password_stays(world: World) -> None:
    User.objects.create_superuser("root", password="secret")
    client = Client()
    log_in(client, "secret")
    words = {"new_password1": "a long enough phrase", "new_password2": "a long enough phrase"}
    answer = client.post("/admin/password_change/", {"old_password": "secret", **words})
    assert answer.status_code == 302
    assert client.get("/admin/").status_code == 200


# Live sockets


async def test_change_of_an_object_in_the_admin_is_sent(world: World) -> None:
    async with subscribed(world, "viewer") as viewer, subscribed(world, "editor") as editor:
        url = page(Document, world.document)
        await in_thread(lambda: save(operator(), url, title="By the operator"))()
        update = await viewer.receive()
        assert (update["changed"], update["payload"]["title"]) == (
            ["title", "updated_at"],
            "By the operator",
        )
        await editor.settle()
        await in_thread(lambda: save(operator(), url, review_notes="Not for viewers"))()
        assert (await editor.receive())["changed"] == ["review_notes"]
        assert await viewer.settle() == []


async def test_deactivated_user_is_closed_by_the_admin(world: World) -> None:
    async with subscribed(world, "viewer") as viewer:
        url = page(User, world.user("viewer"))
        await in_thread(lambda: save(operator(), url, is_active=None, **dates(world)))()
        assert (await viewer.settle())[-1] == {"close": 4401}


def dates(world: World) -> dict[str, str]:
    """The parts of the user form's date, which is one value in two inputs."""
    return {"date_joined_0": "2026-01-01", "date_joined_1": "12:00:00"}


async def test_password_that_the_operator_sets_ends_live_sockets(world: World) -> None:
    def set_password() -> None:
        url = reverse("admin:auth_user_password_change", args=[world.user("viewer").pk])
        words = dict.fromkeys(("password1", "password2"), "a long enough phrase")
        answer = operator().post(url, {**words, "usable_password": "true"})
        assert answer.status_code == 302

    async with subscribed(world, "viewer") as viewer:
        await in_thread(set_password)()
        assert (await viewer.settle())[-1] == {"close": 4401}


async def test_token_that_the_operator_deletes_ends_its_sockets_only(world: World) -> None:
    def delete() -> None:
        token = AuthToken.objects.get(user=world.user("viewer"))
        answer = operator().post(page(AuthToken, token, "delete"), {"post": "yes"})
        assert answer.status_code == 302

    async with subscribed(world, "viewer") as viewer, subscribed(world, "editor") as editor:
        await in_thread(delete)()
        assert (await viewer.settle())[-1] == {"close": 4401}
        assert await editor.settle() == []


async def test_membership_that_ends_in_the_admin_closes_its_sockets(world: World) -> None:
    place = await in_thread(
        lambda: Membership.objects.get(tenant=world.tenants["acme"], user=world.user("viewer"))
    )()
    async with subscribed(world, "viewer") as viewer:
        await in_thread(lambda: save(operator(), page(Membership, place), is_active=None))()
        assert (await viewer.settle())[-1] == {"close": 4403}


async def test_deleted_object_and_user_of_the_admin_end_live_sockets(world: World) -> None:
    def delete(url: str) -> None:
        assert operator().post(url, {"post": "yes"}).status_code == 302

    async with subscribed(world, "viewer") as viewer:
        await in_thread(delete)(page(Document, world.document, "delete"))
        assert (await viewer.receive())["type"] == "DELETE_DOCUMENT"
        await in_thread(delete)(page(User, world.user("viewer"), "delete"))
        assert (await viewer.settle())[-1] == {"close": 4401}


async def test_tenant_that_is_suspended_in_the_admin_closes_its_sockets(world: World) -> None:
    async with (
        subscribed(world, "viewer") as viewer,
        await in_thread(connect)(world, "rival", "globex") as rival,
    ):
        await in_thread(
            lambda: save(operator(), page(Tenant, world.tenants["acme"]), is_active=None)
        )()
        assert (await viewer.settle())[-1] == {"close": 4403}
        assert [frame["type"] for frame in await rival.settle()] == ["WELCOME"]


def test_ledger_is_only_to_be_read(world: World) -> None:
    ledger.write_pushes(world.tenants["acme"].pk, [frame(1)])
    lost_process(world)
    client = operator()
    for row in (Push.objects.get(), Access.objects.get()):
        listed = reverse(f"admin:{row._meta.label_lower.replace('.', '_')}_changelist")
        assert client.get(listed).status_code == 200
        assert client.get(page(type(row), row)).status_code == 200
        for view in ("change", "delete"):
            assert client.post(page(type(row), row, view), {"post": "yes"}).status_code == 403
        added = reverse(f"admin:{row._meta.label_lower.replace('.', '_')}_add")
        assert client.post(added, {}).status_code == 403


def test_tenant_gets_limits_of_its_own_only_if_they_make_sense(world: World) -> None:
    acme, client = world.tenants["acme"], operator()
    save(client, page(Tenant, acme), limits='{"sockets_per_user": 2}')
    acme.refresh_from_db()
    assert acme.limits == {"sockets_per_user": 2}
    with pytest.raises(AssertionError, match="is an unknown limit"):
        save(client, page(Tenant, acme), limits='{"unknown": 2}')
