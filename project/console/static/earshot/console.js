/** The demo page: five people of one tenant, each with a token and a socket of their own. */

import { Person } from "./api.js";
import { element } from "./dom.js";
import { Editor } from "./editor.js";
import { Outcome } from "./outcome.js";
import { Pane } from "./pane.js";

const TENANT = "acme";
const PASSWORD = "demo";
const MODEL = "resources.document";
const TITLE = "Quarterly plan";
const PEOPLE = {
  owner: "author",
  editor: "colleague",
  viewer: "colleague",
  admin: "tenant admin",
  member: "colleague",
};
const SHARED_WITH = ["editor", "viewer", "member"];
const CHOICES = { "": "none", viewer: "viewer", editor: "editor" };

const $ = (selector) => document.querySelector(selector);
const panes = Object.entries(PEOPLE).map(
  ([username, about]) =>
    new Pane(new Person(username, TENANT, PASSWORD), about, {
      onchange() {
        if (this === owner && this.copy.state === "live") editor.accept(this.copy);
        if (this === owner && this.ended) editor.clear();
        changed();
      },
      onheard(frame) {
        outcome.heard(this, frame);
      },
      onchoose: choose,
    }),
);
const paneOf = (username) => panes.find(({ name }) => name === username);
const owner = paneOf("owner");
$("#people").append(...panes.map((pane) => pane.element));
const outcome = new Outcome(panes);
const editor = new Editor($("#edit"), { onsave: saveForm, onfocus: hint });
let documentUrl = null;

// Starting.

async function start() {
  notice(null);
  try {
    // One by one: the server looks at one password of an address at a time.
    for (const { person } of panes) if (!person.user) await person.login();
    choose(await findDocument());
    filter();
    outcome.say("Change something, and see who hears it");
  } catch (error) {
    outcome.say("Not connected");
    failedToStart(error);
  }
}

class NoDemoData extends Error {}

/** The title may have been edited on this page before; so else take one that owner owns. */
async function findDocument() {
  const { data } = await owner.person.call("GET", "/api/documents/?limit=100");
  const owned = data.results.filter((document) => "budget" in document);
  const found = owned.find(({ title }) => title === TITLE) ?? owned.at(-1);
  if (!found) throw new NoDemoData();
  return found.id;
}

/** The object beside the lists, on which one acts. */
function choose(id) {
  documentUrl = `/api/documents/${id}/`;
  editor.clear();
  hint([]);
  for (const pane of panes) pane.watch(MODEL, id);
}

function filter() {
  const status = $("#filter").value;
  for (const pane of panes) pane.watchList(MODEL, status ? { status } : undefined);
}

function failedToStart(error) {
  const { status, retryAfter } = error;
  if (status === 429 || status >= 500 || (!status && !(error instanceof NoDemoData))) {
    const seconds = retryAfter ?? 5;
    const cause = status === 429 ? "The server asks for a pause" : "The server is not responding";
    notice(`${cause}. Next attempt in ${seconds} s.`);
    setTimeout(start, seconds * 1000);
  } else {
    notice("The demo data is not there. In the project's folder, run this, then try again:", true);
  }
}

function notice(text, command = false) {
  const box = $("#notice");
  box.hidden = text === null;
  box.querySelector("p").textContent = text ?? "";
  box.querySelector("code").hidden = box.querySelector("button").hidden = !command;
}

// Acting, always as owner.

/** Runs a request, shows who hears of it, and puts what goes wrong into `place`. */
async function act(title, place, request) {
  problem(place, "");
  outcome.begin(title);
  try {
    return await request();
  } catch (error) {
    outcome.fail("Nothing has changed");
    throw error;
  }
}

async function patch(values, etag) {
  const fields = Object.keys(values);
  const answer = await act(`Owner changes ${list(fields)}`, "#edit-error", () =>
    owner.person.call("PATCH", documentUrl, values, { "If-Match": `"${etag}"` }),
  );
  editor.errors({});
  editor.rebase({ payload: answer.data, etag: answer.etag }, fields);
}

async function saveForm(values) {
  try {
    await patch(values, editor.etag);
    hint([]);
  } catch (error) {
    if (error.status === 412) {
      editor.rebase(owner.copy);
      problem("#edit-error", "Someone changed it meanwhile; you now see the newest version with your edits on top. Save again to keep them.");
    } else {
      const rest = editor.errors(error.status === 400 ? error.data : {});
      if (error.status !== 400 || rest.length) problem("#edit-error", explain(error));
    }
  }
}

