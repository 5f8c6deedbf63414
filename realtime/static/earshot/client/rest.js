/** Answers of REST. */

/** What a response with one object says; anything else is returned as it is. */
export async function read(response) {
  if (!(response instanceof Response)) return response;
  const { ok, status, headers } = response;
  const payload = await response.json().catch(() => ({}));
  if (ok) return { payload, etag: headers.get("ETag")?.slice(1, -1), audience: headers.get("X-Audience") };
  const retryAfter = Number(headers.get("Retry-After")) || 0;
  throw Object.assign(new Error(payload.detail ?? status), { status, payload, retryAfter });
}
