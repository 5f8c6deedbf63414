/** What one person is sent: a live list, one object as a field list, and the raw frames. */

import { connect } from "./client/index.js";
import { element } from "./dom.js";

const FIELDS = [
  "id", "title", "body", "status", "owner_name", "updated_at", "created_at",
  "review_notes", "due_on", "budget",
];
const LONG = new Set(["body", "review_notes"]);
const TIMES = new Set(["updated_at", "created_at"]);
const DAY = { day: "numeric", month: "short", year: "numeric" };
const MAX_FRAMES = 60;
const MAX_ROWS = 50;
const ASIDE = new Set(["WELCOME", "PONG", "UNSUBSCRIBED", "ERROR", "MORE"]);
const FLASH = 2500;
const STOPPED = {
  1000: "ended by an administrator",
  4400: "unusable request",
  4401: "signed out",
  4403: "not a member any more",
  4413: "frame too big",
};
const ENDED = {
  gone: ["The copy has ended", "Deleted, or no longer shared: the server does not say which."],
  refused: ["Nothing to hear", "To this person the document does not exist."],
};

export class Pane {
  copy = { state: "pending", payload: null };
  list = { state: "pending", rows: [] };
  #parts = {};
  #rows = {};
  #unsubscribe = () => {};
  #unlist = () => {};
  #model;
  #id;

  /**
   * `onchange()` after each new copy; `onheard(frame)` for each frame that brought a change;
   * `onchoose(id)` when a row of the list is chosen.
   */
  constructor(person, about, { onchange, onheard, onchoose }) {
    Object.assign(this, { person, name: person.username, onchange, onheard, onchoose });
    this.element = document.getElementById("pane").content.firstElementChild.cloneNode(true);
    for (const part of this.element.querySelectorAll("[data-part]")) {
      this.#parts[part.dataset.part] = part;
    }
    this.element.id = `pane-${this.name}`;
    this.element.querySelector(".avatar").textContent = this.name[0].toUpperCase();
    this.#parts.name.textContent = this.name;
    this.#parts.about.textContent = about;
    this.#parts.frames.setAttribute("aria-label", `Frames of ${this.name}`);
    this.#parts.list.setAttribute("aria-label", `Documents of ${this.name}`);
    this.#parts.fields.append(...FIELDS.map((field) => this.#row(field)));
    this.#parts.subscribe.addEventListener("click", () => this.subscribe());
    this.#parts.connect.addEventListener("click", () => this.earshot.connect());
    this.#badge();

    this.earshot = connect({
      url: "/ws/",
      tenant: person.tenant,
      credentials: () => person.ticket(),
      onstatus: (status) => this.#status(status),
      onframe: (frame, direction) => this.#frame(frame, direction),
    });
  }

  get ended() {
    return this.copy.state === "gone" || this.copy.state === "refused";
  }

  sees(field) {
    return field in (this.copy.payload ?? {});
  }

  watch(model, id) {
    this.#model = model;
    this.#id = id;
    this.subscribe();
  }

  /** Ask again, as one does after the document has been shared anew. */
  subscribe() {
    this.#unsubscribe();
    const object = this.earshot.object(this.#model, this.#id);
    this.#unsubscribe = object.subscribe((copy) => this.#show(copy));
    this.#mark();
  }

  /** Keep the list of what this person may see, with this filter. */
  watchList(model, where) {
    this.#unlist();
    const list = this.earshot.collection(model, { where, limit: MAX_ROWS });
    this.#unlist = list.subscribe((value) => this.#showList(value));
  }

  #showList(list) {
    this.list = list;
    const rows = new Map([...this.#parts.list.children].map((item) => [item.dataset.id, item]));
    const items = list.rows.map((row) => this.#listed(row, rows.get(row.id)));
    for (const { type, id } of list.changes) {
      if (type !== "left" && rows.size) flash(items.find((item) => item.dataset.id === id));
    }
    this.#parts.list.replaceChildren(...items);
    this.#parts.count.textContent = list.state === "pending" ? "…" : `${items.length}${list.more ? "+" : ""}`;
    this.#parts.none.hidden = items.length > 0 || list.state === "pending";
    this.#mark();
    this.onchange();
  }

  #listed({ id, audience, payload }, item = element("li", { className: "listed" })) {
    const button = item.firstChild ?? element("button", { type: "button" });
    if (!item.firstChild) button.addEventListener("click", () => this.onchoose(id));
    item.dataset.id = id;
    item.dataset.audience = audience ?? "none";
    button.title = audience ? `seen as ${audience}` : "";
    button.replaceChildren(
      element("b", { textContent: payload?.title ?? "…" }),
      element("small", { textContent: payload?.status ?? "" }),
    );
    item.append(button);
    return item;
  }

  #mark() {
    for (const item of this.#parts.list.children) {
      item.firstChild.setAttribute("aria-pressed", String(item.dataset.id === this.#id));
    }
  }

  heard(text, tone = "") {
    this.#parts.heard.textContent = text;
    this.#parts.heard.dataset.tone = tone;
  }

  #row(field) {
    const row = element("div", { className: LONG.has(field) ? "row long" : "row" });
    const value = element("dd");
    row.append(element("dt", { textContent: field }), value);
    this.#rows[field] = { row, value };
    return row;
  }

  #show(copy) {
    const before = this.copy;
    this.copy = copy;
    const { payload, state } = copy;
    for (const field of FIELDS) {
      const { row, value } = this.#rows[field];
      row.classList.toggle("absent", !this.sees(field));
      value.replaceChildren(this.sees(field) ? rendered(field, payload[field]) : "not sent");
      if (before.payload && payload && differs(before.payload, payload, field)) flash(row);
    }
    this.element.dataset.state = state;
    this.#parts.etag.textContent = copy.etag ? `${copy.etag.slice(0, 12)}…` : "–";
    this.#parts.etag.title = copy.etag ?? "";
    this.#parts.ended.hidden = !this.ended;
    if (this.ended) {
      const [title, text] = ENDED[state];
      this.#parts["ended-title"].textContent = copy.error ? `${title}: ${copy.error.code}` : title;
      this.#parts["ended-text"].textContent = text;
    }
    this.#badge();
    this.onchange();
  }

  #badge() {
    const { audience } = this.copy;
    this.element.dataset.audience = audience ?? "none";
    this.#parts.badge.textContent = audience ?? (this.ended ? "none" : "…");
  }

