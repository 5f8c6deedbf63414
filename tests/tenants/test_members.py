"""Members over REST: a tenant's admins say who is in it, and as what."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from django.core.cache import cache
from django.core.mail import EmailMessage
from django.db import connection
from django.db.utils import IntegrityError
from pytest_django import Settings
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection

from permissions import grants, holdings
from permissions.grants import Subject
from resources.audiences import DOCUMENTS
from resources.models import Document, DocumentUserGrant, Profile
from tenants import mail, members, opaque
from tenants.members import UsernameTaken
from tenants.models import Membership, Role, User
from tests.client import connect, in_thread, subscribed
from tests.conftest import StartServer
from tests.test_processes import receive, subscribe
from tests.world import World

MEMBERS = "/api/members/"
Letters = list[EmailMessage]
NOT_FOUND = {"detail": "Not found.", "code": "not_found"}


@pytest.fixture(autouse=True)
def uncounted() -> None:
    """No test inherits the counts of another's throttles."""
    cache.clear()


def place(world: World, username: str, tenant: str = "acme") -> Membership:
    return Membership.objects.get(tenant=world.tenants[tenant], user=world.user(username))


def url(world: World, username: str, tenant: str = "acme") -> str:
    return f"{MEMBERS}{opaque.encode(Membership, place(world, username, tenant).pk)}/"


def standing(world: World, tenant: str = "acme") -> dict[str, tuple[str, bool]]:
    """Everybody's role and activity."""
    rows = Membership.objects.filter(tenant=world.tenants[tenant])
    return {m.user.username: (m.role, m.is_active) for m in rows.select_related("user")}


def make_admin(world: World, username: str) -> None:
    Membership.objects.filter(pk=place(world, username).pk).update(role=Role.ADMIN)


def test_members_are_listed_by_username_and_page(world: World) -> None:
    Membership.objects.filter(pk=place(world, "viewer").pk).update(is_active=False)
    answer = world.rest("admin").get(MEMBERS)
    body = answer.json()
    assert (body["count"], body["next"], body["previous"]) == (6, None, None)
    assert body["results"] == [
        {
            "id": opaque.encode(Membership, place(world, name).pk),
            "user": world.user_id(name),
            "username": name,
            "role": "admin" if name == "admin" else "member",
            "is_active": name != "viewer",
        }
        for name in ("admin", "both", "editor", "member", "owner", "viewer")
    ]
    assert answer["Cache-Control"] == "private, no-store"
    page = world.rest("admin").get(f"{MEMBERS}?page_size=4&page=2").json()
    assert [member["username"] for member in page["results"]] == ["owner", "viewer"]


def calls(world: World) -> list[tuple[str, str, Any]]:
    return [
        ("get", MEMBERS, None),
        ("post", MEMBERS, {"username": "rival"}),
        ("patch", url(world, "viewer"), {"role": "admin"}),
        ("delete", url(world, "viewer"), None),
    ]


def test_only_admins_of_the_tenant_manage_members(world: World) -> None:
    before = standing(world)
    denied = {"detail": "You do not have permission to perform this action."}
    for username in ("owner", "member", "both"):
        for method, path, body in calls(world):
            answer = getattr(world.rest(username), method)(path, body)
            assert (answer.status_code, answer.json()) == (
                403,
                {**denied, "code": "permission_denied"},
            )
    answers = [getattr(world.rest("rival"), m)(path, body) for m, path, body in calls(world)]
    assert {(a.status_code, a.json()["code"]) for a in answers} == {(403, "tenant_forbidden")}
    assert standing(world) == before


@pytest.mark.parametrize("method", ["patch", "delete"])
def test_member_of_another_tenant_is_absent(world: World, method: str) -> None:
    ids = [
        opaque.encode(Membership, place(world, "viewer").pk),
        opaque.encode(Membership, 10**9),
        str(place(world, "rival", "globex").pk),
        "unknown",
        "%00",
        "x" * 3000,
    ]
    client = world.rest("rival", "globex")
    answers = [getattr(client, method)(f"{MEMBERS}{id}/", {"role": "admin"}) for id in ids]
    assert {(a.status_code, a.content) for a in answers} == {
        (404, json.dumps(NOT_FOUND, separators=(",", ":")).encode())
    }
    assert standing(world)["viewer"] == ("member", True)


