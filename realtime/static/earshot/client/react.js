/** Hooks for React: see `react.d.ts`. */

import { useEffect, useMemo, useReducer, useRef, useSyncExternalStore } from "react";

const PATIENCE = 30_000; // after which a suspended view is drawn again, whatever has come
const SPARE = 5_000; // in which a view that was suspended begins to listen itself

export function useObject(earshot, model, id, { first, suspend } = {}) {
  const live = useMemo(() => {
    const live = earshot.object(model, id ?? "", { first });
    return id ? live : { value: live.value, subscribe: () => () => {} };
  }, [earshot, model, id]);
  return useLive(earshot, live, `${model} ${id}`, suspend && id);
}

export function useCollection(earshot, model, { suspend, ...query } = {}) {
  const { where, limit, after } = query;
  const key = JSON.stringify([model, where, limit, after]);
  const live = useMemo(() => earshot.collection(model, query), [earshot, key]);
  return useLive(earshot, live, key, suspend);
}

function useLive(earshot, live, key, suspend) {
  const mounted = useRef(null);
  const shown = useRef(new Set());
  const [, drawAgain] = useReducer((count) => count + 1, 0);
  const snapshot = () => live.value;
  const value = useSyncExternalStore(live.subscribe, snapshot, snapshot);
  const suspended = suspend && mounted.current !== live && isAwaited(earshot, value);
  if (suspended) throw arrival(earshot, live, key);
  useEffect(() => {
    mounted.current = live;
    // React keeps what it drew before the last time, until it has drawn once more.
    const now = new Set((value.rows ?? [value]).map(({ id, audience }) => `${audience} ${id}`));
    if ([...shown.current].some((each) => !now.has(each))) drawAgain();
    shown.current = now;
  }, [live, value]);
  return value;
}

const isAwaited = ({ status }, { state, payload, rows }) =>
  state === "pending" && !payload && !rows?.length && status.state !== "stopped";

const arrivals = new WeakMap(); // of clients: what their suspended views wait for, by key

/** A view that is suspended does not listen: this does in its place. */
function arrival(earshot, live, key) {
  if (!arrivals.has(earshot)) arrivals.set(earshot, new Map());
  const waiting = arrivals.get(earshot);
  if (waiting.has(key)) return waiting.get(key);
  const come = new Promise((done) => {
    const look = () => isAwaited(earshot, live.value) || end();
    const stop = live.subscribe(() => queueMicrotask(look)); // the status is told after the end
    const timer = setTimeout(() => end(), PATIENCE);
    const end = () => {
      clearTimeout(timer);
      waiting.delete(key);
      setTimeout(stop, SPARE);
      done();
    };
  });
  waiting.set(key, come);
  return come;
}
