"""The JavaScript client: its rules, and what it does in a real browser."""

from __future__ import annotations

import json
import re
import signal
from dataclasses import asdict
from pathlib import Path
from typing import Any
from urllib.request import ProxyHandler, Request, build_opener

from resources.models import Document
from supply import npm
from tenants import opaque
from tests.browser import HOST, Browser, browser, needs_browser
from tests.conformance_clients import MODEL
from tests.conformance_clients_windows import TABLE
from tests.conformance_closes import CLOSES, RENEWALS
from tests.conftest import StartServer
from tests.documented import close_codes
from tests.live import LiveServer
from tests.world import World

DOCUMENT = (Path(__file__).parent.parent / "docs" / "clients.md").read_text()
RUNNER = (Path(__file__).parent / "conformance_clients.js").read_text()
STATIC = "/static/earshot/client/"
HEARTBEAT = 2


# What the table asks of a client


def delayed(does: dict[str, Any]) -> bool:
    """Whether the client comes back by itself."""
    return does["delay"] is not None


def test_table_has_every_close_code_of_the_protocol_and_what_it_asks() -> None:
    does: dict[int, dict[str, Any]] = {}
    for (code, *about), what in CLOSES:
        does.setdefault(code, {})[str(about)] = what
    codes = close_codes()
    assert codes.keys() <= does.keys()
    away = {code for code, do in codes.items() if "do not re" in do}
    assert {code for code, cases in does.items() if not any(map(delayed, cases.values()))} == away
    same = {code: int(do.split()[-1]) for code, do in codes.items() if do.startswith("as after")}
    for code, other in same.items():
        common = does[code].keys() & does[other].keys()
        assert common
        assert [does[code][about] for about in common] == [does[other][about] for about in common]


# In a browser


def call(server: LiveServer, token: str, method: str, path: str, body: Any = None) -> Any:
    """What REST answers."""
    headers = {"Authorization": f"Token {token}", "X-Tenant": "acme"}
    data = None if body is None else json.dumps(body).encode()
    headers |= {"Content-Type": "application/json"} if data else {}
    request = Request(server.url + path, data, headers, method=method)
    with build_opener(ProxyHandler({})).open(request, timeout=30) as answer:
        text = answer.read()
    return json.loads(text) if text else None


def rules_hold(page: Browser, server: LiveServer) -> None:
    """From another origin than the server's."""
    page.open(f"http://{HOST}:{server.port}/healthz")
    cases = json.dumps([asdict(case) for case in TABLE])
    base = json.dumps(server.url + STATIC)
    arguments = f"{base}, {MODEL!r}, {cases}, {json.dumps(CLOSES)}, {json.dumps(RENEWALS)}"
    assert page.run(f"({RUNNER[RUNNER.index('async') :].strip().rstrip(';')})({arguments})") == []


RUN = """
new Promise((done, failed) => {
  window.onerror = (message) => failed(message);
  Object.assign(window, { token: %s, id: %s });
  const script = document.createElement("script");
  Object.assign(script, { type: "module", textContent: %s });
  document.body.replaceChildren(script);
  done();
})
"""


def documented_blocks_run(page: Browser, server: LiveServer, token: str, id: str) -> None:
    """Those of docs/clients.md: a live list, and an object that is written to."""
    page.open(f"{server.url}/healthz")
    blocks = re.findall(r"^```js\n(.*?)^```$", DOCUMENT, re.MULTILINE | re.DOTALL)
    listed, written, iterated, *_ = blocks
    source = listed + written + f"window.ran = true; {iterated}"
    page.run(RUN % tuple(map(json.dumps, (token, id, source))))
    page.wait("window.ran && document.title === 'Written here'")
    page.wait("document.body.innerText.includes('Written here')")


