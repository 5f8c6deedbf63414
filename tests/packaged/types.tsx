/** What the package's types allow, and what they do not: compiled with `tsc --strict`. */

import { createCollection } from "@tanstack/db";
import { applyMiddleware, combineReducers, createStore } from "redux";
import { connect, read, type Copy, type Earshot, type List } from "earshot";
import { connect as connectCached } from "earshot/cache";
import { useCollection, useObject } from "earshot/react";
import { earshotMiddleware, earshotReducer, follow, keyOf, unfollow } from "earshot/redux";
import { shared, sharedToken } from "earshot/tabs";
import { earshotCollectionOptions } from "earshot/tanstack";

type Document = { title: string; body?: string };

const MODEL = "resources.document";
const credentials = async ({ renew }: { renew: boolean }) => (renew ? "ticket" : fetch("/api/tickets/"));
const earshot: Earshot = connect({ url: "/ws/", tenant: "acme", credentials, WebSocket: shared("user") });
const token = sharedToken("token", () => fetch("/api/token/", { method: "POST" }));
connect({ url: "/ws/", credentials: (about) => token(about).then(() => null) });
// @ts-expect-error: a number is no token
sharedToken("token", () => 5);
// @ts-expect-error: the address is needed
connect({ tenant: "acme" });

export async function core(): Promise<string | undefined> {
  const plan = earshot.object<Document>(MODEL, "id", { first: await read<Document>(await fetch("/")) });
  await plan.write({ title: "New" }, () => fetch("/", { method: "PATCH" }));
  // @ts-expect-error: no field of it
  await plan.write({ budget: 5 }, () => fetch("/"));
  for await (const { rows, changes } of earshot.collection<Document>(MODEL, { where: { status: ["draft"] } })) {
    const help: string | undefined = plan.value.error?.help;
    if (help) return help;
    const entered = changes.find((change) => change.type === "entered");
    return entered?.before ?? rows[0]?.payload?.title;
  }
  return undefined;
}

export const cached: Promise<Earshot> = connectCached({ url: "/ws/", user: "id" });
// @ts-expect-error: whose copies?
connectCached({ url: "/ws/" });

export function View({ id }: { id: string | null }) {
  const copy: Copy<Document> = useObject<Document>(earshot, MODEL, id);
  const list: List<Document> = useCollection<Document>(earshot, MODEL, { limit: 5, suspend: true });
  // @ts-expect-error: a number is no id
  useObject(earshot, MODEL, 5);
  // @ts-expect-error: a payload may be missing
  const title: string = copy.payload.title;
  return <p title={title}>{list.rows.map(({ id, payload }) => <i key={id}>{payload?.title}</i>)}</p>;
}

export const store = createStore(combineReducers({ live: earshotReducer }), applyMiddleware(earshotMiddleware(earshot)));
store.dispatch(follow(MODEL, { id: "id" }));
store.dispatch(unfollow(MODEL, { limit: 5 }));
export const state: string | undefined = store.getState().live.lists[keyOf(MODEL)]?.state;

const documents = createCollection(
  earshotCollectionOptions<Document>({ earshot, model: MODEL, update: (id, { title }) => fetch(id + title) }),
);
documents.update("id", (draft) => {
  draft.title = "New";
  // @ts-expect-error: a number is no title
  draft.title = 5;
});
export const row: (Document & { id: string }) | undefined = documents.get("id");
