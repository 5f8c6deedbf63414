/** One socket and one token for all tabs of a browser: see `tabs.d.ts`. */

import { read } from "./index.js";

const PATIENCE = 3_000; // for the leader's word
const AGAIN = 4500; // the close code after which a client is soon back
const SHARE = 4; // so many tabs may be busy at a time, within the server's limit of frames
const LOGIN_PATIENCE = 10_000; // for a tab that renews: somebody may be asked in a hidden one
const OVER = ["not_found", "unavailable"]; // errors that concern all who hold the object

const alone = new Set(); // where sharing has failed: the next connection is the tab's own

/** A WebSocket for `connect`. Tabs of the same `login` share one, where the browser lets them. */
export function shared(login) {
  const { locks } = globalThis.navigator ?? {};
  if (!locks || !globalThis.BroadcastChannel) return globalThis.WebSocket;
  return function (url) {
    const address = new URL(url);
    const ticket = address.searchParams.get("ticket");
    address.searchParams.delete("ticket");
    const name = `earshot ${address} ${login}`;
    const own = !ticket || alone.delete(name);
    return own ? new WebSocket(url) : new Tab(url, name, ticket, locks);
  };
}

/** For `credentials`: makes sure that the token which all tabs have in `localStorage[key]` counts. */
export function sharedToken(key, renewed) {
  let used = null; // by which this tab came the last time
  const current = async (renew) => {
    if (renew && localStorage.getItem(key) === used) {
      const given = await read(await renewed());
      const { token = given } = given.payload ?? given;
      localStorage.setItem(key, token);
    }
    return (used = localStorage.getItem(key));
  };
  const { locks } = globalThis.navigator ?? {};
  return async ({ renew }) => {
    if (!locks) return current(renew);
    return new Promise((done, failed) => {
      const turn = () => {
        const found = current(renew).then(done, failed);
        return Promise.race([found, new Promise((over) => setTimeout(over, LOGIN_PATIENCE))]);
      };
      locks.request(`earshot ${key}`, turn).catch(failed);
    });
  };
}

/** What a client uses of a WebSocket. */
class Tab {
  #id = crypto.randomUUID();
  #name;
  #locks;
  #channel;
  #send = null;
  #ends = []; // what is to be undone at the end
  #closed = false;

  constructor(url, name, ticket, locks) {
    this.#name = name;
    this.#locks = locks;
    this.#channel = new BroadcastChannel(name);
    this.#ends.push(() => this.#channel.close());
    this.#hold(name, { ifAvailable: true }, (lock) => (lock ? this.#lead(url) : this.#join(ticket)));
  }

  send(text) {
    this.#send(JSON.parse(text));
  }

  close() {
    this.#closed = true;
    for (const end of this.#ends.splice(0)) end();
  }

  #over(code) {
    this.close();
    this.onclose?.({ code });
  }

  #take(frame) {
    this.onmessage?.({ data: JSON.stringify(frame) });
  }

  /** Hold a lock until the end; `then` is told it, or null where another has it. */
  #hold(name, options, then) {
    const held = new Promise((done) => this.#ends.push(done));
    const { signal } = options;
    const got = (lock) => {
      if (this.#closed) return null;
      then(lock);
      return lock && held;
    };
    this.#locks.request(name, options, got).catch(() => signal?.aborted || this.#over(AGAIN));
  }

  #lead(url) {
    const socket = new WebSocket(url);
    const say = (message) => this.#channel.postMessage(message);
    const board = new Switchboard(
      (frame) => socket.send(JSON.stringify(frame)),
      (tab, frame, code) =>
        tab === this.#id ? this.#take(frame) : this.#closed || say({ tab, frame, code }),
      (ticket) => meet(url, ticket),
    );
    board.add(this.#id);
    this.#send = (frame) => board.sent(this.#id, frame);
    this.#channel.onmessage = ({ data: { from, ticket, frame } }) => {
      if (frame) board.sent(from, frame);
      if (!ticket) return;
      board.join(from, ticket);
      // A tab holds this lock as long as it lives.
      const control = new AbortController();
      this.#ends.push(() => control.abort());
      const left = () => board.leave(from);
      this.#locks.request(`${this.#name} ${from}`, control, left).catch(() => {});
    };
    socket.onmessage = ({ data }) => board.received(JSON.parse(data));
    socket.onclose = ({ code }) => {
      say({ code });
      this.#over(code);
    };
    this.#ends.push(() => {
      socket.onmessage = socket.onclose = null;
      socket.close();
      board.close();
    });
  }

  #join(ticket) {
    const say = (message) => this.#channel.postMessage({ from: this.#id, ...message });
    const refused = () => {
      alone.add(this.#name);
      this.#over(AGAIN);
    };
    const timer = setTimeout(refused, PATIENCE);
    this.#ends.push(() => clearTimeout(timer));
    this.#send = (frame) => say({ frame });
    this.#channel.onmessage = ({ data: { tab, frame, code } }) => {
      if (tab && tab !== this.#id) return;
      if (code) return this.#over(code);
      if (!tab) return;
      clearTimeout(timer);
      if (!frame) return refused();
      this.#take(frame);
    };
    this.#hold(`${this.#name} ${this.#id}`, {}, () => say({ ticket }));
    const control = new AbortController();
    this.#ends.push(() => control.abort());
    // Whoever gets the leader's lock knows that it has ended.
    this.#locks.request(this.#name, control, () => this.#over(AGAIN)).catch(() => {});
  }
}

/** Who comes by this ticket, by a socket that ends with its credential; or null. */
function meet(url, ticket) {
  const address = new URL(url);
  address.searchParams.set("ticket", ticket);
  return new Promise((done) => {
    const socket = new WebSocket(address);
    const close = () => {
      socket.onclose = null;
      socket.close();
    };
    const met = { close };
    socket.onclose = ({ code }) => (met.onend ? met.onend(code) : done(null));
    socket.onmessage = ({ data }) => done(Object.assign(met, JSON.parse(data)));
  });
}