  #status({ state, code, delay }) {
    const cause = code ? ` (${code})` : "";
    if (code === 4401 || code === 4403) this.#redact(() => true);
    const texts = {
      connecting: "connecting",
      open: "connected",
      waiting: `back in ${Math.max(1, Math.round(delay))} s${cause}`,
      stopped: `${STOPPED[code] ?? "stopped"}${cause}`,
      closed: "closed",
    };
    this.element.dataset.connection = state;
    this.#parts.status.textContent = texts[state];
    this.#parts.connect.hidden = state !== "stopped" && state !== "waiting";
  }

  #frame(frame, direction) {
    const time = new Date().toTimeString().slice(0, 8);
    const millis = String(Date.now() % 1000).padStart(3, "0");
    const item = element("li", { className: direction });
    if (frame.payload) item.dataset.id = frame.id;
    const { type, action, ...rest } = frame;
    item.append(
      element("time", { textContent: `${time}.${millis}` }),
      element("span", { className: "arrow", textContent: direction === "in" ? "↓" : "↑" }),
      element("span", { className: "hidden", textContent: direction === "in" ? "in" : "out" }),
      element("b", { textContent: type ?? action }),
    );
    const body = Object.keys(rest).length ? pretty(rest) : "";
    const holder = element(body.includes("\n") ? "pre" : "code");
    holder.append(...withKeysMarked(body));
    item.append(holder);
    this.#parts.frames.prepend(item);
    while (this.#parts.frames.children.length > MAX_FRAMES) this.#parts.frames.lastChild.remove();
    // The frame is told of before the client takes it: afterwards one sees what it has forgotten.
    queueMicrotask(() => this.#redact((id) => !this.#holds(id)));
    const opening = frame.window && (type === "SUBSCRIBED" || this.list.state !== "live");
    if (direction === "in" && !ASIDE.has(type) && !opening) this.onheard(frame);
  }

  #holds(id) {
    return this.earshot.object(this.#model, id).value.payload !== null;
  }

  /** Whatever the client has forgotten is not kept here either. */
  #redact(isForgotten) {
    for (const item of this.#parts.frames.querySelectorAll("[data-id]")) {
      if (!isForgotten(item.dataset.id)) continue;
      delete item.dataset.id;
      item.lastChild.replaceWith(element("code", { textContent: "forgotten with its object" }));
    }
  }
}

/** JSON with an indent, short lists on one line. */
function pretty(value) {
  return JSON.stringify(value, null, 1)
    .replace(/\[\s+([^[\]{}]*?)\s+\]/g, (_, items) => `[${items.replace(/\s*\n\s*/g, " ")}]`)
    .replace(/^\{\n|\n\}$/g, "")
    .replace(/^ /gm, "");
}

/** Every second part is a key. */
function withKeysMarked(json) {
  const parts = json.split(/("[^"\n]+"(?=: ?))/);
  return parts.map((part, n) => (n % 2 ? element("span", { textContent: part }) : part));
}

function rendered(field, value) {
  if (value === null || value === "") return element("i", { textContent: "empty" });
  if (!TIMES.has(field)) return String(value);
  const date = new Date(value);
  const today = date.toDateString() === new Date().toDateString();
  const text = today ? date.toLocaleTimeString() : date.toLocaleDateString(undefined, DAY);
  return element("time", { dateTime: value, title: value, textContent: text });
}

const differs = (before, after, field) =>
  field in before !== field in after || before[field] !== after[field];

function flash(row) {
  clearTimeout(row.flash);
  row.classList.remove("flash");
  void row.offsetWidth; // begins the animation anew
  row.classList.add("flash");
  row.flash = setTimeout(() => row.classList.remove("flash"), FLASH);
}
