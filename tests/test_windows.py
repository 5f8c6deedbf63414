"""Promise 2 for windows: at rest, a window is the beginning of the list GET of the same user."""

from __future__ import annotations

import pytest

from permissions.models import AccessChange
from realtime.hub import reading
from tenants.models import Membership, Role
from tests.client import in_thread, quiet
from tests.gates import GatedReads, HeldJoins, HeldMessages, later, rounds_of, this_hub
from tests.unshowable import BAD, failing
from tests.windows import DOCUMENT, Open, Windows, id_of, kinds
from tests.world import World

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("by_hand")]


async def test_window_follows_creations_grants_losses_and_deletions(
    world: World, enter: Open
) -> None:
    w = await enter("viewer")
    answer = await w.open()
    assert answer == {
        "type": "SUBSCRIBED", "model": DOCUMENT, "window": "w", "more": False, "cursor": None,
        "ref": "open w",
    }  # fmt: skip
    await w.check()
    await in_thread(world.write)(title="New")
    assert kinds(await w.socket.settle()) == ["UPDATE_DOCUMENT"]
    other = await in_thread(world.create)()
    assert await w.socket.settle() == []
    await in_thread(world.grant)("viewer", "editor", other)
    assert kinds(await w.socket.settle()) == ["ENTERED"]
    await w.check()
    await in_thread(world.revoke)("viewer", other)
    assert await w.socket.settle() == [
        {"type": "LEFT", "model": DOCUMENT, "id": id_of(other), "window": "w"}
    ]
    mine = await in_thread(world.create)(owner="viewer")
    assert kinds(await w.socket.settle()) == ["ENTERED"]
    await w.check()
    await in_thread(mine.delete)()
    assert kinds(await w.socket.settle()) == ["LEFT"]
    await w.check()


async def test_entered_has_the_place_and_the_payload_of_the_readers_audience(
    world: World, enter: Open
) -> None:
    w = await enter("viewer")
    await w.open()
    first = w.rows["w"][0]
    mine = await in_thread(world.create)(owner="viewer")
    (frame,) = await w.socket.settle()
    assert list(frame) == ["type", "model", "id", "audience", "etag", "payload", "window", "before"]
    assert (frame["id"], frame["audience"], frame["before"]) == (id_of(mine), "owner", first)


async def test_role_change_moves_all_that_the_role_gave(world: World, enter: Open) -> None:
    await in_thread(world.create)()
    w = await enter("admin")
    await w.open()
    assert len(w.rows["w"]) == 2
    change = Membership.objects.filter(user=world.user("admin"), tenant=world.tenants["acme"])
    await in_thread(change.update)(role=Role.MEMBER)
    assert kinds(await w.socket.settle()) == ["LEFT", "LEFT"]
    await w.check()
    await in_thread(change.update)(role=Role.ADMIN)
    assert kinds(await w.socket.settle()) == ["ENTERED", "ENTERED"]
    await w.check()


async def test_filter_lets_in_and_out_what_its_readers_see(world: World, enter: Open) -> None:
    w = await enter("viewer")
    await w.open(where={"status": "draft"})
    await w.check(status=["draft"])
    await in_thread(world.write)(status="published")
    assert kinds(await w.socket.settle()) == ["LEFT"]
    await in_thread(world.write)(title="Still published")
    assert await w.socket.settle() == []
    await in_thread(world.write)(status="draft")
    assert kinds(await w.socket.settle()) == ["ENTERED"]
    await w.check(status=["draft"])


async def test_window_is_cut_and_refilled(world: World, enter: Open) -> None:
    w = await enter("owner")
    await w.open(limit=2)
    documents = [await in_thread(world.create)(title=str(n)) for n in range(4)]
    await w.socket.settle()
    await w.check(limit=2)
    assert w.rows["w"] == [id_of(d) for d in (documents[3], documents[2])]
    assert w.more["w"]
    for document in documents[2:]:
        await in_thread(document.delete)()
        await w.socket.settle()
        await w.check(limit=2)
    assert w.rows["w"] == [id_of(d) for d in (documents[1], documents[0])]


