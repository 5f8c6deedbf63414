/** What a connection uses of a WebSocket, over a stream: for networks that let none pass. */

const STATUSES = { 400: 4400, 401: 4401, 403: 4403, 429: 4429, 500: 4500, 503: 4503 };

export class WebSocket {
  #address;
  #posts = null;
  #out = [];
  #posting = false;
  #refused = null; // what a post was answered
  #control = new AbortController();

  /** `url` is the socket's, with its query. */
  constructor(url) {
    this.#address = new URL(url);
    this.#address.protocol = this.#address.protocol.replace("ws", "http");
    this.#address.pathname = "/api/stream/";
    this.#read();
  }

  send(text) {
    this.#out.push(text);
    if (!this.#posting) this.#post();
  }

  close() {
    this.#control.abort();
  }

  /** A body of a proxy says nothing about the credential. */
  async #read() {
    let end = { code: 1006 };
    try {
      const { signal } = this.#control;
      const response = await fetch(this.#address, { signal, cache: "no-store" });
      const kind = response.headers.get("Content-Type") ?? "";
      if (kind.startsWith("text/event-stream")) end.code = await this.#events(response.body);
      else if (kind.startsWith("application/json")) end = refusal(response);
    } catch {
      // the network, or a line that was cut: 1006
    }
    this.onclose?.(this.#refused ?? end);
  }

  /** The close code of the last event; what is cut off has none. */
  async #events(body) {
    const reader = body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = "";
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return 1006;
      const events = (rest + value).split("\n\n");
      rest = events.pop();
      for (const event of events) {
        const [, kind, data] = event.match(/^(event: close\n)?data: (.*)$/) ?? [];
        if (kind) return JSON.parse(data).code;
        if (data) this.#take(data);
      }
    }
  }

  #take(data) {
    if (!this.#posts) {
      const { connection, secret } = JSON.parse(data);
      const headers = { Authorization: `Stream ${secret}`, "Content-Type": "application/x-ndjson" };
      this.#posts = { address: `${this.#address.origin}/api/stream/${connection}/`, headers };
    }
    this.onmessage?.({ data });
  }

  /** One request after the other, each with all that waits: the order counts. */
  async #post() {
    this.#posting = true;
    const { address, headers } = this.#posts;
    try {
      while (this.#out.length) {
        const body = this.#out.splice(0).join("\n");
        const response = await fetch(address, { method: "POST", body, headers, signal: this.#control.signal });
        if (response.status === 202) continue;
        // Of a post, 401 and 404 say only that the stream has ended.
        if (response.status > 404) this.#refused = refusal(response);
        return this.close();
      }
      this.#posting = false;
    } catch {
      this.close();
    }
  }
}

const refusal = ({ status, headers }) => {
  return { code: STATUSES[status] ?? 1006, retryAfter: Number(headers.get("Retry-After")) || 0 };
};