/** In the leader: which tab has asked for what. `send(frame)` goes to the server. The socket
 * follows the leader's credential alone, and each tab its own. */
export class Switchboard {
  #tabs = new Map(); // what each holds: frames that end it, by what they name
  #welcome = null;
  #joining = new Map(); // tickets of those who are not in yet
  #own = new Map(); // by what each of the others goes: see `meet`
  #send;
  #give;
  #meet;

  /**
   * `give(tab, frame, code)` tells a tab; null: it may not share, and a code ends it.
   * `meet(ticket)` promises the WELCOME of whom the ticket is for, with `close()`, and `onend(code)`
   * for when the credential ends; or null.
   */
  constructor(send, give, meet) {
    this.#send = send;
    this.#give = give;
    this.#meet = meet;
  }

  add(tab) {
    this.#tabs.set(tab, new Map());
  }

  join(tab, ticket) {
    this.#joining.set(tab, ticket);
    if (this.#welcome) this.#admit(tab, ticket);
  }

  async #admit(tab, ticket) {
    const own = await this.#met(ticket);
    if (!this.#joining.delete(tab)) return own?.close(); // it has left meanwhile
    if (own) this.add(tab);
    this.#give(tab, own && { ...this.#welcome, expires: own.expires });
    if (own) this.#follow(tab, own);
  }

  /** The server says whether the ticket is one of the same user and tenant. */
  async #met(ticket) {
    const { user, tenant } = this.#welcome;
    const met = await this.#meet(ticket);
    if (met?.user === user && met.tenant === tenant) return met;
    met?.close();
    return null;
  }

  /** Of a credential of its own, which is not that of the socket. */
  async #renew(tab, ticket) {
    const own = await this.#met(ticket);
    if (!this.#tabs.has(tab)) return own?.close();
    if (!own) return;
    this.#give(tab, { type: "RENEWED", expires: own.expires });
    this.#follow(tab, own);
  }

  /** It ends with its own credential. Where that is the socket's, no other one need tell. */
  #follow(tab, own) {
    this.#own.get(tab)?.close();
    this.#own.set(tab, own);
    own.onend = (code) => this.#give(tab, null, code);
    if (isSame(own, this.#welcome)) own.close();
  }

  /** The socket goes on by another credential: whoever came by the former has to show theirs. */
  #renewed({ expires }) {
    const before = this.#welcome;
    this.#welcome = { ...before, expires };
    if (isSame(before, this.#welcome)) return;
    for (const [tab, own] of this.#own) if (isSame(own, before)) this.#give(tab, null, AGAIN);
  }

  close() {
    this.#joining.clear();
    this.#tabs.clear();
    for (const own of this.#own.values()) own.close();
  }

  leave(tab) {
    this.#joining.delete(tab);
    this.#own.get(tab)?.close();
    this.#own.delete(tab);
    const held = this.#tabs.get(tab) ?? [];
    this.#tabs.delete(tab);
    for (const [name, end] of held) if (!this.#isHeld(name)) this.#send(end);
  }

  sent(tab, { etag, have, ...frame }) {
    const held = this.#tabs.get(tab);
    if (!held) return;
    const { action, model, id, ref = "" } = frame;
    const [leader] = this.#tabs.keys();
    if (action === "renew" && tab !== leader) return this.#renew(tab, frame.ticket);
    const window = frame.window && `${tab}:${frame.window}`;
    const name = `${model} ${window ?? id}`;
    if (action === "subscribe") held.set(name, { action: "unsubscribe", model, id, window });
    if (action === "unsubscribe" && held.delete(name) && this.#isHeld(name)) return;
    // A payload that this tab has may be one for which another still waits.
    const known = this.#tabs.size > 1 ? {} : { etag, have };
    this.#send({ ...frame, ...known, window, ref: `${tab}:${ref}` });
  }

  received(frame) {
    if (frame.type === "WELCOME") return this.#welcomed(frame);
    if (frame.type === "RENEWED") this.#renewed(frame);
    const [asked, ref] = split(frame.ref);
    const [holder, window] = split(frame.window);
    const own = { ...frame, ref: ref ? Number(ref) : undefined, window };
    const rest = forOthers(frame);
    for (const tab of this.#tabs.keys()) {
      if (tab === (asked ?? holder ?? tab)) this.#give(tab, own);
      else if (rest) this.#give(tab, rest);
    }
  }

  #welcomed(frame) {
    const { frames_per_second, frames_burst, ...limits } = frame.limits;
    limits.frames_per_second = frames_per_second / SHARE;
    limits.frames_burst = frames_burst / SHARE;
    this.#welcome = { ...frame, limits };
    for (const tab of this.#tabs.keys()) this.#give(tab, this.#welcome);
    for (const [tab, ticket] of this.#joining) this.#admit(tab, ticket);
  }

  #isHeld(name) {
    return [...this.#tabs.values()].some((held) => held.has(name));
  }
}

/** Credentials that end at the same microsecond are one; a whole second may be that of several. */
const isSame = (one, other) => one.expires === other.expires && one.expires?.includes(".");

const split = (text) => (typeof text === "string" ? text.split(":") : []);

/** A state that one tab asked for may stand for the one that all would have been sent. */
function forOthers({ type, model, id, audience, etag, changed, payload, code, detail }) {
  const kind = model?.split(".").pop().toUpperCase();
  if (payload) return { type: `UPDATE_${kind}`, model, id, audience, etag, changed, payload };
  return id && OVER.includes(code) ? { type, model, id, code, detail } : null;
}
