/** What all pages have in common, and none counts: REST, the list that one sees, and where it is. */

import type { ReactNode } from "react";
import { createRoot } from "react-dom/client";

export type Document = { id: string; title: string };

export async function call<T = unknown>(method: string, path: string, body?: object): Promise<T> {
  const headers = { Authorization: `Token ${localStorage.token}`, "Content-Type": "application/json" };
  const response = await fetch(path, { method, headers, body: body && JSON.stringify(body) });
  if (!response.ok) throw new Error(String(response.status));
  return response.json();
}

export function Titles(props: { documents: readonly Document[]; rename: (id: string, title: string) => unknown }) {
  return props.documents.map(({ id, title }) => (
    <input key={id + title} defaultValue={title} onBlur={(event) => props.rename(id, event.target.value)} />
  ));
}

export function show(page: ReactNode): void {
  createRoot(document.querySelector("main")!).render(page);
}
