"""What stands beside the JavaScript client's core, and what wakes it, in a real browser."""

from __future__ import annotations

import json
import time

from knox.models import AuthToken
from knox.settings import CONSTANTS

from resources.models import Document
from tenants import opaque
from tests import given
from tests.browser import SECONDS, Browser, browser, needs_browser
from tests.conftest import StartServer
from tests.live import LiveServer
from tests.tabs import HELD_TO_THEIR_OWN, IDLE, LEAVES_EARLY, STORED, Page
from tests.test_javascript_client import call
from tests.world import World

CANARY = "Canary that was revoked"
ONLY_LISTED = "Seen in the list only"


def wakes_at_once(page: Browser) -> None:
    """On each event: asks what is left of the line, or comes back, unless it was told to wait."""
    for event in ("online", "pageshow", "visibilitychange"):
        target = "document" if event == "visibilitychange" else "window"
        wake = f"{target}.dispatchEvent(new Event('{event}', {{ bubbles: true }}))"
        found = page.run(f"(own.frames.length = 0, {wake}, own.frames)")
        assert found == ["ping"], event
        page.wait("own.frames.includes('PONG')")
        end = "sockets.at(-1).onclose({ code: %d }), own.earshot.status.state"
        assert page.run(f"[{end % 4500}, {wake}, own.earshot.status.state]")[1::2] == [
            "waiting",
            "connecting",
        ]
        page.wait("own.live()")
    assert page.run(f"[{end % 4429}, {wake}, own.earshot.status.state]")[1::2] == ["waiting"] * 2
    page.run("own.earshot.connect()")
    page.wait("own.live()")


def expiry(token: str) -> int:
    """By the clock of scripts."""
    row = AuthToken.objects.get(token_key=token[: CONSTANTS.TOKEN_KEY_LENGTH])
    return int(row.expiry.timestamp() * 1000)


def renews_before_the_end(page: Page, world: World, token: str) -> None:
    """In the same socket, without subscribing again; by the page's clock the end is near."""
    soon = expiry(token) - 1100
    page.page.run(f"window.clock = Date.now; Date.now = () => {soon}; 0")
    page.page.run("own.frames.length = own.asked.length = own.statuses.length = 0")
    page.page.run("own.earshot.close(); own.earshot.connect()")
    page.page.wait("own.frames.includes('RENEWED')")
    page.page.run("Date.now = clock; 0")
    page.page.wait("own.live()")
    given.note(page.page.run("own.token"))
    world.write(title="After the renewal")
    page.shows(f"After the renewal,{ONLY_LISTED},After the renewal", "own")
    assert page.page.run("own.asked") == [False, True]
    assert page.page.run("own.frames.filter((name) => name === 'subscribe').length") == 2
    states = page.page.run("own.statuses.map(([state]) => state)")
    assert states == ["closed", "connecting", "open"]


def shows_drafts_in_lists(page: Browser, id: str) -> None:
    """Of an object that only a list holds; a refusal takes them back."""
    page.run(
        f"window.writing = own.earshot.object('resources.document', '{id}').write("
        "{ title: 'Draft' }, () => new Promise((done) => { window.answer = done; }))"
        ".catch(({ status }) => status); 0"
    )
    page.wait("own.shows().includes('Draft')")
    page.run("answer(Response.json({ detail: 'No.' }, { status: 403 })); 0")
    assert page.run("writing") == 403
    assert ONLY_LISTED in page.run("own.shows()")


def sockets(server: LiveServer, world: World) -> list[str]:
    """Whose are open."""
    rows = call(server, world.token("admin"), "GET", "/api/connections/")["results"]
    return sorted(row["username"] for row in rows)


def are_open(server: LiveServer, world: World, expected: list[str]) -> None:
    """Soon: those by which tickets were checked end at once."""
    end = time.monotonic() + SECONDS
    while (found := sockets(server, world)) != expected and time.monotonic() < end:
        pass
    assert found == expected