async def test_many_that_come_at_once_are_read_as_a_list(world: World, enter: Open) -> None:
    w = await enter("owner")
    await w.open(limit=2)
    gate = GatedReads(rounds_of(world)).hold(reading.read_round)
    await in_thread(world.grant)("viewer", "editor")
    for _ in range(5):
        await in_thread(world.create)()
    await gate.entered()
    gate.open()
    await w.socket.settle()
    await w.check(limit=2)


async def test_older_pages_are_windows_after_a_cursor(world: World, enter: Open) -> None:
    for _ in range(3):
        await in_thread(world.create)()
    w = await enter("owner")
    first = await w.open("first", limit=2)
    await w.open("second", limit=2, after=first["cursor"])
    assert len(w.rows["second"]) == 2
    assert not set(w.rows["first"]) & set(w.rows["second"])
    await in_thread(world.create)()
    await w.socket.settle()
    await w.check("first", limit=2)
    assert len(w.rows["second"]) == 2


async def test_list_and_window_send_nothing_twice(world: World, enter: Open) -> None:
    other = await in_thread(world.create)()
    rest = await in_thread(world.rest)("owner")
    rows = (await in_thread(rest.get)("/api/documents/")).json()["rows"]
    have = {row["id"]: row["etag"] for row in rows}
    have[id_of(other)] = "another"
    w = await enter("owner")
    await w.open(have=have)
    entered = [f for f in w.socket.frames if f["type"] == "ENTERED"]
    assert [(f["id"], "payload" in f) for f in entered] == [
        (id_of(other), True),
        (world.id, False),
    ]


async def test_single_subscription_and_windows_share_each_update(world: World, enter: Open) -> None:
    w = await enter("viewer")
    await w.open("one")
    await w.open("two", where={"status": ["draft", "archived"]})
    assert (await w.socket.subscribe(world.id))["type"] == "SUBSCRIBED"
    await in_thread(world.write)(title="New")
    assert kinds(await w.socket.settle()) == ["UPDATE_DOCUMENT"]
    await in_thread(world.grant)("viewer", "editor")
    assert kinds(await w.socket.settle()) == ["AUDIENCE_CHANGED"]
    await w.socket.send({"action": "unsubscribe", "model": DOCUMENT, "id": world.id})
    await in_thread(world.write)(title="Newer")
    assert kinds(await w.socket.settle()) == ["UNSUBSCRIBED", "UPDATE_DOCUMENT"]
    await w.check("one")
    await w.socket.subscribe(world.id)
    await in_thread(world.revoke)("viewer")
    assert sorted(kinds(await w.socket.settle())) == ["DELETE_DOCUMENT", "LEFT", "LEFT"]
    await w.check("one")
    await w.check("two", status=["draft", "archived"])


async def waiting_for_its_row(world: World, enter: Open) -> tuple[Windows, HeldJoins, str]:
    """A window of two documents, of which the older was asked for by id and waits for its group."""
    viewer, other = await enter("viewer"), await enter("owner")
    await other.open()  # the process is in the model's group
    newer = await in_thread(world.create)()
    await in_thread(world.grant)("viewer", "viewer", newer)
    await quiet()
    rest = await in_thread(world.rest)("viewer")
    _, row = (await in_thread(rest.get)("/api/documents/")).json()["rows"]
    joins = HeldJoins(this_hub())
    await viewer.socket.send({"model": DOCUMENT, "id": row["id"], "etag": row["etag"]})
    await joins.gate.entered()
    viewer.rows["w"], have = [], {row["id"]: row["etag"]}
    await viewer.socket.send({"model": DOCUMENT, "window": "w", "have": have, "ref": "w"})
    assert (await viewer.socket.receive_until("ENTERED"))["id"] == id_of(newer)
    return viewer, joins, row["id"]


async def test_row_asked_for_by_id_enters_before_its_window_is_answered(
    world: World, enter: Open
) -> None:
    """As on a reconnect: what `have` named and did not enter, the client would forget."""
    viewer, joins, id = await waiting_for_its_row(world, enter)
    joins.gate.open()
    come = [await viewer.socket.receive() for _ in range(3)]
    assert [(f["type"], f.get("window"), f.get("id"), "payload" in f) for f in come] == [
        ("SUBSCRIBED", None, id, False),
        ("ENTERED", "w", id, False),
        ("SUBSCRIBED", "w", None, False),
    ]