@pytest.mark.parametrize(
    ("method", "wrong"), [("put", False), ("patch", False), ("get", True), ("put", True)]
)
def test_other_methods_are_not_allowed(world: World, method: str, wrong: bool) -> None:
    path = url(world, "viewer") if wrong else MEMBERS
    answer = getattr(world.rest("admin"), method)(path, {})
    assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed")


# Adding


def test_existing_user_is_added_by_his_name_and_told(world: World, mailoutbox: Letters) -> None:
    answer = world.rest("admin").post(MEMBERS, {"username": "rival", "role": "admin"})
    assert answer.status_code == 201
    assert answer.json() == {
        "id": opaque.encode(Membership, place(world, "rival").pk),
        "user": world.user_id("rival"),
        "username": "rival",
        "role": "admin",
        "is_active": True,
    }
    mail.flush()
    [letter] = mailoutbox
    assert letter.to == ["rival@example.com"]
    assert "Acme" in letter.subject
    assert "password" not in letter.body
    assert world.rest("rival").get("/api/members/").status_code == 200


def test_added_user_is_known_by_his_name_only(world: World) -> None:
    """Else any tenant's admin could read the name and e-mail of anybody whose username he knows."""
    User.objects.filter(username="rival").update(first_name="Rita", last_name="Val")
    world.rest("admin").post(MEMBERS, {"username": "rival"})
    profile = world.profile("rival")
    assert (profile.display_name, profile.email) == ("rival", "")
    assert "example.com" not in world.rest("admin").get(MEMBERS).content.decode()


def test_user_without_an_email_is_added_too(world: World, mailoutbox: Letters) -> None:
    User.objects.create_user("silent")
    assert world.rest("admin").post(MEMBERS, {"username": "silent"}).status_code == 201
    mail.flush()
    assert mailoutbox == []


def test_new_user_gets_a_link_that_sets_his_password_once(
    world: World, mailoutbox: Letters, settings: Settings
) -> None:
    settings.PASSWORD_LINK = "https://app.example/set?user={user}&token={token}"
    body = {"username": "newcomer", "email": "new@example.com"}
    answer = world.rest("admin").post(MEMBERS, body)
    assert answer.status_code == 201
    assert set(answer.json()) == {"id", "user", "username", "role", "is_active"}
    assert answer.json()["role"] == "member"
    mail.flush()
    [letter] = mailoutbox
    assert letter.to == ["new@example.com"]
    found = re.search(r"https://app\.example/set\?user=(\w+)&token=(\S+)", str(letter.body))
    assert found
    user, token = found.groups()
    assert user == answer.json()["user"]
    new = {"user": user, "token": token, "new": "a long enough phrase"}
    assert world.rest("viewer").post("/api/password/confirm/", new).status_code == 204
    assert world.rest("viewer").post("/api/password/confirm/", new).status_code == 400
    login = {"username": "newcomer", "password": "a long enough phrase"}
    assert world.rest("viewer").post("/api/login/", login).status_code == 200
    profile = Profile.objects.get(tenant=world.tenants["acme"], user__username="newcomer")
    assert profile.email == "new@example.com"


def test_name_that_is_taken_is_a_conflict_and_brings_nobody_in(
    world: World, mailoutbox: Letters
) -> None:
    """Who means a new person must not let in another one, who happens to have the name."""
    client, before = world.rest("admin"), standing(world)
    User.objects.create_user("asleep", is_active=False)
    for username, code in [
        ("rival", "username_taken"),
        ("asleep", "username_taken"),
        ("viewer", "already_member"),
    ]:
        answer = client.post(MEMBERS, {"username": username, "email": "x@example.com"})
        assert (answer.status_code, answer.json()["code"]) == (409, code)
    mail.flush()
    assert (standing(world), mailoutbox) == (before, [])


def test_member_again_is_a_conflict(world: World) -> None:
    Membership.objects.filter(pk=place(world, "viewer").pk).update(is_active=False)
    for username in ("viewer", "editor"):
        answer = world.rest("admin").post(MEMBERS, {"username": username, "role": "admin"})
        assert (answer.status_code, answer.json()["code"]) == (409, "already_member")
    assert standing(world)["viewer"] == ("member", False)


@pytest.mark.parametrize("username", ["nobody", "Rival", "asleep"])
def test_unknown_user_cannot_be_added(world: World, username: str) -> None:
    User.objects.create_user("asleep", is_active=False)
    answer = world.rest("admin").post(MEMBERS, {"username": username})
    assert (answer.status_code, answer.json()) == (
        400,
        {"username": ["There is no such user."]},
    )


