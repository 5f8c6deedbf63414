"""Tabs of a browser with the JavaScript client, and what they keep in IndexedDB."""

from __future__ import annotations

import json

from tests import given
from tests.browser import Browser
from tests.live import LiveServer

PRELUDE = """
(async () => {
  const base = BASE + "/static/earshot/client/";
  const [{ connect }, { shared, sharedToken }, { connect: cached }] = await Promise.all(
    ["index.js", "tabs.js", "cache.js"].map((name) => import(base + name)));
  const ask = (path, token, method = "POST") =>
    fetch(BASE + path, { method, headers: { Authorization: `Token ${token}`, "X-Tenant": "acme" }});
  /** Follow the document and all documents. */
  window.open = (start, token, more) => {
    const tab = { asked: [], frames: [], statuses: [], token };
    const options = {
      url: BASE.replace("http", "ws") + "/ws/",
      tenant: "acme",
      credentials: async ({ renew }) => {
        tab.asked.push(renew);
        if (renew) tab.token = (await (await ask("/api/token/", tab.token)).json()).token;
        return ask("/api/tickets/", tab.token);
      },
      onstatus: ({ state, code }) => tab.statuses.push([state, code]),
      onframe: ({ type, action }) => tab.frames.push(type ?? action),
      ...more,
    };
    const opened = (earshot) => {
      tab.earshot = earshot;
      tab.copy = earshot.object("resources.document", ID);
      tab.list = earshot.collection("resources.document");
      tab.copy.subscribe(() => {});
      tab.stop = tab.list.subscribe(() => {});
      tab.shows = () =>
        [tab.copy.value, ...tab.list.value.rows].map(({ payload }) => payload?.title).join();
      tab.live = () => tab.copy.value.state === "live" && tab.list.value.state === "live";
      return tab;
    };
    const started = start(options);
    return started.then?.(opened) ?? opened(started);
  };
  Object.assign(window, { ask, connect, shared, sharedToken, cached });
})()
"""


IDLE = """(options) => cached(options).then((earshot) => {
  earshot.connect();
  const nothing = { subscribe() {} };
  return { earshot, object: () => nothing, collection: () => nothing };
})"""

STORED = """
window.stored = async () => {
  const found = [];
  for (const { name } of await indexedDB.databases()) {
    const asked = (ask, value) => new Promise((done) => {
      ask.onsuccess = () => done(ask.result);
    });
    const database = await asked(indexedDB.open(name));
    const store = database.transaction("kept").objectStore("kept");
    found.push(name, JSON.stringify(await asked(store.getAll())));
    database.close();
  }
  return found.join();
};
/** More copies in the only database, newer than all others. */
window.fill = async (count, tenant) => {
  const [{ name }] = await indexedDB.databases();
  const asked = indexedDB.open(name);
  await new Promise((done) => { asked.onsuccess = done; });
  const transaction = asked.result.transaction("kept", "readwrite");
  const put = (value, key) =>
    transaction.objectStore("kept").put({ at: 9e15, tenant, ...value }, key);
  for (let n = 0; n < count; n += 1) put({ etag: "e", payload: {} }, `resources.document ${n}`);
  if (tenant !== "acme") put({ expires: null }, "until");
  await new Promise((done) => { transaction.oncomplete = done; });
  asked.result.close();
};
window.until = async (look) => {
  while (!look(await stored())) await new Promise((done) => setTimeout(done, 10));
};
0
"""

LEAVES_EARLY = """
(async () => {
  const { Switchboard } = await import(BASE + "/static/earshot/client/tabs.js");
  const seen = [];
  const note = (...args) => seen.push(args);
  let answer;
  const board = new Switchboard(note, note, () => new Promise((done) => { answer = done; }));
  board.join("tab", "ticket");
  board.received({ type: "WELCOME", user: "u", tenant: "t", limits: {} });
  board.leave("tab");
  answer({ user: "u", tenant: "t", close: () => note("closed") });
  await new Promise((done) => setTimeout(done));
  board.sent("tab", { action: "subscribe", model: "m", id: "1", ref: 1 });
  return seen;
})()
"""


HELD_TO_THEIR_OWN = """
(async () => {
  const { Switchboard } = await import(BASE + "/static/earshot/client/tabs.js");
  const seen = [];
  const give = (tab, frame, code) => code && seen.push([tab, code]);
  const meet = async (expires) =>
    ({ user: "u", tenant: "t", expires, close: () => seen.push(["closed", expires]) });
  const board = new Switchboard(() => {}, give, meet);
  board.add("leader");
  board.received({ type: "WELCOME", user: "u", tenant: "t", limits: {}, expires: "1.5" });
  for (const expires of ["1.5", "2.5", "3", "4.5"]) board.join(expires, expires);
  await new Promise((done) => setTimeout(done));
  board.received({ type: "RENEWED", expires: "1.5", ref: "leader:1" });
  board.received({ type: "RENEWED", expires: "5.5", ref: "leader:2" });
  board.leave("2.5");
  board.sent("3", { action: "renew", ticket: "5.5" });
  await new Promise((done) => setTimeout(done));
  board.sent("4.5", { action: "renew", ticket: "6.5" });
  board.close();
  await new Promise((done) => setTimeout(done));
  return seen;
})()
"""


class Page:
    """A page, and frames of it that are as good as tabs."""

    def __init__(self, page: Browser, server: LiveServer, id: str) -> None:
        self.page = page
        base, own = json.dumps(server.url), json.dumps(id)
        self.prelude = f"const BASE = {base}, ID = {own}; {PRELUDE}"
        page.call("Page.setBypassCSP", enabled=True)
        page.open(f"{server.url}/healthz")
        page.run(f"globalThis.eval({json.dumps(self.prelude)})")

    def tab(self, name: str, start: str, token: str, more: str = "{}", *, own: bool = True) -> None:
        """Open a client under this name, in a frame of its own or in the page."""
        given.note(token)
        call = f"open({start}, {json.dumps(token)}, {more})"
        if not own:
            self.page.run(f"(async () => {{ window.{name} = await {call}; }})()")
            return
        self.page.run(
            "(async () => {"
            "const frame = document.body.appendChild(document.createElement('iframe'));"
            f"await frame.contentWindow.eval({json.dumps(self.prelude)});"
            f"window.{name} = await frame.contentWindow.eval({json.dumps(call)});"
            f"{name}.frame = frame; }})()"
        )

    def shows(self, titles: str, *names: str) -> None:
        for name in names:
            self.page.wait(f"{name}.live() && {name}.shows() === {json.dumps(titles)}")
