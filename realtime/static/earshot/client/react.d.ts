/** Hooks for React 18 and later. */

import type { Answer, Copy, Earshot, List, Payload, Query } from "./index.js";

export interface Suspending {
  /**
   * Suspend the view until the first answer has come: put it into a `<Suspense>`. What has been
   * shown once is shown on, `pending`, while the connection is cut off.
   */
  suspend?: boolean;
}

/** One object as it is now. With no `id` it stays `pending`, and nothing is asked. */
export function useObject<P = Payload>(
  earshot: Earshot,
  model: string,
  id: string | null | undefined,
  options?: { first?: Answer<P> } & Suspending,
): Copy<P>;

/** A live list as it is now; the query may be a new object each time. */
export function useCollection<P = Payload>(
  earshot: Earshot,
  model: string,
  query?: Query<P> & Suspending,
): List<P>;
