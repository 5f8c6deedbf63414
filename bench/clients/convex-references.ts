/** As `npx convex dev` generates it, of functions that run on Convex: these are not counted. */

import { makeFunctionReference } from "convex/server";
import type { Document } from "./common";

export const list = makeFunctionReference<"query", Record<string, never>, Document[]>("documents:list");
export const rename = makeFunctionReference<"mutation", { id: string; title: string }, null>("documents:rename");
