"""Tabs that have one token in `localStorage`: it is renewed once, and nobody logs in twice."""

from __future__ import annotations

import json

import pytest
from knox.models import AuthToken

from tenants.models import Membership
from tests import given
from tests.browser import browser, needs_browser
from tests.conftest import StartServer
from tests.tabs import STORED, Page
from tests.test_javascript_client_beside import CANARY, expiry
from tests.world import World

TOGETHER = """(() => {
  const { top } = window, base = BASE;
  const renewed = async () => {
    while (top.asking < 2) await new Promise((done) => setTimeout(done, 5));
    top.renewals += 1;
    const answer = await ask("/api/token/", localStorage.token);
    if (answer.status !== 401) return answer;
    top.logins += 1;
    const body = JSON.stringify({ username: "viewer", password: "secret" });
    const headers = { "Content-Type": "application/json" };
    return fetch(`${base}/api/login/`, { method: "POST", body, headers });
  };
  const token = sharedToken("token", renewed);
  const credentials = async (about) => {
    top.asking += about.renew;
    return ask("/api/tickets/", await token(about));
  };
  NEAR;
  return { credentials, SHARING };
})()"""
CLEAN = "Object.assign(window, { asking: 0, renewals: 0, logins: 0 }); 0"


@needs_browser
@pytest.mark.parametrize("sharing", ["", "WebSocket: shared('me')"], ids=["own", "shared"])
def test_tabs_renew_their_token_once_and_log_in_once(
    start_server: StartServer, world: World, sharing: str
) -> None:
    server = start_server("uvicorn", EARSHOT_TAIL_SECONDS="0.2")
    token = world.token("viewer")
    near = f"Date.now = () => {expiry(token) - 3000}"  # by the tabs' clock
    more = TOGETHER.replace("BASE", json.dumps(server.url)).replace("SHARING", sharing)
    with browser() as started:
        page = Page(started, server, world.id)
        started.run(f"localStorage.token = {json.dumps(token)}; {CLEAN}")
        for name in ("one", "two"):
            page.tab(name, "connect", token, more.replace("NEAR", near))
        # Of tabs that share a socket the others may show their tickets anew.
        who = "some" if sharing else "every"
        started.wait(f"renewals && [one, two].{who}(({{ frames }}) => frames.includes('RENEWED'))")
        page.shows("Plan,Plan", "one", "two")
        assert started.run("[asking, renewals, logins]") == [2, 1, 0]
        if not sharing:
            assert started.run("[one, two].map(({ statuses }) => statuses.length)") == [2, 2]
        given.note(started.run("localStorage.token"))

        started.run(CLEAN)
        AuthToken.objects.filter(user=world.user("viewer")).delete()
        started.wait("logins && one.live() && two.live()")
        assert started.run("[asking, renewals, logins]") == [2, 1, 1]
        given.note(started.run("localStorage.token"))
        world.write(title="After the login")
        page.shows("After the login,After the login", "one", "two")
        assert started.complaints == []


HANGS = """
(async () => {
  const later = setTimeout;
  setTimeout = (then) => later(then);
  const hanging = sharedToken("hanging", () => new Promise(() => {}));
  hanging({ renew: true });
  const other = sharedToken("hanging", () => "typed here");
  const found = [await other({ renew: true })];
  const failing = sharedToken("failing", () => { throw new Error("No."); });
  found.push(await failing({ renew: true }).catch(({ message }) => message));
  found.push(await failing({ renew: false }));
  Object.defineProperty(navigator, "locks", { value: undefined });
  const alone = sharedToken("alone", async () => ({ token: "given" }));
  found.push(await alone({ renew: true }), await alone({ renew: false }), localStorage.alone);
  return found;
})()
"""


@needs_browser
def test_tab_whose_user_types_elsewhere_goes_on(start_server: StartServer, world: World) -> None:
    """And one whose browser has no locks."""
    server = start_server("uvicorn")
    with browser() as started:
        Page(started, server, world.id)
        assert started.run(HANGS) == ["typed here", "No.", None, "given", "given", "given"]


@needs_browser
def test_tabs_and_caches_forget_with_the_membership(
    start_server: StartServer, world: World
) -> None:
    """Neither the memory of a tab nor IndexedDB has what was shown before 4403."""
    world.write(title=CANARY)
    server = start_server("uvicorn", EARSHOT_TAIL_SECONDS="0.2")
    more = f"{{ user: '{world.user_id('viewer')}', WebSocket: shared('me') }}"
    with browser() as started:
        page = Page(started, server, world.id)
        for name in ("one", "two"):
            page.tab(name, "cached", world.token("viewer"), more)
        page.shows(f"{CANARY},{CANARY}", "one", "two")
        started.run(STORED)
        started.run(f"until((all) => all.includes('{CANARY}'))")
        assert CANARY in started.memory()
        Membership.objects.filter(user=world.user("viewer")).update(is_active=False)
        started.wait("[one, two].every(({ earshot }) => earshot.status.code === 4403)")
        started.run(f"until((all) => !all.includes('{CANARY}'))")
        assert CANARY not in started.memory()
