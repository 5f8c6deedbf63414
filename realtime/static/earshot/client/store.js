/** What a client holds, decided without I/O: frames go in, and frames to send come out. */

import { helpOf } from "./rest.js";

const NOTHING = { audience: null, payload: null, changed: [], etag: null };
const HAVE_BYTES = 11_000; // of ids and etags: fewer than 300, in a frame below 16 KiB

export const PENDING = { ...NOTHING, state: "pending" };
export const EMPTY = { state: "pending", rows: [], more: false, cursor: null };

const keyOf = (model, id) => `${model} ${id}`;

export class Store {
  objects = new Map();
  lists = new Map();
  /** Frames to send, and what has changed: whoever calls takes them. */
  out = [];
  changed = new Set();

  #names = new Map(); // the open windows
  #ref = 0;
  #online = false;

  // What the application asks for.

  /** Hold an object for its own sake; `first` is a copy that REST answered. */
  watch(model, id, first) {
    const item = this.#item(model, id);
    if (item.single && !item.over) return item;
    item.single = true;
    item.over = null;
    if (first && !item.data) this.#put(item, first, true);
    this.#touch(item);
    this.#ask(item);
    return item;
  }

  unwatch(item) {
    const { model, id, over } = item;
    item.single = item.waiting = false;
    item.over = null;
    if (!over) this.#send({ action: "unsubscribe", model, id });
    if (!item.lists.size) this.#drop(item);
  }

  /** Hold a window; `first` is what the list GET answered. */
  open(key, model, options, first) {
    let list = this.lists.get(key);
    if (list) return list;
    const { more = false, cursor = null } = first ?? {};
    list = { key, model, options, rows: [], next: null, state: "pending", more, cursor };
    first?.rows.forEach((row, n) => {
      const item = this.#item(model, row.id);
      if (!item.data) this.#put(item, { ...row, payload: first.results[n] }, true);
      this.#hold(list, item, null);
    });
    this.lists.set(key, list);
    this.#ask(list);
    return list;
  }

  close(list) {
    this.lists.delete(list.key);
    this.#endWindow(list);
    this.#set(list, []);
  }

  /** Show these values over an object's payload; returns what takes them back. */
  draft(item, values) {
    item.drafts.push(values);
    this.#touch(item);
    return () => {
      item.drafts = item.drafts.filter((each) => each !== values);
      this.#touch(item);
    };
  }

  /**
   * Take the answer to a write of one's own. Others may have written since, and of that the socket
   * may have told already: so the server is asked whether this is still the state.
   */
  wrote(item, copy) {
    if (!copy.etag || !item.single || item.over || item.seen.includes(copy.etag)) return;
    this.#put(item, copy, item.stale || !this.#online);
    this.#ask(item);
  }

  // What happens to the connection.

  connected() {
    this.#online = true;
    for (const item of this.objects.values()) if (item.single && !item.over) this.#ask(item);
    for (const list of this.lists.values()) if (list.state !== "refused") this.#ask(list);
  }

  /** `forget`: and nothing may be held any longer. */
  disconnected(forget) {
    this.#online = false;
    this.#names.clear();
    this.out = [];
    for (const item of this.objects.values()) {
      item.waiting = false;
      item.stale = true;
      this.#touch(item);
    }
    for (const list of this.lists.values()) {
      list.name = null;
      if (list.state === "live") list.state = "pending";
      if (forget) Object.assign(list, { more: false, cursor: null });
      this.#set(list, forget ? [] : list.rows);
    }
    if (forget) for (const item of this.objects.values()) this.#drop(item);
  }

  // What the server says.

  receive(frame) {
    const { type, model, id, window, audience } = frame;
    const item = this.objects.get(keyOf(model, id));
    if (window) this.#receiveRow(frame, this.#names.get(window));
    else if (type === "ERROR") this.#refuse(frame, item);
    else if (item && type.startsWith("DELETE_")) {
      for (const list of item.lists) this.#leave(list, id);
      if (item.single && !item.waiting) item.over ??= over(item, "gone");
      this.#drop(item);
    } else if (item && audience && (!item.over || item.lists.size)) this.#receiveState(frame, item);
  }

  #receiveState(frame, item) {
    const answer = frame.type === "SUBSCRIBED" && frame.ref === item.ref;
    if (this.#put(item, frame)) item.waiting &&= !answer;
    else if (answer) this.#ask(item); // it confirms what is not here
  }

  #receiveRow(frame, list) {
    if (!list) return; // it has ended
    const { type, model, id, more, cursor } = frame;
    if (type === "ENTERED") {
      const item = this.#item(model, id);
      if (!this.#put(item, frame)) return this.#tidy(item), this.#ask(list);
      this.#hold(list, item, frame.before);
      if (!list.next) this.#touch(list);
    } else if (type === "LEFT") {
      this.#leave(list, id);
    } else if (type === "ERROR") {
      Object.assign(list, { name: null, state: "refused", error: refusal(frame) });
      this.#set(list, []);
    } else {
      Object.assign(list, { more, cursor, state: "live" });
      this.#set(list, list.next ?? list.rows);
    }
  }