@pytest.mark.parametrize("how", ["deleted", "unsubscribed"])
async def test_row_that_goes_while_its_window_waits_for_it_is_waited_for_no_more(
    world: World, enter: Open, how: str
) -> None:
    viewer, joins, id = await waiting_for_its_row(world, enter)
    if how == "deleted":
        await in_thread(world.document.delete)()
    else:
        await viewer.socket.send({"action": "unsubscribe", "model": DOCUMENT, "id": id})
    while (await viewer.socket.receive()).get("ref") != "w":
        pass
    joins.gate.open()
    assert (id in viewer.rows["w"]) == (how == "unsubscribed")


async def test_row_that_is_let_go_before_it_was_read_leaves_its_window_as_it_is(
    world: World, enter: Open
) -> None:
    w = await enter("viewer")
    await w.open()
    target = {"model": DOCUMENT, "id": id_of(await in_thread(world.create)())}
    await quiet()
    gate = GatedReads(rounds_of(world)).hold(reading.read_round)
    await w.socket.send(target)
    await gate.entered()
    await w.socket.send({"action": "unsubscribe", **target})
    assert (await w.socket.receive())["type"] == "UNSUBSCRIBED"
    gate.open()
    assert await w.socket.settle() == []
    await w.check()


async def test_single_subscription_goes_on_when_its_window_closes(
    world: World, enter: Open
) -> None:
    w = await enter("viewer")
    await w.socket.subscribe(world.id)
    await w.open()
    await w.close()
    await in_thread(world.write)(title="New")
    assert kinds(await w.socket.settle()) == ["UPDATE_DOCUMENT"]


async def test_closed_window_gets_nothing_and_its_name_may_be_used_again(
    world: World, enter: Open
) -> None:
    w = await enter("viewer")
    await w.open()
    await w.close()
    await in_thread(world.write)(title="New")
    assert await w.socket.settle() == []
    assert this_hub().rounds[world.tenants["acme"].pk].index.all == set()
    await w.open()
    await w.open(limit=1)
    await w.check(limit=1)
    await w.socket.send({"action": "unsubscribe", "model": "resources.profile", "window": "w"})
    await w.socket.settle()
    await in_thread(world.write)(title="Newer")
    assert kinds(await w.socket.settle()) == ["UPDATE_DOCUMENT"]


async def test_what_cannot_be_shown_leaves_and_comes_back(world: World, enter: Open) -> None:
    with failing():
        w = await enter("viewer")
        await w.open()
        await in_thread(world.write)(body=BAD)
        assert kinds(await w.socket.settle()) == ["LEFT"]
        other = await enter("viewer")
        await other.open()
        await in_thread(world.write)(body="Good")
        assert kinds(await w.socket.settle()) == ["ENTERED"]
        assert kinds(await other.socket.settle()) == ["ENTERED"]
        await w.check()


async def test_tail_brings_what_the_broker_lost(world: World, enter: Open) -> None:
    w = await enter("viewer")
    await w.open(where={"status": "draft"})
    await this_hub().tail.look()
    held = HeldMessages(this_hub())
    await in_thread(world.write)(status="published")
    await in_thread(world.create)(owner="viewer")
    await quiet()
    await this_hub().tail.look()
    await w.socket.settle()
    await w.check(status=["draft"])
    await in_thread(world.write)(status="draft")
    await quiet()
    await this_hub().tail.look()
    await w.socket.settle()
    await w.check(status=["draft"])
    await held.release(*held.held)
    await w.check(status=["draft"])


async def test_sweep_finds_what_no_trigger_saw(world: World, enter: Open) -> None:
    w = await enter("viewer")
    await w.open()
    other = await in_thread(world.create)()
    await in_thread(world.grant)("viewer", "viewer", other)
    rounds_of(world).arrivals.arrive = lambda move: None  # type: ignore[method-assign]
    await in_thread(AccessChange.objects.all().delete)()
    await this_hub().sweep.look(later())
    await w.socket.settle()
    await w.check()
