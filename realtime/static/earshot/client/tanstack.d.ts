/** A live list as a collection of TanStack DB. */

import type { CollectionConfig } from "@tanstack/db";
import type { Answer, Earshot, Payload, Query } from "./index.js";

/** A row: the payload, with the object's id. */
export type Item<P> = P & { id: string };

export interface EarshotCollection<P extends object> extends Query<P> {
  earshot: Earshot;
  model: string;
  /** The collection's own id. */
  id?: string;
  /**
   * Sends what was changed of an object. It is shown at once, and on until the list has it; an
   * error takes it back.
   */
  update?(id: string, changes: Partial<P>): Promise<Response | Answer<P>>;
}

/** For `createCollection`. The list is followed while the collection is used. */
export function earshotCollectionOptions<P extends object = Payload>(
  options: EarshotCollection<P> & Omit<CollectionConfig<Item<P>, string>, "sync" | "getKey" | "onUpdate">,
): CollectionConfig<Item<P>, string>;