  #refuse(frame, about) {
    const { ref, code } = frame;
    const item = ref ? [...this.objects.values()].find((each) => each.ref === ref) : about;
    if (!item?.single || item.over) return;
    item.waiting = false;
    if (code === "unavailable") item.stale = true; // it comes by itself
    else item.over = over(item, "refused", refusal(frame));
    if (item.over && !item.lists.size) this.#drop(item);
    this.#touch(item);
  }

  // What is held.

  #item(model, id) {
    const key = keyOf(model, id);
    const item = this.objects.get(key);
    const fresh = { key, model, id, data: null, drafts: [], seen: [], lists: new Set() };
    if (!item) this.objects.set(key, fresh);
    return item ?? fresh;
  }

  /** Returns whether the frame's payload is here now. */
  #put(item, { audience, etag, payload, changed = [] }, stale = false) {
    const held = item.data;
    if (!payload && held?.etag !== etag) return false;
    if (held?.etag !== etag || held.audience !== audience || item.stale !== stale) {
      item.data = { audience, etag, payload: payload ?? held.payload, changed };
      item.stale = stale;
      item.seen = [etag, ...item.seen].slice(0, 8);
      this.#touch(item);
    }
    return true;
  }

  /** Also what nobody holds any more may be in a listener's hands. */
  #drop(item) {
    Object.assign(item, { data: null, drafts: [], seen: [] });
    this.#touch(item);
    this.#tidy(item);
  }

  #tidy(item) {
    if (!item.single && !item.lists.size) this.objects.delete(item.key);
  }

  #hold(list, item, before) {
    const ids = (list.next ?? list.rows).filter((id) => id !== item.id);
    const place = ids.indexOf(before);
    ids.splice(place < 0 ? ids.length : place, 0, item.id);
    list[list.next ? "next" : "rows"] = ids;
    item.lists.add(list);
  }

  #leave(list, id) {
    const without = (ids) => ids?.filter((each) => each !== id);
    if ([...list.rows, ...(list.next ?? [])].includes(id)) {
      this.#set(list, without(list.rows), without(list.next));
    }
  }

  /** Make these the list's rows, and those to come; what is in neither is let go. */
  #set(list, rows, next) {
    const kept = new Set([...rows, ...(next ?? [])]);
    for (const id of [...list.rows, ...(list.next ?? [])]) {
      const item = this.objects.get(keyOf(list.model, id));
      if (kept.has(id) || !item) continue;
      item.lists.delete(list);
      if ((item.over || !item.single) && !item.lists.size) this.#drop(item);
    }
    list.rows = rows;
    list.next = next;
    this.#touch(list);
  }

  #touch(target) {
    target.value = null;
    this.changed.add(target);
    for (const list of target.lists ?? []) this.#touch(list);
  }

  // What is sent.

  #send(frame) {
    if (this.#online) this.out.push({ ...frame, ref: ++this.#ref });
    return this.#ref;
  }

  #ask(target) {
    if (!this.#online) return;
    if (target.rows) return this.#askList(target);
    const { model, id, data } = target;
    target.waiting = true;
    target.ref = this.#send({ action: "subscribe", model, id, ...(data && { etag: data.etag }) });
  }

  /** Always under a new name, so that what is still said of the old one confuses nobody. */
  #askList(list) {
    const { model, options } = list;
    this.#endWindow(list);
    const window = (list.name = `w${this.#ref + 1}`);
    this.#names.set(window, list);
    list.state = "pending";
    this.#set(list, list.rows, []);
    this.#send({ action: "subscribe", model, window, ...options, ...this.#have(list) });
  }

  #have({ model }) {
    const have = {};
    let bytes = 0;
    for (const item of this.objects.values()) {
      if (item.model !== model || !item.data) continue;
      bytes += item.id.length + item.data.etag.length + 6;
      if (bytes < HAVE_BYTES) have[item.id] = item.data.etag;
    }
    return bytes ? { have } : {};
  }

  #endWindow({ model, name: window }) {
    if (window) this.#send({ action: "unsubscribe", model, window });
    this.#names.delete(window);
  }
}

const refusal = ({ code, detail }) => ({ code, detail, help: helpOf(code) });

const over = ({ id }, state, error) => ({ ...NOTHING, id, state, error });

/** An object as it is shown to whoever asked for it by its id; never changed in place. */
export const copyOf = (item) => item.over ?? rowOf(item);

/** An object as it is shown in lists. */
function rowOf(item) {
  const { id, data, stale, drafts } = item;
  return (item.value ??= {
    ...NOTHING,
    ...data,
    payload: data && Object.assign({}, data.payload, ...drafts),
    id,
    state: data && !stale ? "live" : "pending",
  });
}

/** A list as it is shown; rows are in its order. */
export function listOf(store, list) {
  const { model, state, more, cursor, error } = list;
  return (list.value ??= {
    state,
    rows: list.rows.map((id) => rowOf(store.objects.get(keyOf(model, id)))),
    more,
    cursor,
    error,
  });
}

/** What has happened between two times: `before` is the etags by id of the rows then, in order. */
export function changesOf(before, rows) {
  const now = new Map(rows.map(({ id, etag }) => [id, etag]));
  const left = [...before.keys()].filter((id) => !now.has(id)).map((id) => ({ type: "left", id }));
  const other = rows.flatMap(({ id, etag }, n) => {
    if (!before.has(id)) return { type: "entered", id, before: rows[n + 1]?.id ?? null };
    return before.get(id) === etag ? [] : { type: "updated", id };
  });
  return { changes: [...left, ...other.reverse()], now };
}
