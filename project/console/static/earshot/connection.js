/**
 * One socket to Earshot that comes back by itself, as the close codes of the protocol ask for.
 * It knows nothing of subscriptions; `client.js` does.
 *
 * @typedef {object} Status
 * @property {"closed"|"connecting"|"open"|"waiting"|"stopped"} state
 *     stopped: the server said not to come back by itself; `connect()` tries again.
 * @property {number} [code]   Why the last connection ended.
 * @property {number} [delay]  Seconds until the next attempt.
 */

const STANDARD_CODES = { 1001: 4503, 1012: 4503, 1006: 4500, 1011: 4500 };
const FINAL = new Set([1000, 1002, 1007, 1009, 4400, 4403, 4413]);
const WINDOWED = new Set([4429, 4503]);
const HTTP_CODES = { 401: 4401, 403: 4403, 429: 4429 };
const FIRST_DELAY = 0.5; // seconds, as everywhere here
const LONGEST_DELAY = 30;
const PATIENCE = 15; // for a connection to bring its first frame
const STABLE = 10; // a connection that lived so long makes earlier failures forgotten

export class Connection {
  /** @type {Status} */
  status = Object.freeze({ state: "closed" });

  #options;
  #on;
  #timers = {};
  #attempt = null;
  #socket = null;
  #bucket = null; // there is one from WELCOME to the end of the connection
  #outbox = [];
  #unanswered = false;
  #openedAt = Infinity;
  #retry = { min: 1, max: 10 };
  #heartbeat = 20;
  #failures = 0;
  #renewed = false;

  /**
   * @param {object} options  As for Earshot.
   * @param {object} on  Callbacks: `frame(frame, direction)`, `status(status)`, `open()` after
   *     WELCOME, `end()` when the connection is over, before the status tells what comes next.
   */
  constructor(options, on) {
    this.#options = options;
    this.#on = on;
  }

  connect() {
    if (this.status.state !== "connecting" && this.status.state !== "open") this.#open();
  }

  close() {
    this.#disconnect();
    this.#report({ state: "closed" });
  }

  /** As fast as the server's frame limit allows. Without a connection there is no need to. */
  send(frame) {
    if (!this.#bucket) return;
    this.#outbox.push(frame);
    this.#flush();
  }

  /** After ERROR rate_limited: send nothing for a moment, forget what waited, then `resume()`. */
  pause(resume) {
    this.#bucket?.empty();
    this.#outbox = [];
    this.#after("pause", 1 + Math.random(), resume);
  }

  async #open() {
    const attempt = (this.#attempt = Symbol("attempt"));
    clearTimeout(this.#timers.reconnect);
    this.#report({ state: "connecting" });
    try {
      const ticket = await this.#options.ticket();
      if (attempt === this.#attempt) this.#listen(new this.#options.WebSocket(this.#url(ticket)));
    } catch (error) {
      if (attempt === this.#attempt) this.#lost(HTTP_CODES[error.status] ?? 4500, error.retryAfter);
    }
  }

  #url(ticket) {
    const { url, tenant } = this.#options;
    const address = new URL(url, globalThis.location?.href);
    address.protocol = address.protocol.replace("http", "ws");
    if (ticket) address.searchParams.set("ticket", ticket);
    if (tenant) address.searchParams.set("tenant", tenant);
    return address.href;
  }

  #listen(socket) {
    this.#socket = socket;
    socket.onmessage = ({ data }) => this.#receive(JSON.parse(data));
    socket.onclose = ({ code }) => this.#lost(code);
    socket.onerror = () => {}; // a close event follows and says more
    this.#unanswered = true;
    this.#after("heartbeat", PATIENCE, () => this.#beat());
  }

  #receive(frame) {
    this.#unanswered = false;
    if (frame.type === "WELCOME") this.#welcomed(frame);
    this.#on.frame(frame, "in");
    if (frame.type === "WELCOME" && this.#bucket) this.#on.open();
  }

  #welcomed({ heartbeat, limits = {}, retry }) {
    this.#heartbeat = heartbeat ?? this.#heartbeat;
    this.#retry = { ...this.#retry, ...retry };
    this.#bucket = new Bucket(limits.frames_per_second ?? 50, limits.frames_burst ?? 1000);
    this.#openedAt = Date.now();
    this.#after("heartbeat", this.#heartbeat, () => this.#beat());
    this.#report({ state: "open" });
  }

  /** Scripts do not see the server's pings, so ask; no frame at all in between means a dead line. */
  #beat() {
    if (this.#unanswered) return this.#lost(1006);
    this.#unanswered = true;
    this.#after("heartbeat", this.#heartbeat, () => this.#beat());
    this.send({ action: "ping" });
  }

  /** Does what the close code asks for. */
  #lost(code, retryAfter = 0) {
    if (Date.now() - this.#openedAt > STABLE * 1000) {
      this.#failures = 0;
      this.#renewed = false;
    }
    this.#disconnect();
    const meaning = STANDARD_CODES[code] ?? code;
    if (FINAL.has(meaning) || (meaning === 4401 && this.#renewed)) {
      this.#renewed = false;
      return this.#report({ state: "stopped", code });
    }
    const delay = Math.max(retryAfter, this.#delay(meaning));
    this.#after("reconnect", delay, () => this.#open());
    this.#report({ state: "waiting", code, delay });
  }

  #delay(meaning) {
    if (meaning === 4401) {
      this.#renewed = true; // the next attempt brings a new ticket; it is the only one
      return 0;
    }
    const { min, max } = this.#retry;
    if (WINDOWED.has(meaning)) return min + Math.random() * (max - min);
    const longest = Math.min(LONGEST_DELAY, FIRST_DELAY * 2 ** this.#failures++);
    return longest * (0.5 + Math.random() / 2);
  }

  #disconnect() {
    const socket = this.#socket;
    Object.values(this.#timers).forEach(clearTimeout);
    this.#attempt = this.#socket = this.#bucket = null;
    this.#openedAt = Infinity;
    this.#outbox = [];
    if (socket) {
      socket.onmessage = socket.onclose = null; // whatever it still says is of no interest
      socket.close();
    }
    this.#on.end();
  }

  #flush() {
    while (this.#outbox.length && this.#bucket.take()) {
      const frame = this.#outbox.shift();
      this.#socket.send(JSON.stringify(frame));
      this.#on.frame(frame, "out");
    }
    if (this.#outbox.length) this.#after("flush", 0.1, () => this.#flush());
  }

  #after(name, seconds, callback) {
    clearTimeout(this.#timers[name]);
    this.#timers[name] = setTimeout(callback, seconds * 1000);
  }

  #report(status) {
    this.status = Object.freeze(status);
    this.#on.status(status);
  }
}

/** A token bucket that stays a fifth below the server's, which may count a little differently. */
class Bucket {
  constructor(rate, burst) {
    this.rate = rate * 0.8;
    this.burst = this.tokens = Math.max(1, burst * 0.8);
    this.at = Date.now();
  }

  take() {
    const now = Date.now();
    this.tokens = Math.min(this.burst, this.tokens + ((now - this.at) / 1000) * this.rate);
    this.at = now;
    if (this.tokens < 1) return false;
    this.tokens -= 1;
    return true;
  }

  empty() {
    this.tokens = 0;
  }
}