WRONG: list[tuple[Any, set[str]]] = [
    ({}, {"username"}),
    ({"username": ""}, {"username"}),
    ({"username": 5}, {"username"}),
    ({"username": None}, {"username"}),
    ({"username": "a b", "email": "a@example.com"}, {"username"}),
    ({"username": "x" * 151, "email": "a@example.com"}, {"username"}),
    ({"username": "new\0"}, {"username"}),
    ({"username": "new", "email": "nowhere"}, {"email"}),
    ({"username": "new", "email": ""}, {"email"}),
    ({"username": "new", "email": None}, {"email"}),
    ({"username": "rival", "role": "owner"}, {"role"}),
    ({"username": "rival", "role": None}, {"role"}),
    ({"username": "rival", "role": ["admin"]}, {"role"}),
    ({"username": "rival", "is_active": False}, {"is_active"}),
    ({"username": "rival", "tenant": "globex"}, {"tenant"}),
    ([], {"non_field_errors"}),
]


def test_wrong_new_member_is_refused_by_name(world: World) -> None:
    client, before = world.rest("admin"), standing(world)
    for body, wrong in WRONG:
        answer = client.post(MEMBERS, body)
        assert (answer.status_code, set(answer.json())) == (400, wrong), body
    assert standing(world) == before
    assert not User.objects.filter(username__startswith="new").exists()


def test_admins_of_a_tenant_add_so_many_a_minute(world: World, settings: Settings) -> None:
    settings.EARSHOT = settings.EARSHOT | {"invitations_per_minute": 2}
    client = world.rest("admin")
    codes = [client.post(MEMBERS, {"username": "nobody"}).status_code for _ in range(3)]
    assert codes == [400, 400, 429]
    assert world.rest("rival", "globex").post(MEMBERS, {"username": "x"}).status_code == 400


def at_once(*works: Callable[[], Any]) -> list[Any]:
    """Run these in threads that begin together."""
    barrier = Barrier(len(works))

    def run(work: Callable[[], Any]) -> Any:
        barrier.wait(10)
        try:
            return work()
        finally:
            connection.close()

    with ThreadPoolExecutor(len(works)) as pool:
        return [future.result(30) for future in [pool.submit(run, work) for work in works]]


def test_member_created_twice_at_once_is_created_once(world: World, mailoutbox: Letters) -> None:
    client = world.rest("admin")
    body = {"username": "newcomer", "email": "new@example.com"}
    answers = at_once(*[lambda: client.post(MEMBERS, body)] * 3)
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409]
    assert {a.json().get("code", "") for a in answers} == {"", "already_member"}
    mail.flush()
    assert len(mailoutbox) == 1
    assert Profile.objects.filter(tenant=world.tenants["acme"]).count() == 7


def test_name_that_two_tenants_take_at_once_is_one_persons(world: World) -> None:
    body = {"username": "newcomer", "email": "new@example.com"}
    clients = [world.rest("admin"), world.rest("rival", "globex")]
    answers = at_once(*(lambda c=c: c.post(MEMBERS, body) for c in clients))
    assert sorted(answer.status_code for answer in answers) == [201, 409]
    assert {a.json().get("code", "") for a in answers} == {"", "username_taken"}
    assert Membership.objects.filter(user__username="newcomer").count() == 1


def test_name_that_is_taken_between_look_and_creation_leaves_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    create = User.objects.create_user

    def late(username: str, email: str) -> User:
        create(username)
        return create(username, email)

    monkeypatch.setattr(User.objects, "create_user", late)
    before = standing(world)
    with pytest.raises(UsernameTaken) as raised:
        members.invite(place(world, "admin"), "newcomer", "new@example.com", Role.MEMBER)
    assert isinstance(raised.value.__cause__, IntegrityError)
    assert standing(world) == before
    assert not User.objects.filter(username="newcomer").exists()


