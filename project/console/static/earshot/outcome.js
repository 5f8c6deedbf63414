/** Tells, after each action, who heard of it and who did not. */

import { element } from "./dom.js";

const SETTLED = 1500; // ms without a frame after which a person counts as having heard nothing

export class Outcome {
  #panes;
  #chips = new Map();
  #heard = new Map();
  #title = document.getElementById("outcome-title");
  #announcer = document.getElementById("announcer");
  #timer = null;
  #startedAt = 0;
  #open = false;

  constructor(panes) {
    this.#panes = panes;
    const list = document.getElementById("chips");
    for (const pane of panes) {
      const chip = element("a", { href: `#${pane.element.id}`, className: "chip" });
      const text = element("span");
      chip.append(element("b", { textContent: pane.name }), text);
      const item = element("li");
      item.append(chip);
      list.append(item);
      this.#chips.set(pane, { chip, text });
    }
  }

  say(text) {
    this.#title.textContent = text;
  }

  begin(title) {
    this.#open = true;
    this.#startedAt = performance.now();
    this.#heard.clear();
    this.say(title);
    for (const pane of this.#panes) this.#mark(pane, "…", "");
    this.#settle();
  }

  /** The server refused, so nothing has happened. */
  fail(title) {
    this.#open = false;
    clearTimeout(this.#timer);
    this.say(title);
    for (const pane of this.#panes) this.#mark(pane, "", "");
  }

  heard(pane, frame) {
    const what = told(frame);
    if (!this.#open && frame.type === "SUBSCRIBED") return;
    if (!this.#open) this.begin("A change from elsewhere");
    const millis = Math.round(performance.now() - this.#startedAt);
    this.#heard.set(pane, what);
    this.#mark(pane, millis > 0 ? `${what} · ${millis} ms` : what, "yes");
    this.#settle();
  }

  #settle() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#finish(), SETTLED);
  }

  #finish() {
    this.#open = false;
    const silent = this.#panes.filter((pane) => !this.#heard.has(pane));
    for (const pane of silent) this.#mark(pane, "heard nothing", "no");
    const heard = [...this.#heard].map(([pane, what]) => `${pane.name} (${what})`).join(", ");
    const rest = silent.map(({ name }) => name).join(", ");
    this.#announcer.textContent = [
      `${this.#title.textContent}.`,
      heard && `Heard by ${heard}.`,
      rest && `Nothing was sent to ${rest}.`,
    ].filter(Boolean).join(" ");
  }

  #mark(pane, text, tone) {
    const { chip, text: label } = this.#chips.get(pane);
    label.textContent = text;
    chip.dataset.tone = tone;
    pane.heard(text, tone);
  }
}

function told({ type, changed, audience }) {
  if (type === "ENTERED") return "entered the list";
  if (type === "LEFT") return "left the list";
  if (type.startsWith("UPDATE_")) return changed.join(", ");
  if (type.startsWith("DELETE_")) return "ended";
  return `now ${audience}`;
}
