/** What a test looks at in a browser: the package's entries, each with the library that it is for. */

import { createCollection } from "@tanstack/db";
import { StrictMode, Suspense, useState } from "react";
import { createRoot } from "react-dom/client";
import { applyMiddleware, combineReducers, createStore } from "redux";
import { connect } from "earshot";
import { useCollection, useObject } from "earshot/react";
import { earshotMiddleware, earshotReducer, follow, keyOf, unfollow } from "earshot/redux";
import { earshotCollectionOptions } from "earshot/tanstack";

const MODEL = "resources.document";
const DRAFTS = window.DRAFTS = { where: { status: ["draft"] } };
const headers = { Authorization: `Token ${localStorage.token}`, "X-Tenant": "acme", "Content-Type": "application/json" };
const patch = (id, values) =>
  fetch(`/api/documents/${id}/`, { method: "PATCH", headers, body: JSON.stringify(values) });

const frames = [];
const actions = [];
const earshot = connect({
  url: "/ws/",
  tenant: "acme",
  credentials: () => fetch("/api/tickets/", { method: "POST", headers }),
  onframe: ({ action, id, window }, direction) => direction === "out" && frames.push([action, id ?? "window"]),
});

const drawn = { suspended: 0, one: 0 };

function One() {
  const [id, choose] = useState(localStorage.id);
  const { state, payload } = useObject(earshot, MODEL, id);
  Object.assign(window, { choose });
  drawn.one += 1;
  return <p id="one">{state} {payload?.title}</p>;
}

function Waiting() {
  drawn.suspended += 1;
  return <p id="waiting">Waiting</p>;
}

function All() {
  const { state, rows } = useCollection(earshot, MODEL, { ...DRAFTS, suspend: true });
  return <ul title={state}>{rows.map(({ id, payload }) => <li key={id}>{payload.title}</li>)}</ul>;
}

const main = document.createElement("main");
document.body.replaceChildren(main);
const root = createRoot(main);
root.render(
  <StrictMode>
    <One />
    <Suspense fallback={<Waiting />}><All /></Suspense>
  </StrictMode>,
);

const noting = () => (next) => (action) => {
  actions.push([action.type, action.id ?? action.ids?.length]);
  return next(action);
};
const store = createStore(combineReducers({ live: earshotReducer }), applyMiddleware(earshotMiddleware(earshot), noting));

const collection = createCollection(
  earshotCollectionOptions({ earshot, model: MODEL, ...DRAFTS, update: (id, changes) => patch(id, changes) }),
);

Object.assign(window, {
  actions, collection, drawn, earshot, follow, frames, keyOf, root, store, unfollow,
  titles: () => [...collection.values()].map(({ title }) => title).sort(),
  followed: () => Object.values(store.getState().live.objects[MODEL] ?? {}).map(({ payload }) => payload.title).sort(),
  listed: () => [...document.querySelectorAll("li")].map(({ textContent }) => textContent).sort(),
});