def test_member_whom_the_operator_adds_at_once_is_a_conflict(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Django's admin and scripts wait for no turn."""
    monkeypatch.setattr(members, "_check_new", lambda *_: None)
    answer = world.rest("admin").post(MEMBERS, {"username": "viewer"})
    assert (answer.status_code, answer.json()["code"]) == (409, "already_member")


# Changing


@pytest.mark.parametrize(
    ("body", "after"),
    [
        ({}, ("member", True)),
        ({"role": "admin"}, ("admin", True)),
        ({"role": "member", "is_active": True}, ("member", True)),
        ({"is_active": False}, ("member", False)),
        ({"role": "admin", "is_active": False}, ("admin", False)),
    ],
)
def test_admin_changes_a_member(world: World, body: Any, after: tuple[str, bool]) -> None:
    answer = world.rest("admin").patch(url(world, "viewer"), body)
    assert answer.status_code == 200
    assert answer.json() == {
        "id": opaque.encode(Membership, place(world, "viewer").pk),
        "user": world.user_id("viewer"),
        "username": "viewer",
        "role": after[0],
        "is_active": after[1],
    }
    assert standing(world)["viewer"] == after


@pytest.mark.parametrize(
    ("body", "wrong"),
    [
        ({"role": "owner"}, {"role"}),
        ({"role": ""}, {"role"}),
        ({"role": 5}, {"role"}),
        ({"is_active": "yes"}, {"is_active"}),
        ({"is_active": 0}, {"is_active"}),
        ({"is_active": None}, {"is_active"}),
        ({"username": "other"}, {"username"}),
        ({"id": "x", "user": "y"}, {"id", "user"}),
        ([], {"non_field_errors"}),
    ],
)
def test_wrong_change_is_refused_by_name(world: World, body: Any, wrong: set[str]) -> None:
    answer = world.rest("admin").patch(url(world, "viewer"), body)
    assert (answer.status_code, set(answer.json())) == (400, wrong)
    assert standing(world)["viewer"] == ("member", True)


def drop_admin(world: World) -> list[Any]:
    client, path = world.rest("admin"), url(world, "admin")
    return [
        client.patch(path, {"role": "member"}),
        client.patch(path, {"is_active": False}),
        client.delete(path),
        client.delete(f"{path}?transfer_to={world.user_id('owner')}"),
    ]


@pytest.mark.parametrize("others", ["none", "inactive member", "inactive user", "elsewhere"])
def test_last_active_admin_stays(world: World, others: str) -> None:
    if others == "elsewhere":
        Membership.objects.filter(pk=place(world, "both", "globex").pk).update(role=Role.ADMIN)
    elif others != "none":
        make_admin(world, "viewer")
        Membership.objects.filter(pk=place(world, "viewer").pk).update(
            is_active=others == "inactive user"
        )
        User.objects.filter(username="viewer").update(is_active=others == "inactive member")
    answers = drop_admin(world)
    assert {(a.status_code, a.json()["code"]) for a in answers} == {(409, "last_admin")}
    assert standing(world)["admin"] == ("admin", True)


def test_admin_may_go_when_there_is_another(world: World) -> None:
    make_admin(world, "viewer")
    assert world.rest("admin").patch(url(world, "admin"), {"role": "member"}).status_code == 200
    assert world.rest("admin").get(MEMBERS).status_code == 403
    answer = world.rest("viewer").delete(url(world, "viewer"))
    assert (answer.status_code, answer.json()["code"]) == (409, "last_admin")
    assert world.rest("viewer").delete(url(world, "admin")).status_code == 204


def test_inactive_admin_may_be_demoted(world: World) -> None:
    make_admin(world, "viewer")
    Membership.objects.filter(pk=place(world, "viewer").pk).update(is_active=False)
    assert world.rest("admin").patch(url(world, "viewer"), {"role": "member"}).status_code == 200


def test_two_admins_who_demote_each_other_at_once_leave_one(world: World) -> None:
    make_admin(world, "viewer")
    one, two = world.rest("admin"), world.rest("viewer")
    paths = url(world, "viewer"), url(world, "admin")
    answers = at_once(
        lambda: one.patch(paths[0], {"role": "member"}),
        lambda: two.patch(paths[1], {"role": "member"}),
    )
    # Whoever comes so late that he is refused at the door gets 403.
    codes = sorted(answer.status_code for answer in answers)
    assert codes in ([200, 403], [200, 409])
    assert [role for role, _ in standing(world).values()].count("admin") == 1


def test_admin_demoted_while_he_waits_for_his_turn_changes_nothing(world: World) -> None:
    """He was let in as an admin, and was none any more when his turn came."""
    make_admin(world, "viewer")
    was = place(world, "admin")
    Membership.objects.filter(pk=was.pk).update(role=Role.MEMBER)
    viewer, member = (opaque.encode(Membership, place(world, n).pk) for n in ("viewer", "member"))
    with pytest.raises(members.LastAdmin):
        members.change(was, viewer, role=Role.MEMBER)
    refused: list[Callable[[], object]] = [
        lambda: members.change(was, member, role=Role.ADMIN),
        lambda: members.remove(was, member, None),
        lambda: members.add(was, "rival", Role.ADMIN),
        lambda: members.invite(was, "newcomer", "new@example.com", Role.ADMIN),
    ]
    for attempt in refused:
        with pytest.raises(members.PermissionDenied):
            attempt()
    assert standing(world)["member"] == ("member", True)
    assert set(standing(world)) == {"admin", "both", "editor", "member", "owner", "viewer"}


# Removing


def test_removed_member_is_gone_with_his_profile_and_his_grants(world: World) -> None:
    world.grant("editor", "editor", world.create())
    assert world.rest("admin").delete(url(world, "editor")).status_code == 204
    assert "editor" not in standing(world)
    assert not Profile.objects.filter(tenant=world.tenants["acme"], user__username="editor")
    assert not DocumentUserGrant.objects.filter(user__username="editor").exists()
    world.rest("admin").post(MEMBERS, {"username": "editor"})
    assert world.rest("editor").get(world.url).status_code == 404


def test_removal_leaves_the_other_tenant_alone(world: World) -> None:
    theirs = world.create("globex", "both")
    assert world.rest("admin").delete(url(world, "both")).status_code == 204
    assert world.rest("both", "globex").get("/api/documents/").json()["count"] == 1
    theirs.refresh_from_db()
    assert theirs.owner == world.user("both")


def test_owner_is_not_removed_without_an_heir(world: World) -> None:
    for query in ("", "?transfer_to="):
        answer = world.rest("admin").delete(url(world, "owner") + query)
        assert (answer.status_code, answer.json()["code"]) == (409, "still_holds")
    assert standing(world)["owner"] == ("member", True)
    assert world.rest("owner").get(world.url)["X-Audience"] == "owner"


@pytest.mark.parametrize("heir", ["rival", "owner", "suspended", "asleep", "membership", "?", "\0"])
def test_heir_is_another_active_member(world: World, heir: str) -> None:
    Membership.objects.create(
        tenant=world.tenants["acme"], user=world.user("suspended"), is_active=False
    )
    Membership.objects.create(tenant=world.tenants["acme"], user=world.user("asleep"))
    User.objects.filter(username="asleep").update(is_active=False)
    known = {"membership": opaque.encode(Membership, place(world, "editor").pk), "?": "?"}
    text = known.get(heir) or ("%00" if heir == "\0" else world.user_id(heir))
    answer = world.rest("admin").delete(f"{url(world, 'owner')}?transfer_to={text}")
    assert (answer.status_code, answer.json()) == (
        400,
        {"transfer_to": ["No other active member has this id."]},
    )
    assert standing(world)["owner"] == ("member", True)


def test_heir_gets_what_the_removed_one_owned(world: World) -> None:
    other, foreign = world.create(), world.create("globex", "owner")
    path = f"{url(world, 'owner')}?transfer_to={world.user_id('viewer')}"
    assert world.rest("admin").delete(path).status_code == 204
    for document in (world.document, other):
        document.refresh_from_db()
        assert document.owner == world.user("viewer")
    assert world.rest("viewer").get(world.url)["X-Audience"] == "owner"
    assert not DocumentUserGrant.objects.filter(
        user=world.user("owner"), content_object__tenant=world.tenants["acme"]
    ).exists()
    foreign.refresh_from_db()
    assert foreign.owner == world.user("owner")


def test_heir_is_not_needed_for_what_another_owns_too(world: World) -> None:
    """Who owns by a grant is named by no field, and his going leaves the others."""
    world.grant("editor", "owner")
    assert world.rest("admin").delete(url(world, "editor")).status_code == 204


def test_last_owner_by_a_grant_needs_an_heir_too(world: World) -> None:
    world.grant("editor", "owner")
    world.revoke("owner")
    answer = world.rest("admin").delete(url(world, "editor"))
    assert (answer.status_code, answer.json()["code"]) == (409, "still_holds")
    path = f"{url(world, 'editor')}?transfer_to={world.user_id('viewer')}"
    assert world.rest("admin").delete(path).status_code == 204
    assert world.rest("viewer").get(world.url)["X-Audience"] == "owner"
    found = {g.subject: g for g in grants.grants_of(DOCUMENTS, world.document)}
    assert found[Subject(user_id=world.user("viewer").pk)].granted_by == world.user("admin").pk


def test_heir_loses_nothing_by_what_he_gets(world: World) -> None:
    """An audience that he held alone would be without anybody."""
    world.grant("editor", "owner")
    world.revoke("owner")
    path = f"{url(world, 'editor')}?transfer_to={world.user_id('viewer')}"
    world.rest("admin").delete(path)
    rows = DocumentUserGrant.objects.filter(user=world.user("viewer"))
    assert set(rows.values_list("permission__codename", flat=True)) == {
        "own_document",
        "view_document",
    }


def test_what_belongs_to_a_membership_is_told_by_its_keys() -> None:
    assert holdings.belongs_to_membership(Profile)
    assert not holdings.belongs_to_membership(Document)


def test_removal_that_fails_leaves_everything(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise OSError("disk")

    monkeypatch.setattr(Membership, "delete", fail)
    path = f"{url(world, 'owner')}?transfer_to={world.user_id('viewer')}"
    with pytest.raises(OSError, match="disk"):
        world.rest("admin").delete(path)
    world.document.refresh_from_db()
    assert world.document.owner == world.user("owner")
    assert world.rest("viewer").get(world.url)["X-Audience"] == "viewer"


# Live sockets


async def act(world: World, method: str, username: str, body: Any = None, query: str = "") -> None:
    """As acme's admin, over REST."""

    def call() -> int:
        path = url(world, username) + query
        status: int = getattr(world.rest("admin"), method)(path, body).status_code
        return status

    assert await in_thread(call)() in (200, 204)


async def test_demoted_admin_sees_an_admins_payload_no_more(world: World) -> None:
    await in_thread(make_admin)(world, "member")
    async with subscribed(world, "member") as member:
        await act(world, "patch", "member", {"role": "member"})
        assert (await member.receive())["type"] == "DELETE_DOCUMENT"
        await in_thread(world.write)(title="After his demotion")
        assert await member.settle() == []


async def test_promoted_member_moves_to_the_admins_audience(world: World) -> None:
    profile = await in_thread(lambda: opaque.encode(Profile, world.profile("owner").pk))()
    async with await in_thread(connect)(world, "member") as member:
        await member.subscribe(profile, "resources.profile")
        await act(world, "patch", "member", {"role": "admin"})
        moved = await member.receive()
        assert (moved["type"], moved["audience"]) == ("AUDIENCE_CHANGED", "admin")
        assert moved["payload"]["email"] == "owner@example.com"


@pytest.mark.parametrize("method", ["patch", "delete"])
async def test_deactivated_and_removed_members_are_closed(world: World, method: str) -> None:
    async with subscribed(world, "editor") as editor:
        await act(world, method, "editor", {"is_active": False} if method == "patch" else None)
        frames = await editor.settle()
        assert frames[-1] == {"close": 4403}
        assert all("payload" not in frame for frame in frames)


def until_closed(socket: ClientConnection) -> list[dict[str, Any]]:
    """The frames that still come."""
    frames = []
    while True:
        try:
            frames.append(receive(socket))
        except ConnectionClosed:
            return frames


def test_removed_member_is_closed_in_another_process(
    world: World, start_server: StartServer
) -> None:
    """By the broker where there is one, and by the server's tail where there is none."""
    server = start_server("uvicorn", EARSHOT_TAIL_SECONDS="0.1")
    with subscribe(server, world, "viewer") as viewer, subscribe(server, world, "editor") as editor:
        path = url(world, "editor")
        assert world.rest("admin").patch(path, {"is_active": False}).status_code == 200
        assert world.rest("admin").delete(url(world, "viewer")).status_code == 204
        for socket in (viewer, editor):
            assert all("payload" not in frame for frame in until_closed(socket))
            assert socket.close_code == 4403


async def test_heir_who_listens_becomes_the_owner_at_once(world: World) -> None:
    heir = f"?transfer_to={await in_thread(world.user_id)('viewer')}"
    async with subscribed(world, "viewer") as viewer, subscribed(world, "owner") as owner:
        await act(world, "delete", "owner", query=heir)
        await viewer.settle()
        assert viewer.copies["resources.document", world.id]["budget"] == "10.00"
        assert viewer.copies["resources.document", world.id]["owner_name"] == "viewer"
        assert (await owner.settle())[-1] == {"close": 4403}
