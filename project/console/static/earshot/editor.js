/** The owner's form. It saves what was touched, and only over the version it was touched on. */

const NULLABLE = new Set(["due_on", "budget"]);
const text = (value) => value ?? "";

export class Editor {
  #inputs;
  #base = null; // the payload that the form was last filled from
  #etag = null;

  /** `onsave(patch)` may be async and is given what to send; `onfocus(fields)` the fields at hand. */
  constructor(form, { onsave, onfocus }) {
    this.form = form;
    this.#inputs = [...form.elements].filter((input) => input.name);
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const patch = this.#patch();
      if (Object.keys(patch).length) onsave(patch);
    });
    form.addEventListener("reset", (event) => {
      event.preventDefault();
      this.errors({});
      for (const input of this.#inputs) input.value = text(this.#base?.[input.name]);
      this.#buttons();
      onfocus([]);
    });
    const touched = (event) => {
      this.#buttons();
      const dirty = this.#dirty().map(({ name }) => name);
      onfocus(dirty.length ? dirty : [event.target.name].filter(Boolean));
    };
    form.addEventListener("input", touched);
    form.addEventListener("focusin", touched);
  }

  get etag() {
    return this.#etag;
  }

  /** Take the newest version, keeping what is being typed; then the old etag stays, too. */
  accept({ payload, etag }) {
    const dirty = this.#dirty();
    this.#fill(payload, dirty);
    if (!dirty.length) this.#etag = etag;
  }

  /** Begin with another object: what was typed was about the one before. */
  clear() {
    this.#base = this.#etag = null;
    this.errors({});
    for (const input of this.#inputs) input.value = "";
    this.#buttons();
  }

  /** Take a version that this page wrote, or that the user has been told of. */
  rebase({ payload, etag }, written = []) {
    this.#fill(payload, this.#dirty().filter(({ name }) => !written.includes(name)));
    this.#etag = etag;
  }

  /** Show DRF's field errors beside their fields; returns what has no field. */
  errors(data) {
    for (const input of this.#inputs) {
      const messages = data[input.name];
      input.setAttribute("aria-invalid", String(Boolean(messages)));
      const label = input.closest("label");
      label.querySelector(".error")?.remove();
      if (!messages) continue;
      const error = document.createElement("small");
      error.className = "error";
      error.textContent = [messages].flat().join(" ");
      label.append(error);
    }
    const names = this.#inputs.map(({ name }) => name);
    return Object.entries(data).filter(([name]) => !names.includes(name));
  }

  #fill(payload, keep) {
    for (const input of this.#inputs) {
      if (!keep.includes(input)) input.value = text(payload[input.name]);
    }
    this.#base = payload;
    this.#buttons();
  }

  #dirty() {
    if (!this.#base) return [];
    return this.#inputs.filter((input) => input.value !== text(this.#base[input.name]));
  }

  #patch() {
    return Object.fromEntries(
      this.#dirty().map(({ name, value }) => [name, NULLABLE.has(name) && !value ? null : value]),
    );
  }

  #buttons() {
    const clean = !this.#dirty().length;
    for (const button of this.form.querySelectorAll("button")) button.disabled = clean;
  }
}
