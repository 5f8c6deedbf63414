/** One socket for all tabs of a browser: see `tabs.d.ts`. */

const PATIENCE = 3_000; // for the leader's word
const LONGEST_TIMER = 2e9; // one of more than 24 days would end at once
const AGAIN = 4500; // the close code after which a client is soon back
const SHARE = 4; // so many tabs may be busy at a time, within the server's limit of frames
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

/** What a client uses of a WebSocket. */
class Tab {
  #id = crypto.randomUUID();
  #name;
  #locks;
  #channel;
  #send = null;
  #ends = []; // what is to be undone at the end
  #closed = false;
  #end; // the timer of its own credential

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
      (tab, frame) => (tab === this.#id ? this.#take(frame) : this.#closed || say({ tab, frame })),
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
      if (code) return this.#over(code);
      if (tab !== this.#id) return;
      clearTimeout(timer);
      if (!frame) return refused();
      if (frame.expires) this.#endAt(Date.parse(frame.expires));
      this.#take(frame);
    };
    this.#ends.push(() => clearTimeout(this.#end));
    this.#hold(`${this.#name} ${this.#id}`, {}, () => say({ ticket }));
    const control = new AbortController();
    this.#ends.push(() => control.abort());
    // Whoever gets the leader's lock knows that it has ended.
    this.#locks.request(this.#name, control, () => this.#over(AGAIN)).catch(() => {});
  }

  /** The socket is another's: what ends with this tab's own credential, it ends by itself. */
  #endAt(time) {
    const left = time - Date.now();
    const end = () => (Date.now() < time ? this.#endAt(time) : this.#over(4401));
    clearTimeout(this.#end);
    if (left > 0) this.#end = setTimeout(end, Math.min(left, LONGEST_TIMER));
  }
}

/** The first frame for whom this ticket is, by a socket that ends at once; or null. */
function meet(url, ticket) {
  const address = new URL(url);
  address.searchParams.set("ticket", ticket);
  return new Promise((done) => {
    const socket = new WebSocket(address);
    socket.onclose = () => done(null);
    socket.onmessage = ({ data }) => {
      done(JSON.parse(data));
      socket.close();
    };
  });
}

/** In the leader: which tab has asked for what. `send(frame)` goes to the server. The socket
 * follows the leader's credential alone. */
export class Switchboard {
  #tabs = new Map(); // what each holds: frames that end it, by what they name
  #welcome = null;
  #joining = new Map(); // tickets of those who are not in yet
  #send;
  #give;
  #meet;

  /**
   * `give(tab, frame)` tells a tab; null: it may not share. `meet(ticket)` promises the WELCOME of
   * whom the ticket is for, or null.
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
    if (!this.#joining.delete(tab)) return; // it has left meanwhile
    if (own) this.add(tab);
    this.#give(tab, own && { ...this.#welcome, expires: own.expires });
  }

  /** The server says whether the ticket is one of the same user and tenant. */
  async #met(ticket) {
    const { user, tenant } = this.#welcome;
    const met = await this.#meet(ticket);
    return met?.user === user && met.tenant === tenant ? met : null;
  }

  /** Of a credential of its own, which is not that of the socket. */
  async #renew(tab, ticket) {
    const own = await this.#met(ticket);
    if (own) this.#give(tab, { type: "RENEWED", expires: own.expires });
  }

  leave(tab) {
    this.#joining.delete(tab);
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

const split = (text) => (typeof text === "string" ? text.split(":") : []);

/** A state that one tab asked for may stand for the one that all would have been sent. */
function forOthers({ type, model, id, audience, etag, changed, payload, code, detail }) {
  const kind = model?.split(".").pop().toUpperCase();
  if (payload) return { type: `UPDATE_${kind}`, model, id, audience, etag, changed, payload };
  return id && OVER.includes(code) ? { type, model, id, code, detail } : null;
}