def each_tab_has_its_own_credential(page: Page, server: LiveServer, world: World) -> None:
    """The socket follows that of the tab that has it; each other one ends with its own at once."""
    assert page.page.run(LEAVES_EARLY.replace("BASE", json.dumps(server.url))) == [["closed"]]
    assert page.page.run(HELD_TO_THEIR_OWN.replace("BASE", json.dumps(server.url))) == [
        ["closed", "1.5"],  # the socket itself tells of it
        ["1.5", 4500],  # the socket's has become another
        ["closed", "2.5"],  # the tab has left
        ["closed", "3"],
        ["closed", "5.5"],  # renewed by that of the socket
        *(["closed", each] for each in ("1.5", "5.5", "4.5", "6.5")),  # the socket has ended
    ]
    lead, joined, spare = (world.token("viewer") for _ in range(3))
    sharing = "WebSocket: shared('pair')"
    page.tab("lead", "connect", lead, f"{{ {sharing} }}")
    page.page.wait("lead.live()")
    near = f"{sharing}, now: Date.now = () => {expiry(joined) - 1100}"
    page.tab("joined", "connect", joined, f"{{ {near} }}")
    page.page.wait("joined.frames.includes('RENEWED')")

    page.tab("spare", "connect", spare, f"{{ {sharing} }}")
    page.page.wait("spare.live()")
    call(server, spare, "POST", "/api/logout/")
    page.page.wait("spare.earshot.status.state === 'stopped'")
    assert page.page.run("[spare.earshot.status.code, spare.copy.value.payload]") == [4401, None]
    assert page.page.run("spare.list.value.rows") == []
    page.tab("twin", "connect", lead, f"{{ {sharing} }}")
    page.page.wait("twin.live()")
    only_heard = f"{{ user: '{world.user_id('viewer')}', {sharing} }}"
    page.tab("idle", IDLE, lead, only_heard)
    page.page.wait("idle.frames.includes('WELCOME')")
    world.write(title="After another's end")
    page.shows(f"After another's end,{ONLY_LISTED},After another's end", "lead", "joined")
    page.page.wait("idle.frames.includes('UPDATE_DOCUMENT')")
    page.page.run(STORED)
    kept = page.page.run("stored()")
    assert "expires" in kept
    assert "After another" not in kept
    page.page.run("idle.frame.remove(); window.idle = null")
    assert page.page.run("[lead.asked, joined.asked, lead.statuses.length]") == [
        [False],
        [False, True],
        2,
    ]

    call(server, lead, "POST", "/api/logout/")
    page.page.wait("lead.earshot.status.state === 'stopped'")
    page.page.wait("joined.asked.length === 3 && joined.live()")
    given.note(page.page.run("joined.token"))
    page.page.run("for (const { frame } of [lead, joined, spare]) frame.remove()")
    page.page.run("window.lead = window.joined = window.spare = null")
    world.write(title="To all tabs")


def tabs_share_a_socket(page: Page, server: LiveServer, world: World, token: str) -> None:
    """Of one user's tabs one has it, and another takes over; a tab of somebody else has its own."""
    own = sockets(server, world)
    for name in ("first", "second", "third"):
        page.tab(name, "connect", token, "{ WebSocket: shared('me') }")
        page.shows(f"After the renewal,{ONLY_LISTED},After the renewal", name)
    are_open(server, world, [*own, "viewer"])
    page.page.run("second.stop()")  # what one tab ends goes on in the others
    page.page.wait("second.list.value.rows.length === 0")
    world.write(title="To all tabs")
    page.shows(f"To all tabs,{ONLY_LISTED},To all tabs", "first", "third")
    page.page.wait("second.copy.value.payload.title === 'To all tabs'")

    page.page.run("first.frame.remove()")
    page.page.wait("[second, third].every(({ statuses }) => statuses.length > 2)")
    page.shows(f"To all tabs,{ONLY_LISTED},To all tabs", "third")
    page.page.wait("second.copy.value.state === 'live'")
    are_open(server, world, [*own, "viewer"])

    page.tab("other", "connect", world.token("owner"), "{ WebSocket: shared('me') }")
    page.shows(f"To all tabs,{ONLY_LISTED},To all tabs", "other")
    assert page.page.run("[other, third].map(({ copy }) => copy.value.audience)") == [
        "owner",
        "viewer",
    ]
    are_open(server, world, sorted([*own, "viewer", "owner"]))


