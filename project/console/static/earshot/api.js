/** One demo user's way to the REST API. The token lives in memory only. */

export class ApiError extends Error {
  constructor(status, data, retryAfter) {
    super(data.detail ?? `The server answered ${status}.`);
    Object.assign(this, { status, data, retryAfter });
  }
}

export class Person {
  #token = null;

  constructor(username, tenant, password) {
    Object.assign(this, { username, tenant, password, user: null });
  }

  async login() {
    const { username, password } = this;
    this.#token = null;
    const { data } = await this.#fetch("POST", "/api/login/", { username, password });
    this.#token = data.token;
    this.user = data.user;
  }

  /** Resolves to {data, etag, status}; an expired token is renewed once. */
  async call(method, path, body, headers) {
    try {
      return await this.#fetch(method, path, body, headers);
    } catch (error) {
      if (error.status !== 401) throw error;
      await this.login();
      return this.#fetch(method, path, body, headers);
    }
  }

  async ticket() {
    return (await this.call("POST", "/api/tickets/")).data.ticket;
  }

  async #fetch(method, path, body, headers = {}) {
    const response = await fetch(path, {
      method,
      credentials: "omit", // a session of the admin site in this browser must not count
      signal: AbortSignal.timeout(15_000),
      headers: {
        Accept: "application/json",
        ...(body && { "Content-Type": "application/json" }),
        ...(this.#token && { Authorization: `Token ${this.#token}`, "X-Tenant": this.tenant }),
        ...headers,
      },
      body: body && JSON.stringify(body),
    });
    const data = (await response.json().catch(() => null)) ?? {};
    if (!response.ok) {
      const retryAfter = Number(response.headers.get("Retry-After")) || undefined;
      throw new ApiError(response.status, data, retryAfter);
    }
    const etag = response.headers.get("ETag")?.replace(/^W\/|"/g, "");
    return { data, etag, status: response.status };
  }
}
