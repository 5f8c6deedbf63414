/** Live copies in a Redux store: see `redux.d.ts`. */

const FOLLOW = "earshot/follow";
const UNFOLLOW = "earshot/unfollow";
const SHOWN = "earshot/shown";
const ENDED = "earshot/ended";

/** By what a reducer finds what is followed. */
export const keyOf = (model, { id, where, limit, after } = {}) =>
  JSON.stringify(id ? [model, id] : [model, where, limit, after]);

export const follow = (model, about = {}) => ({ type: FOLLOW, model, about });
export const unfollow = (model, about = {}) => ({ type: UNFOLLOW, model, about });

export const earshotMiddleware = (earshot) => ({ dispatch }) => {
  const followed = new Map(); // {count, held, stop} by key
  const objects = new Map(); // {copy, holders} by model and id
  const typeOf = (verb, model) => `${verb}_${model.split(".").pop().toUpperCase()}`;

  const hold = (key, model, copy) => {
    const name = `${model} ${copy.id}`;
    const object = objects.get(name) ?? { holders: new Set() };
    objects.set(name, object);
    object.holders.add(key);
    if (object.copy === copy) return;
    object.copy = copy;
    dispatch({ type: typeOf("UPDATE", model), model, ...copy });
  };

  const letGo = (key, model, id) => {
    const { holders } = objects.get(`${model} ${id}`);
    holders.delete(key);
    if (holders.size) return;
    objects.delete(`${model} ${id}`);
    dispatch({ type: typeOf("DELETE", model), model, id });
  };

  const show = (key, model, entry, { rows, ...about }) => {
    const copies = (rows ?? [about]).filter(({ payload }) => payload);
    const ids = copies.map(({ id }) => id);
    for (const copy of copies) hold(key, model, copy);
    const { state, more, cursor, error } = about;
    const shown = { state, ids, more, cursor, error };
    const text = JSON.stringify(shown);
    if (entry.text !== text) dispatch({ type: SHOWN, model, key, ...shown });
    for (const id of entry.ids) if (!ids.includes(id)) letGo(key, model, id);
    Object.assign(entry, { ids, text });
  };

  const begin = (key, model, about) => {
    const live = about.id ? earshot.object(model, about.id, about) : earshot.collection(model, about);
    const entry = { count: 0, ids: [] };
    followed.set(key, entry);
    entry.stop = live.subscribe((value) => show(key, model, entry, value));
    return entry;
  };

  const end = (key, model, entry) => {
    entry.stop();
    followed.delete(key);
    dispatch({ type: ENDED, model, key });
    for (const id of entry.ids) letGo(key, model, id);
  };

  return (next) => (action) => {
    const result = next(action);
    if (action.type !== FOLLOW && action.type !== UNFOLLOW) return result;
    const { type, model, about } = action;
    const key = keyOf(model, about);
    const entry = followed.get(key) ?? (type === FOLLOW && begin(key, model, about));
    if (!entry) return result;
    entry.count += type === FOLLOW ? 1 : -1;
    if (!entry.count) end(key, model, entry);
    return result;
  };
};

const NOTHING = { objects: {}, lists: {} };

export function earshotReducer(state = NOTHING, { type, model, key, ...about }) {
  if (type === SHOWN) return { ...state, lists: { ...state.lists, [key]: about } };
  if (type === ENDED) return { ...state, lists: without(state.lists, key) };
  const [verb] = type.split("_");
  if (!model || (verb !== "UPDATE" && verb !== "DELETE")) return state;
  const rest = without(state.objects[model], about.id);
  const copies = verb === "UPDATE" ? { ...rest, [about.id]: about } : rest;
  return { ...state, objects: { ...state.objects, [model]: copies } };
}

function without(all = {}, key) {
  const { [key]: _, ...rest } = all;
  return rest;
}
