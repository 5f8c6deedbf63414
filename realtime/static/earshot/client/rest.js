/** Answers of REST. */

/** Where the server has a page about a code of an error. */
export const helpOf = (code) => `/api/docs/errors/${code}/`;

/** What a response with one object says; anything else is returned as it is. */
export async function read(response) {
  if (!(response instanceof Response)) return response;
  const { ok, status, headers } = response;
  const payload = await response.json().catch(() => ({}));
  if (ok) return { payload, etag: headers.get("ETag")?.split(`"`)[1], audience: headers.get("X-Audience") };
  const retryAfter = Number(headers.get("Retry-After")) || 0;
  const help = payload.code && helpOf(payload.code);
  throw Object.assign(new Error(payload.detail ?? status), { status, payload, retryAfter, help });
}
