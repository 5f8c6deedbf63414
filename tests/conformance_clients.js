/** Runs cases of `tests/conformance_clients.py` against the package's store; returns what is wrong. */
async (base, model, cases, closes, renewals) => {
  const { Store, copyOf, listOf, changesOf } = await import(`${base}store.js`);
  const { afterClose, renewAfter } = await import(`${base}closes.js`);
  const wrong = [];
  const text = (value) => JSON.stringify(value, (_, v) =>
    v && v.constructor === Object ? Object.fromEntries(Object.entries(v).sort()) : v);
  const expect = (name, step, found, wanted) => {
    if (text(found) !== text(wanted)) wrong.push(`${name}: ${text(step)} found ${text(found)}`);
  };
  const title = (payload) => payload?.title ?? null;

  /** Whether a text is anywhere in what the store holds. */
  function holds(store, word) {
    const seen = new Set();
    const look = (value) => {
      if (typeof value === "string") return value.includes(word);
      if (!value || typeof value !== "object" || seen.has(value)) return false;
      seen.add(value);
      if (value instanceof Map) return [...value].flat().some(look);
      return (value instanceof Set ? [...value] : Object.values(value)).some(look);
    };
    return look(store);
  }

  for (const { name, steps } of cases) {
    const store = new Store();
    const lists = {};
    const watched = []; // whoever listened may keep them
    const item = (id) => store.objects.get(`${model} ${id}`);
    let undo;
    const operations = {
      watch: (id, first) => watched.push(store.watch(model, id, first)),
      unwatch: (id) => store.unwatch(item(id)),
      open: (key, options, first) => (lists[key] = store.open(key, model, options, first)),
      close: (key) => store.close(lists[key]),
      draft: (id, values) => (undo = store.draft(item(id), values)),
      undo: () => undo(),
      wrote: (id, copy) => store.wrote(item(id), copy),
      connected: () => store.connected(),
      disconnected: (forget) => store.disconnected(forget),
      frame: (frame) => store.receive(frame),
    };
    const shown = {
      sent: (frames) => [frames && store.out.splice(0), frames],
      copy: (id, wanted) => {
        const copy = item(id) && copyOf(item(id));
        return [[copy?.state, title(copy?.payload)], wanted];
      },
      list: (key, wanted) => {
        const { state, rows } = listOf(store, lists[key]);
        return [[state, rows.map(({ id, payload }) => [id, title(payload)])], wanted];
      },
      more: (key, wanted) => {
        const { more, cursor } = listOf(store, lists[key]);
        return [[more, cursor], wanted];
      },
      haves: (least, most) => {
        const { have } = store.out.at(-1);
        const count = Object.keys(have).length;
        return [count >= least && count <= most && text(store.out.at(-1)).length < 16384, true];
      },
      told: () => {
        const told = store.changed.size;
        store.changed.clear();
        return [told <= (shown.before ?? 1), (shown.before = 0) === 0];
      },
      changes: (before, wanted) => {
        const { rows } = listOf(store, lists.L);
        return [changesOf(new Map(Object.entries(before)), rows).changes, wanted];
      },
      forgotten: (word) => {
        store.changed.clear();
        return [holds([store, watched, lists], word), false];
      },
    };
    for (const [operation, ...args] of steps) {
      try {
        if (operations[operation]) operations[operation](...args);
        else expect(name, [operation, ...args], ...shown[operation](...args));
      } catch (error) {
        wrong.push(`${name}: ${operation} ${error.stack}`);
      }
    }
  }
  for (const [args, wanted] of closes) expect("close", args, afterClose(...args), wanted);
  for (const [left, wanted] of renewals) expect("renewal", left, renewAfter(left), wanted);
  return wrong;
};
