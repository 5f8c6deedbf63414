/** Copies that outlive the page, in IndexedDB: see `cache.d.ts`. */

import { connect as connectOnly } from "./index.js";

const PREFIX = "earshot ";
const STORE = "kept";
const UNTIL = "until"; // when the credential ends
const MOST = 1_000; // copies and lists, the newest
const ENDED = [4401, 4403];

export async function connect({ user, ...options }) {
  const place = new URL(options.url, globalThis.location?.href);
  const name = `${PREFIX}${user} ${place} ${options.tenant ?? ""}`;
  const others = globalThis.BroadcastChannel && new BroadcastChannel(name);
  const kept = new Kept(await open(name, user), others);
  await kept.load();
  return new Cached(options, user, kept);
}

class Cached {
  #earshot;
  #kept;
  #shown = new Set(); // for each listener, the names of the copies that it is shown

  constructor(options, user, kept) {
    this.#kept = kept;
    this.#earshot = connectOnly({
      ...options,
      onstatus: (status) => {
        if (ENDED.includes(status.code)) kept.wipe();
        options.onstatus?.(status);
      },
      onframe: (frame, direction) => {
        if (direction === "in") this.#keep(frame, user);
        options.onframe?.(frame, direction);
      },
    });
  }

  get status() {
    return this.#earshot.status;
  }

  connect() {
    this.#earshot.connect();
  }

  close() {
    this.#earshot.close();
    this.#kept.wipe();
  }

  object(model, id, { first } = {}) {
    const name = `${model} ${id}`;
    const begin = () => {
      const known = first ?? this.#kept.get(name);
      first = null;
      return this.#earshot.object(model, id, { first: known });
    };
    return this.#live(this.#earshot.object(model, id), begin, (shown, { state, error }) => {
      if (state === "live") shown.add(name);
      else if (state === "gone" || error?.code === "not_found") this.#release(shown, [name]);
    });
  }

  collection(model, { first, ...query } = {}) {
    const { where, limit, after } = query;
    const key = JSON.stringify([model, where, limit, after]);
    const begin = () => {
      const known = first ?? this.#listed(model, key);
      first = null;
      return this.#earshot.collection(model, { ...query, first: known });
    };
    return this.#live(this.#earshot.collection(model, query), begin, (shown, list) => {
      const { state, rows, more, cursor } = list;
      if (state === "pending") return;
      const ids = rows.map(({ id }) => id);
      const names = ids.map((id) => `${model} ${id}`);
      const before = (this.#kept.get(key)?.ids ?? []).map((id) => `${model} ${id}`);
      names.forEach((name) => shown.add(name));
      this.#release(shown, [...shown, ...before].filter((name) => !names.includes(name)));
      if (state === "live") this.#kept.put(key, { ids, more, cursor });
      else this.#kept.delete(key);
    });
  }

  #live(bare, begin, note) {
    const subscribe = (listener) => {
      const shown = new Set();
      this.#shown.add(shown);
      const stop = begin().subscribe((value) => {
        note(shown, value);
        listener(value);
      });
      return () => {
        this.#shown.delete(shown);
        stop();
      };
    };
    async function* iterate() {
      const stop = subscribe(() => {});
      try {
        yield* bare;
      } finally {
        stop();
      }
    }
    return Object.create(bare, { subscribe: { value: subscribe }, [Symbol.asyncIterator]: { value: iterate } });
  }

  /** As the server sent it: what is shown may have drafts in it. */
  #keep({ model, id, window, audience, etag, payload, user, tenant, expires }, own) {
    const name = `${model} ${id}`;
    if (user) this.#kept.of(tenant);
    if (user && user !== own) this.#kept.end();
    if (expires !== undefined) this.#kept.put(UNTIL, { expires });
    queueMicrotask(() => {
      const held = this.#isShown(name);
      if (payload) {
        // Tabs that share a socket also hear of what only others hold, and not when it goes.
        if (window || held || this.#kept.get(name)) this.#kept.put(name, { audience, etag, payload });
      } else if (id && !etag && !held) this.#kept.delete(name); // it went
    });
  }

  /** What no listener is shown any longer is forgotten. */
  #release(shown, names) {
    for (const name of names) {
      shown.delete(name);
      if (!this.#isShown(name)) this.#kept.delete(name);
    }
  }

  #isShown(name) {
    return [...this.#shown].some((each) => each.has(name));
  }

  #listed(model, key) {
    const list = this.#kept.get(key);
    if (!list) return undefined;
    const { ids, more, cursor } = list;
    const held = ids.map((id) => ({ id, ...this.#kept.get(`${model} ${id}`) })).filter(({ etag }) => etag);
    return { results: held.map(({ payload }) => payload), rows: held, more, cursor };
  }
}

/** Everything that is kept, here and in the database; other pages are told what goes. */
class Kept {
  #all = new Map();
  #database;
  #others;
  #tenant;

  constructor(database, others) {
    this.#database = database;
    this.#others = others;
    // One of them may have written it once more meanwhile.
    if (others) others.onmessage = ({ data }) => (data ? this.#forget(data) : this.#clear());
  }

  async load() {
    const found = (await this.#do("readonly", (store) => [store.getAllKeys(), store.getAll()])) ?? [];
    const [keys = [], values = []] = found.map(({ result }) => result);
    const entries = keys.map((key, n) => [key, values[n]]).sort(([, a], [, b]) => b.at - a.at);
    this.#all = new Map(entries);
    const until = this.get(UNTIL);
    if (!until) return entries.length && this.wipe(); // nobody knows how long
    this.#tenant = until.tenant;
    const own = entries.filter(([key, { tenant }]) => key !== UNTIL && tenant === until.tenant);
    const kept = new Set([UNTIL, ...own.slice(0, MOST).map(([key]) => key)]);
    for (const key of keys) if (!kept.has(key)) this.delete(key);
  }

  /** What was kept of another tenant goes. */
  of(tenant) {
    if (this.#tenant && tenant !== this.#tenant) this.wipe();
    this.#tenant = tenant;
  }

  get(name) {
    if (Date.parse(this.#all.get(UNTIL)?.expires) < Date.now()) this.wipe();
    return this.#all.get(name);
  }

  put(name, value) {
    const entry = { ...value, tenant: this.#tenant, at: Date.now() };
    this.#all.set(name, entry);
    this.#do("readwrite", (store) => store.put(entry, name));
  }

  /** Also what only the database has. */
  delete(name) {
    this.#forget(name);
    this.#others?.postMessage(name);
  }

  wipe() {
    this.#clear();
    this.#others?.postMessage(null);
  }

  /** Wipe, and keep nothing from now on. */
  end() {
    this.wipe();
    this.#database = null;
  }

  #forget(name) {
    this.#all.delete(name);
    this.#do("readwrite", (store) => store.delete(name));
  }

  #clear() {
    this.#all.clear();
    this.#do("readwrite", (store) => store.clear());
  }

  /** What was asked for once that is done; nothing where the browser refuses. */
  #do(mode, ask) {
    return new Promise((done) => {
      try {
        const transaction = this.#database.transaction(STORE, mode);
        const asked = ask(transaction.objectStore(STORE));
        transaction.oncomplete = () => done(asked);
        transaction.onabort = () => done();
      } catch {
        done();
      }
    });
  }
}

/** This user's database; those of others are deleted. Null where the browser has none. */
async function open(name, user) {
  try {
    for (const { name: other } of await indexedDB.databases()) {
      if (other.startsWith(PREFIX) && !other.startsWith(`${PREFIX}${user} `)) indexedDB.deleteDatabase(other);
    }
    const request = indexedDB.open(name);
    request.onupgradeneeded = () => request.result.createObjectStore(STORE);
    return await new Promise((done) => {
      request.onsuccess = () => {
        request.result.onversionchange = () => request.result.close();
        done(request.result);
      };
      request.onerror = () => done(null);
    });
  } catch {
    return null;
  }
}