async function share(username, audience) {
  const pane = paneOf(username);
  const url = `${documentUrl}grants/user:${pane.person.user}/`;
  const title = audience ? `Owner makes ${username} ${audience}` : `Owner ends ${username}'s access`;
  try {
    await act(title, "#share-error", () =>
      audience
        ? owner.person.call("PUT", url, { audience })
        : owner.person.call("DELETE", url),
    );
    if (audience && pane.ended) pane.subscribe();
  } catch (error) {
    problem("#share-error", explain(error));
  }
}

async function create() {
  const title = `Note of ${new Date().toLocaleTimeString()}`;
  try {
    const { data } = await act("Owner creates a document", "#list-error", () =>
      owner.person.call("POST", "/api/documents/", { title }),
    );
    choose(data.id);
  } catch (error) {
    problem("#list-error", explain(error));
  }
}

async function remove() {
  try {
    await act("Owner deletes a document", "#list-error", () =>
      owner.person.call("DELETE", documentUrl),
    );
  } catch (error) {
    problem("#list-error", explain(error));
  }
}

const TRIES = {
  budget: ({ budget }) => ({ budget: (Number(budget ?? 0) + 1000).toFixed(2) }),
  review_notes: () => ({ review_notes: `Checked at ${new Date().toLocaleTimeString()}` }),
  status: ({ status }) => ({ status: status === "draft" ? "published" : "draft" }),
};

async function attempt(name) {
  if (name === "share") return share("editor", demoting() ? "viewer" : "editor");
  try {
    await patch(TRIES[name](owner.copy.payload), owner.copy.etag);
  } catch (error) {
    problem("#edit-error", explain(error));
  }
}

const demoting = () => paneOf("editor").copy.audience === "editor";

function explain(error) {
  if (error.status === 429) {
    return `Too many requests. Try again in ${error.retryAfter ?? "a few"} s.`;
  }
  if (error.status === 412) return "Someone changed it at the same moment. Try again.";
  if (error.status) return error.message;
  return "The server is not responding.";
}

function problem(place, text) {
  $(place).textContent = text;
  $(place).hidden = !text;
}

// Showing.

/** After any person's copy has changed. */
function changed() {
  const owned = owner.copy.audience === "owner";
  for (const button of document.querySelectorAll("[data-try], [data-grant], #delete")) {
    button.disabled = !owned;
  }
  for (const button of document.querySelectorAll("[data-grant]")) {
    const { copy } = paneOf(button.dataset.user);
    const current = copy.state === "pending" && !copy.payload ? null : copy.audience ?? "";
    button.setAttribute("aria-pressed", String(button.dataset.grant === current));
  }
  for (const reach of document.querySelectorAll("[data-reach]")) {
    reach.textContent = owned ? reached([reach.dataset.reach]) : "";
  }
  $("[data-share-label]").textContent = demoting() ? "Demote editor to viewer" : "Make editor an editor";
}

function reached(fields) {
  const names = panes.filter((pane) => fields.some((field) => pane.sees(field)));
  if (names.length === 1) return `only ${names[0].name} hears it`;
  return `${list(names.map(({ name }) => name))} hear it`;
}

function hint(fields) {
  $("#hint").textContent = fields.length
    ? `${list(fields)}: ${reached(fields)}; nothing is sent to the others.`
    : "Change a field to see who is in earshot of it.";
}

function list(words) {
  return new Intl.ListFormat("en").format(words);
}

function shareRow(username) {
  const row = element("div", { className: "share-row", role: "group" });
  row.setAttribute("aria-label", `Access of ${username}`);
  row.append(element("b", { textContent: username }));
  const buttons = element("span", { className: "segments" });
  for (const [audience, label] of Object.entries(CHOICES)) {
    const button = element("button", { type: "button", textContent: label, disabled: true });
    Object.assign(button.dataset, { grant: audience, user: username });
    button.addEventListener("click", () => {
      if (button.getAttribute("aria-pressed") !== "true") share(username, audience);
    });
    buttons.append(button);
  }
  row.append(buttons);
  return row;
}

$("#share").append(...SHARED_WITH.map(shareRow));
$("#try").addEventListener("click", ({ target }) => {
  const button = target.closest("[data-try]");
  if (button) attempt(button.dataset.try);
});
$("#notice button").addEventListener("click", start);
$("#filter").addEventListener("change", filter);
$("#create").addEventListener("click", create);
$("#delete").addEventListener("click", remove);
start();