def cache_outlives_the_page_but_not_the_right_to_see(
    page: Page, server: LiveServer, world: World, token: str, other: Document
) -> None:
    """It shows what was kept without a server; what went is not in it, nor what others kept."""
    viewer, owner = world.user_id("viewer"), world.user_id("owner")
    held = f"To all tabs,{ONLY_LISTED},To all tabs"
    page.tab("kept", "cached", token, f"{{ user: '{viewer}' }}")
    page.shows(held, "kept")
    world.write(title=CANARY)
    held = f"{CANARY},{ONLY_LISTED},{CANARY}"
    page.shows(held, "kept", "third", "own")
    page.page.run(f"until((all) => all.includes('{CANARY}') && all.includes('cursor'))")
    page.page.run("kept.frame.remove(); window.kept = null")
    offline = f"{{ user: '{viewer}', credentials: () => new Promise(() => {{}}) }}"
    page.tab("offline", "cached", token, offline)
    page.page.wait(f"offline.shows() === {json.dumps(held)}")
    assert page.page.run("[offline.copy.value.state, offline.list.value.state]") == ["pending"] * 2
    page.page.run("offline.frame.remove(); window.offline = null")

    sharing = f"{{ user: '{viewer}', WebSocket: shared('kept') }}"
    page.tab("again", "cached", token, sharing)
    page.shows(held, "again")
    page.tab("idle", IDLE, token, sharing)  # holds nothing, and has the same socket
    page.page.wait("idle.frames.includes('WELCOME')")
    world.write(title=f"{CANARY}!")
    page.shows(held.replace(CANARY, f"{CANARY}!"), "again")
    page.page.wait("idle.frames.includes('UPDATE_DOCUMENT')")
    assert CANARY in page.page.memory()
    world.revoke("viewer")
    for name in ("again", "third", "own"):
        page.page.wait(f"{name}.copy.value.state === 'gone' && {name}.list.value.rows.length === 1")
    page.page.run(f"until((all) => !all.includes('{CANARY}') && all.includes('{ONLY_LISTED}'))")
    page.page.run(
        "idle.seen = []; void idle.earshot.earshot.object('resources.document',"
        f" '{world.id}').subscribe((value) => idle.seen.push(value))"
    )
    page.page.wait("idle.seen.at(-1)?.state === 'refused'")
    assert page.page.run("idle.seen.map(({ payload }) => payload)") == [None] * 2
    page.page.run("idle.frame.remove(); window.idle = null")
    page.page.run("other.frame.remove(); window.other = null")  # who still sees it
    assert CANARY not in page.page.memory()

    page.page.run("again.frame.remove(); window.again = null")
    world.revoke("viewer", other)  # while nobody asks
    page.tab("idle", IDLE, token, offline)
    page.tab("last", "cached", token, f"{{ user: '{viewer}' }}")
    page.page.wait("last.list.value.state === 'live' && last.list.value.rows.length === 0")
    page.page.run(f"until((all) => !all.includes('{ONLY_LISTED}'))")
    page.page.run(
        "idle.copy = idle.earshot.earshot.object('resources.document',"
        f" '{opaque.encode(Document, other.pk)}'); idle.copy.subscribe(() => {{}}); 0"
    )
    assert page.page.run("idle.copy.value.payload") is None  # another page has forgotten it
    page.page.run("idle.frame.remove(); window.idle = null")

    page.tab("another", "cached", world.token("owner"), f"{{ user: '{owner}' }}")
    page.page.wait("another.live()")
    page.page.run(f"until((all) => all.includes('{owner}') && !all.includes('{viewer}'))")
    call(server, page.page.run("another.token"), "POST", "/api/logout/")
    page.page.wait("another.earshot.status.state === 'stopped'")
    page.page.run(f"until((all) => !all.includes('{ONLY_LISTED}'))")


def cache_is_bounded_and_ends_with_credential_and_tenant(page: Page, world: World) -> None:
    """Also where newer copies than its end are kept, and in the database itself."""
    more = f"{{ user: '{world.user_id('owner')}' }}"
    offline = f"{more[:-2]}, credentials: () => new Promise(() => {{}}) }}"
    late = offline.replace("credentials: ", "now: (Date.now = () => 8e15), credentials: ")
    page.tab("kept", "cached", world.token("owner"), more)
    page.page.wait("kept.live()")
    page.page.run("until((all) => all.includes('cursor'))")
    page.page.run("kept.frame.remove(); window.kept = null; fill(1_100, 'acme')")
    page.tab("offline", "cached", "", offline)
    page.page.run("until((all) => all.split('\"at\"').length === 1_002)")  # and the end
    page.page.run("offline.frame.remove(); window.offline = null")
    page.tab("late", "cached", "", late)
    page.page.run("until((all) => !all.includes('\"at\"'))")
    page.page.run("late.frame.remove(); window.late = null; fill(1, 'globex')")
    page.tab("kept", "cached", world.token("owner"), more)
    page.page.wait("kept.live()")
    page.page.run("until((all) => all.includes('acme') && !all.includes('globex'))")


@needs_browser
def test_client_wakes_renews_shares_its_socket_and_keeps_only_what_it_may(
    start_server: StartServer, world: World
) -> None:
    other = world.create(title=ONLY_LISTED)
    world.grant("viewer", "viewer", other)
    server = start_server("uvicorn", EARSHOT_TAIL_SECONDS="0.2")
    token = world.token("viewer")
    noting = "class extends WebSocket { constructor(url) { super(url); sockets.push(this); } }"
    with browser() as started:
        page = Page(started, server, world.id)
        started.run("window.sockets = []; 0")
        page.tab("own", "connect", token, f"{{ WebSocket: {noting} }}", own=False)
        page.shows(f"Plan,{ONLY_LISTED},Plan", "own")
        wakes_at_once(started)
        renews_before_the_end(page, world, token)
        shows_drafts_in_lists(started, opaque.encode(Document, other.pk))
        token = world.token("viewer")
        tabs_share_a_socket(page, server, world, token)
        each_tab_has_its_own_credential(page, server, world)
        cache_outlives_the_page_but_not_the_right_to_see(page, server, world, token, other)
        cache_is_bounded_and_ends_with_credential_and_tenant(page, world)
        assert started.complaints == []
