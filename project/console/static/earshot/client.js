/**
 * Earshot's browser client: one WebSocket, and a live copy of every object you subscribe to,
 * as your own audience sees it. ES modules (this one and `connection.js`), no dependencies.
 *
 *     import { Earshot } from "./client.js";
 *
 *     const earshot = new Earshot({
 *       url: "/ws/",
 *       tenant: "acme",
 *       ticket: async () => (await post("/api/tickets/")).ticket, // null: the session cookie
 *     });
 *     const unsubscribe = earshot.subscribe("resources.document", id, (copy) => render(copy));
 *
 * With Redux, hand the server's frames on as they are; their `type` is the action's:
 *
 *     earshot.onframe = (frame, direction) => direction === "in" && store.dispatch(frame);
 *
 * @typedef {object} Copy      Never changed in place; every listener call brings a new one.
 * @property {"pending"|"live"|"gone"|"refused"} state
 *     pending: asked for, or cut off (then with the last payload); gone: deleted or no longer
 *     yours; refused: the server answered with `error`. The last two stay until asked again.
 * @property {string|null} audience
 * @property {object|null} payload
 * @property {string[]} changed   The fields that the last update changed; else empty.
 * @property {string|null} etag
 * @property {{code: string, detail: string}} [error]
 */

import { Connection } from "./connection.js";

const NOTHING = Object.freeze({ audience: null, payload: null, changed: [], etag: null });

/** The client rule: what a frame makes of a copy. Pure, so it serves as a reducer too. */
export function apply(copy, frame) {
  const { type, audience, etag, payload = copy.payload, changed = [] } = frame;
  if (type === "SUBSCRIBED" || type === "AUDIENCE_CHANGED" || type.startsWith("UPDATE_")) {
    return { state: "live", audience, payload, changed, etag };
  }
  if (type.startsWith("DELETE_")) return { ...NOTHING, state: "gone" };
  if (type === "ERROR" && frame.code === "unavailable") {
    return { ...copy, state: "pending", changed: [] }; // it comes by itself
  }
  if (type === "ERROR") {
    return { ...NOTHING, state: "refused", error: { code: frame.code, detail: frame.detail } };
  }
  return copy;
}

export class Earshot {
  /** Called with (frame, "in" | "out") for every frame. */
  onframe = () => {};
  /** Called with a Status (see connection.js) whenever it changes. */
  onstatus = () => {};

  #connection;
  #entries = new Map();
  #ref = 0;

  /**
   * @param {object} options
   * @param {string} options.url        Of the socket; may be relative to the page.
   * @param {() => Promise<string|null>} options.ticket
   *     Asked before each connection. It may throw an error with `status` 401 (as if closed with
   *     4401), 403 or 429 (with `retryAfter` seconds, if known); any other counts as an outage.
   * @param {string} [options.tenant]
   * @param {typeof WebSocket} [options.WebSocket]
   */
  constructor({ url, ticket, tenant, WebSocket = globalThis.WebSocket }) {
    this.#connection = new Connection({ url, ticket, tenant, WebSocket }, {
      open: () => this.#requestPending(),
      end: () => this.#interrupt(),
      status: (status) => guard(this.onstatus, status),
      frame: (frame, direction) => {
        guard(this.onframe, frame, direction);
        if (direction === "in") this.#receive(frame);
      },
    });
  }

  get status() {
    return this.#connection.status;
  }

  /** Connect now, unless connected or at it: to begin, after a stop, or when the network is back. */
  connect() {
    this.#connection.connect();
  }

  /** Close, and stay closed until `connect()` or a new subscription. */
  close() {
    this.#connection.close();
  }

  /**
   * Keep `listener` told about one object, beginning with its present copy. Connects if need be.
   * Subscribing to what is gone or refused asks the server again.
   * @param {(copy: Copy) => void} listener
   * @returns {() => void} unsubscribe
   */
  subscribe(model, id, listener) {
    const key = keyOf(model, id);
    const handle = { listener };
    let entry = this.#entries.get(key);
    if (!entry) {
      entry = { model, id, ref: 0, listeners: new Set(), copy: { ...NOTHING, state: "pending" } };
      this.#entries.set(key, entry);
      this.#request(entry);
    } else if (isOver(entry)) {
      this.#set(entry, { ...NOTHING, state: "pending" });
      this.#request(entry);
    }
    entry.listeners.add(handle);
    queueMicrotask(() => entry.listeners.has(handle) && guard(listener, entry.copy));
    if (this.status.state === "closed") this.connect();

    return () => {
      if (!entry.listeners.delete(handle) || entry.listeners.size) return;
      this.#entries.delete(key);
      if (!isOver(entry)) this.#send({ action: "unsubscribe", model, id });
    };
  }

  #receive(frame) {
    if (frame.code === "rate_limited") {
      // It does not say which frame was refused, so ask again for all that has no answer.
      return this.#connection.pause(() => this.#requestPending());
    }
    const entry = this.#find(frame);
    if (!entry && frame.type.startsWith("UPDATE_")) {
      const { model, id } = frame;
      this.#send({ action: "unsubscribe", model, id }); // the first one did not arrive
    }
    if (!entry || isOver(entry)) return;
    const { payload, etag } = entry.copy;
    if (frame.type === "SUBSCRIBED" && !frame.payload && !(payload && etag === frame.etag)) {
      this.#set(entry, { ...NOTHING, state: "pending" });
      return this.#request(entry); // it confirms a copy that is not here
    }
    const copy = apply(entry.copy, frame);
    if (copy !== entry.copy) this.#set(entry, copy);
  }

  /** The entry a frame is about; an answer counts only if it is the one to the latest request. */
  #find({ type, model, id, ref }) {
    if (type === "ERROR") return [...this.#entries.values()].find((entry) => entry.ref === ref);
    const entry = this.#entries.get(keyOf(model, id));
    return type === "SUBSCRIBED" && entry?.ref !== ref ? undefined : entry;
  }

  #set(entry, copy) {
    entry.copy = Object.freeze(copy);
    for (const { listener } of [...entry.listeners]) guard(listener, copy);
  }

  #interrupt() {
    for (const entry of this.#entries.values()) {
      const { copy } = entry;
      if (copy.state === "live") this.#set(entry, { ...copy, state: "pending", changed: [] });
    }
  }

  #requestPending() {
    for (const entry of this.#entries.values()) {
      if (entry.copy.state === "pending") this.#request(entry);
    }
  }

  /** The etag goes along only with the payload that it stands for in hand. */
  #request(entry) {
    const { model, id, copy } = entry;
    const etag = copy.payload ? { etag: copy.etag } : {};
    entry.ref = this.#send({ action: "subscribe", model, id, ...etag });
  }

  #send(frame) {
    const ref = ++this.#ref;
    this.#connection.send({ ...frame, ref });
    return ref;
  }
}

const keyOf = (model, id) => `${model} ${id}`;
const isOver = ({ copy }) => copy.state === "gone" || copy.state === "refused";

/** A listener that throws must harm neither the others nor the connection. */
function guard(callback, ...args) {
  try {
    callback(...args);
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
  }
}
