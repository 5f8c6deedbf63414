/** Live copies of what you may see: see `index.d.ts`. */

import { Connection } from "./connection.js";
import { read } from "./rest.js";
import { EMPTY, PENDING, Store, changesOf, copyOf, listOf } from "./store.js";

export { read };

const CONFIRMED = 5000; // milliseconds in which the server has told what a write has led to

export const connect = (options) => new Earshot(options);

class Earshot {
  #store = new Store();
  #connection;
  #options;

  constructor(options) {
    this.#options = { WebSocket: globalThis.WebSocket, ...options };
    this.#connection = new Connection(this.#options, {
      open: () => this.#do((store) => store.connected()),
      end: (forget) => this.#do((store) => store.disconnected(forget)),
      status: (status) => guard(this.#options.onstatus, status),
      frame: (frame, direction) => {
        guard(this.#options.onframe, frame, direction);
        if (direction === "in") this.#do((store) => store.receive(frame));
      },
    });
  }

  get status() {
    return this.#connection.status;
  }

  connect() {
    this.#connection.connect();
  }

  close() {
    this.#connection.close();
  }

  object(model, id, { first } = {}) {
    const held = () => this.#store.objects.get(`${model} ${id}`);
    const handle = this.#observable({
      value: () => (held() ? copyOf(held()) : PENDING),
      hold: (store, first) => store.watch(model, id, first),
      release: (store, item) => store.unwatch(item),
      follow: () => (copy) => copy,
      first,
    });
    return Object.assign(handle, {
      wrote: (copy) => this.#do((store) => held()?.single && store.wrote(held(), copy)),
      write: async (values, send) => {
        const stop = handle.subscribe(() => {}); // also what only lists hold
        const undo = this.#do((store) => store.draft(held(), values));
        try {
          const copy = await read(await send());
          handle.wrote(copy);
          return copy;
        } finally {
          this.#do(undo);
          setTimeout(stop, CONFIRMED);
        }
      },
    });
  }

  collection(model, { where, limit, after, first } = {}) {
    const options = { where, limit, after };
    const key = JSON.stringify([model, where, limit, after]);
    const held = () => this.#store.lists.get(key);
    return this.#observable({
      value: () => (held() ? listOf(this.#store, held()) : EMPTY),
      hold: (store, first) => store.open(key, model, options, first),
      release: (store, list) => store.close(list),
      follow: withChanges,
      first,
    });
  }

  /** What is held as long as somebody listens; all listeners of one thing hold it together. */
  #observable({ value, hold, release, follow, first }) {
    const subscribe = (listener) => {
      const target = this.#do((store) => hold(store, first));
      first = null; // what is forgotten may not stay here
      const listeners = (target.listeners ??= new Set());
      const followed = follow();
      const tell = () => listeners.has(tell) && guard(listener, followed(value()));
      listeners.add(tell);
      queueMicrotask(tell);
      if (this.status.state === "closed") this.connect();
      return () => {
        if (!listeners.delete(tell) || listeners.size) return;
        // Whoever subscribes again at once, as a view that is drawn anew, goes on with it.
        clearTimeout(target.timer);
        target.timer = setTimeout(() => listeners.size || this.#do((store) => release(store, target)));
      };
    };
    return {
      get value() {
        return value();
      },
      subscribe,
      [Symbol.asyncIterator]: () => iterate(subscribe, value, follow()),
    };
  }

  /** Decide something, then send and tell what follows from it. */
  #do(decide) {
    const store = this.#store;
    const result = decide(store);
    const { out, changed } = store;
    store.out = [];
    store.changed = new Set();
    for (const frame of out) this.#connection.send(frame);
    for (const { listeners } of changed) for (const tell of [...(listeners ?? [])]) tell();
    return result;
  }
}

/** To each list the changes since the one before. */
function withChanges() {
  let before = new Map();
  return (list) => {
    const { changes, now } = changesOf(before, list.rows);
    before = now;
    return { ...list, changes };
  };
}

/** The newest value each time; nothing is kept while nobody takes it. */
async function* iterate(subscribe, value, followed) {
  let fresh = false;
  let wake;
  const stop = subscribe(() => {
    fresh = true;
    wake?.();
  });
  try {
    for (;;) {
      while (!fresh) await new Promise((done) => (wake = done));
      fresh = false;
      yield followed(value());
    }
  } finally {
    stop();
  }
}

/** A listener that throws must harm neither the others nor the connection. */
function guard(callback, ...args) {
  try {
    callback?.(...args);
  } catch (error) {
    Promise.reject(error);
  }
}