OPEN = """
import(URL.createObjectURL(new Blob([%s], {type: "text/javascript"}))).then(({ connect }) => {
  const headers = { Authorization: "Token " + %s, "X-Tenant": "acme" };
  Object.assign(window, { frames: [], lists: [], statuses: [], asked: [], late: 0 });
  let last = performance.now();
  setInterval(() => {
    late = Math.max(late, performance.now() - last - 20);
    last = performance.now();
  }, 20);
  window.earshot = connect({
    url: "/ws/",
    tenant: "acme",
    credentials: (about) => {
      asked.push(about.renew);
      const answer = fetch("/api/tickets/", { method: "POST", headers });
      return asked.length === 1 ? answer.then((response) => response.json()) : answer;
    },
    onstatus: (status) => statuses.push({ ...status, at: performance.now() }),
    onframe: ({ type, action, id, etag, have, payload }, direction) => frames.push({
      name: type ?? action, id, direction, at: performance.now(), whole: !!payload, etag: !!etag,
      have: Object.keys(have ?? {}).length,
    }),
  });
  window.copy = earshot.object("resources.document", %s);
  window.list = earshot.collection("resources.document", { where: { status: ["draft"] } });
  copy.subscribe(() => {});
  (async () => {
    for await (const { state, rows, changes } of list) {
      lists.push([state, rows.length, changes.map(({ type }) => type)]);
    }
  })();
})
"""
LIVE = "window.copy?.value.state === 'live' && list.value.state === 'live'"


def views_that_are_drawn_anew_go_on(page: Browser, id: str) -> None:
    """What React asks of a store: a stable value, and that a second start costs nothing."""
    assert page.run("copy.value === copy.value && list.value.rows[0] === list.value.rows[0]")
    page.run(
        "frames.length = 0;"
        f"window.drawn = earshot.object('resources.document', {json.dumps(id)});"
        "drawn.subscribe(() => {})(); window.stop = drawn.subscribe(() => {}); void 0"
    )
    page.wait("drawn.value.state === 'live'")
    page.run("stop()")
    page.wait("frames.some(({ name }) => name === 'UNSUBSCRIBED')")
    sent = page.run("frames.filter(({ direction }) => direction === 'out').map(({ name }) => name)")
    assert [name for name in sent if name != "ping"] == ["subscribe", "unsubscribe"]


def comes_back_to_a_server_that_was_dead(page: Browser, server: LiveServer) -> None:
    """Scripts see no pings, and nothing closes the line of a process that stands still."""
    page.run("statuses.length = late = 0")
    server.process.send_signal(signal.SIGSTOP)
    page.wait("statuses.some(({ state }) => state === 'waiting')")
    last = "frames.findLast(({ direction }) => direction === 'in').at"
    assert page.run("[statuses[0].code, frames.at(-1).name]") == [1006, "ping"]
    assert page.run(f"statuses[0].at - {last} - late") / 1000 <= HEARTBEAT + 1
    page.run("frames.length = 0")
    server.process.send_signal(signal.SIGCONT)
    page.run("dispatchEvent(new Event('online'))")
    page.wait(LIVE)
    came = page.run("frames.filter(({ name }) => name === 'SUBSCRIBED' || name === 'ENTERED')")
    assert {f.get("id") for f in came if not f["whole"]} > {page.run("list.value.rows[0].id")}
    asked = page.run("frames.filter(({ name }) => name === 'subscribe')")
    assert sorted((frame["etag"], frame["have"]) for frame in asked) == [(False, 2), (True, 0)]


def asks_too_often_and_waits(page: Browser) -> None:
    """As long as the answer to its POST says, and nothing wakes it before."""
    page.run(
        "window.told = []; const fetched = fetch;"
        "fetch = async (...asked) => { const answer = await fetched(...asked);"
        "  if (answer.status === 429) told.push(Number(answer.headers.get('Retry-After')));"
        "  return answer; };"
        "frames.length = 0; earshot.connect();"
        "window.asking = setInterval(() => {"
        "  if (frames.at(-1)?.name !== 'ping') dispatchEvent(new Event('online')); }, 5); void 0"
    )
    page.wait("earshot.status.code === 4429")
    page.run("clearInterval(asking); dispatchEvent(new Event('online'))")
    assert page.run("[earshot.status.state, earshot.status.code]") == ["waiting", 4429]
    assert page.run("told.length === 1 && earshot.status.delay >= told[0]")


