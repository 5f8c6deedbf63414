/**
 * Live copies in a Redux store. Actions have the types of the protocol: `UPDATE_DOCUMENT` brings
 * an object's newest copy, and `DELETE_DOCUMENT` says that nothing that is followed shows it any
 * longer, whatever the reason: a reducer that obeys both holds nothing that the user may not see.
 */

import type { Copy, Earshot, Payload, Query, Refusal } from "./index.js";

/** What is followed: an object by its `id`, else the live list of a query. */
export type About = { id: string } | (Query & { id?: undefined });

export interface Follow {
  readonly type: "earshot/follow" | "earshot/unfollow";
  readonly model: string;
  readonly about: About;
}

/** Follow an object or a list from now on; as many `unfollow` end it. */
export function follow(model: string, about?: About): Follow;
export function unfollow(model: string, about?: About): Follow;

/** By what `lists` of the state names what is followed. */
export function keyOf(model: string, about?: About): string;

export interface Update<P = Payload> extends Copy<P> {
  readonly type: `UPDATE_${string}`;
  readonly model: string;
  readonly id: string;
}

export interface Delete {
  readonly type: `DELETE_${string}`;
  readonly model: string;
  readonly id: string;
}

/** What is shown of something that is followed; `ids` are in order. */
export interface Shown {
  readonly state: "pending" | "live" | "gone" | "refused";
  readonly ids: readonly string[];
  readonly more?: boolean;
  readonly cursor?: string | null;
  readonly error?: Refusal;
}

/** For `applyMiddleware`, or `configureStore`. */
export function earshotMiddleware(
  earshot: Earshot,
): (api: { dispatch: (action: any) => any }) => (next: (action: unknown) => unknown) => (action: unknown) => unknown;

export interface EarshotState {
  /** Copies, by model and id. */
  readonly objects: Readonly<Record<string, Readonly<Record<string, Copy & { readonly id: string }>>>>;
  /** What is followed, by `keyOf`: also single objects. */
  readonly lists: Readonly<Record<string, Shown>>;
}

/** Keeps all that is followed, and nothing else. */
export function earshotReducer(
  state: EarshotState | undefined,
  action: { readonly type: string; readonly [key: string]: any },
): EarshotState;
