/** A live list as a collection of TanStack DB: see `tanstack.d.ts`. */

import { read } from "./index.js";

const PATIENCE = 5_000; // for the list to show what was written

export function earshotCollectionOptions({ earshot, model, where, limit, after, first, update, ...others }) {
  const live = earshot.collection(model, { where, limit, after, first });
  return {
    getKey: ({ id }) => id,
    ...others,
    sync: { rowUpdateMode: "full", sync: (to) => follow(live, to) },
    ...(update && { onUpdate: ({ transaction }) => written(live, transaction.mutations, update) }),
  };
}

/** Tell the collection of each change; returns what ends it. */
function follow(live, { begin, write, commit, markReady }) {
  let held = new Map(); // etags by id
  return live.subscribe(({ state, rows }) => {
    const shown = rows.filter(({ payload }) => payload);
    const now = new Map(shown.map(({ id, etag }) => [id, etag]));
    begin();
    for (const id of held.keys()) if (!now.has(id)) write({ type: "delete", key: id });
    for (const { id, etag, payload } of shown) {
      const type = held.has(id) ? "update" : "insert";
      if (held.get(id) !== etag) write({ type, value: { ...payload, id } });
    }
    commit();
    held = now;
    if (state !== "pending") markReady();
  });
}

/** What was changed stays shown until the list has it; an error takes it back. */
async function written(live, mutations, update) {
  for (const { key, changes } of mutations) {
    const { etag } = await read(await update(key, changes));
    await until(live, ({ rows }) => rows.every((row) => row.id !== key || row.etag === etag));
  }
}

function until(live, isSo) {
  return new Promise((done) => {
    const end = () => {
      clearTimeout(timer);
      stop();
      done();
    };
    const timer = setTimeout(end, PATIENCE);
    const stop = live.subscribe((value) => isSo(value) && end());
  });
}