@needs_browser
def test_client_goes_on_by_a_stream_where_no_socket_opens(
    start_server: StartServer, world: World
) -> None:
    """Also the packed one; the stream's module is loaded only then, and left when sockets open."""
    limits = {"EARSHOT_REQUESTS_PER_MINUTE": "30", "EARSHOT_RETRY_MAX_SECONDS": "2"}
    limits |= {"EARSHOT_TAIL_SECONDS": "0.2"}
    server = start_server("uvicorn", ["--ws", "none"], **limits)
    packed = json.dumps(npm.core().replace("./stream.js", server.url + STATIC + "stream.js"))
    with browser() as page:
        page.call("Page.setBypassCSP", enabled=True)
        page.open(f"{server.url}/healthz")
        token, id = json.dumps(world.token("viewer")), json.dumps(world.id)
        page.run(OPEN % (packed, token, id))
        page.wait(LIVE)
        assert page.run("statuses.filter(({ state }) => state === 'waiting')[0].code") == 1006
        world.write(title="In a stream")
        page.wait("copy.value.payload.title === 'In a stream'")
        [row] = call(server, world.token("admin"), "GET", "/api/connections/")["results"]
        assert row["transport"] == "stream"
        call(server, world.token("admin"), "DELETE", f"/api/connections/{row['id']}/")
        page.wait("earshot.status.state === 'stopped'")
        assert page.run("earshot.status.code") == 1000
        asks_too_often_and_waits(page)
        server.stop()
        server = start_server("uvicorn", PORT=str(server.port), **limits)
        page.run("earshot.connect()")
        page.wait(LIVE)
        [row] = call(server, world.token("admin"), "GET", "/api/connections/")["results"]
        assert "transport" not in row


@needs_browser
def test_client_keeps_its_rules_in_a_browser_and_forgets(
    start_server: StartServer, world: World
) -> None:
    """A row that left and an object that was revoked are nowhere, nor anything after a logout."""
    other = world.create(title="Seen in the list only")
    world.grant("viewer", "viewer", other)
    server = start_server(
        "uvicorn", EARSHOT_PING_SECONDS=str(HEARTBEAT), ALLOWED_HOSTS=f"{HOST},127.0.0.1"
    )
    owner, viewer = world.token("owner"), world.token("viewer")
    address = f"/api/documents/{world.id}/"
    with browser() as page:
        page.call("Page.setBypassCSP", enabled=True)
        rules_hold(page, server)
        documented_blocks_run(page, server, owner, world.id)
        page.open(f"{server.url}/healthz")
        page.run(OPEN % (json.dumps(npm.core()), json.dumps(viewer), json.dumps(world.id)))
        page.wait(LIVE)
        views_that_are_drawn_anew_go_on(page, opaque.encode(Document, other.pk))
        comes_back_to_a_server_that_was_dead(page, server)

        call(server, owner, "PATCH", address, {"title": "Canary that was revoked"})
        page.wait("copy.value.payload.title.startsWith('Canary')")
        page.wait("lists.at(-1)[2][0] === 'updated'")
        held = page.memory()
        assert "Canary that was revoked" in held
        assert "Seen in the list only" in held
        subject = call(server, viewer, "GET", "/api/me/")["user"]
        call(server, owner, "DELETE", f"{address}grants/user:{subject}/")
        page.wait("copy.value.state === 'gone' && list.value.rows.length === 1")
        page.wait("lists.some(([, , changes]) => changes[0] === 'left')")
        held = page.memory()
        assert "Canary that was revoked" not in held
        assert "Seen in the list only" in held

        call(server, viewer, "POST", "/api/logout/")
        page.wait("earshot.status.state === 'stopped'")
        assert page.run("asked") == [False, False, True]
        assert page.run("[earshot.status.code, list.value.rows.length]") == [4401, 0]
        assert "Seen in the list only" not in page.memory()
        assert page.complaints == []
