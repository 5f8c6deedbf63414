/** One socket that comes back by itself, as the close codes ask for. Seconds everywhere. */

import { NO_PAST, afterClose, renewAfter } from "./closes.js";
import { read } from "./rest.js";

const HTTP_CODES = { 401: 4401, 403: 4403, 429: 4429, 503: 4503 };
const PATIENCE = 15; // for credentials and a connection, until the first frame
const LOGIN_PATIENCE = 600; // for fresh credentials: somebody may have to type a password
const WAKE_PATIENCE = 2; // for an answer after sleep, or when the network is back
const STABLE = 10; // a connection that lived so long makes earlier failures forgotten

const now = () => performance.now() / 1000;

export class Connection {
  status = { state: "closed" };

  #options;
  #on;
  #timers = {};
  #attempt = null;
  #socket = null;
  #maySend = null; // whether one more frame may be sent: from WELCOME to the end
  #outbox = [];
  #openedAt = Infinity;
  #heardAt = 0;
  #asked = null; // {at, patience} of what has to be answered
  #heartbeat = 20;
  #retry = { min: 1, max: 10 };
  #past = NO_PAST;
  #renew = false;
  #streams = false; // whether a socket could not be opened here when last tried, or a stream could

  /**
   * `on` has `open()` after WELCOME, `frame(frame, direction)`, `end(forget)` when the connection
   * is over, and `status(status)`.
   */
  constructor(options, on) {
    this.#options = options;
    this.#on = on;
  }

  connect() {
    const { state } = this.status;
    if (state === "closed") this.#awake("addEventListener");
    if (state !== "connecting" && state !== "open") this.#open();
  }

  close() {
    this.#awake("removeEventListener");
    this.#disconnect(true);
    this.#report({ state: "closed" });
  }

  /** As fast as the server's frame limit allows. */
  send(frame) {
    if (!this.#maySend) return;
    this.#outbox.push(frame);
    this.#flush();
  }

  /** The network may be back, or the computer was asleep: see at once what is left of the line. */
  wake = () => {
    const { state, code } = this.status;
    if (globalThis.document?.visibilityState === "hidden") return;
    if (state === "open") {
      this.#streams = false; // in another network sockets may open
      this.#expect(WAKE_PATIENCE);
    } else if (state === "waiting" && code !== 4429 && code !== 4503) this.#open();
  };

  #awake(method) {
    for (const type of ["online", "pageshow", "visibilitychange"]) {
      globalThis[method]?.(type, this.wake);
    }
  }

  async #open() {
    const attempt = (this.#attempt = Symbol());
    clearTimeout(this.#timers.reconnect);
    this.#wait(this.#renew ? LOGIN_PATIENCE : PATIENCE);
    this.#report({ state: "connecting" });
    try {
      const ticket = await this.#ticket(this.#renew);
      if (attempt !== this.#attempt) return;
      this.#wait(PATIENCE);
      const { WebSocket } = this.#streams ? await import("./stream.js") : this.#options;
      if (attempt === this.#attempt) this.#listen(new WebSocket(this.#url(ticket)));
    } catch (error) {
      if (attempt === this.#attempt) this.#lost(HTTP_CODES[error.status] ?? 4500, error.retryAfter);
    }
  }

  async #ticket(renew) {
    const given = await read(await this.#options.credentials?.({ renew }));
    const { ticket = given } = given?.payload ?? given ?? {};
    return ticket;
  }

  /** Go on by a fresh credential before this one ends; where there is none, 4401 tells. */
  #renewBefore(expires) {
    const attempt = this.#attempt;
    const delay = renewAfter((Date.parse(expires) - Date.now()) / 1000);
    const goesOn = () => attempt === this.#attempt; // else it has ended meanwhile
    const renew = () =>
      this.#ticket(true).then(
        (ticket) => ticket && goesOn() && this.send({ action: "renew", ticket }),
        () => goesOn() && this.#renewBefore(expires),
      );
    if (delay) this.#after("renew", delay, renew);
  }

  #url(ticket) {
    const { url, tenant } = this.#options;
    const address = new URL(url, globalThis.location?.href);
    address.protocol = address.protocol.replace("http", "ws");
    for (const [name, value] of Object.entries({ ticket, tenant })) {
      if (value) address.searchParams.set(name, value);
    }
    return address.href;
  }

  #listen(socket) {
    this.#socket = socket;
    socket.onmessage = ({ data }) => {
      try {
        this.#receive(JSON.parse(data));
      } catch (error) {
        this.#lost(4500);
        throw error;
      }
    };
    socket.onclose = ({ code, retryAfter }) => this.#lost(code, retryAfter);
  }

  #receive(frame) {
    this.#heardAt = now();
    this.#asked = null;
    if (frame.type === "WELCOME") this.#welcomed(frame);
    this.#renewBefore(frame.expires);
    this.#on.frame(frame, "in");
    if (frame.code === "rate_limited") this.#lost(4429); // what was refused it does not say
    else if (frame.type === "WELCOME" && this.#maySend) this.#on.open();
  }

  #welcomed({ heartbeat, limits: { frames_per_second, frames_burst }, retry: { min, max } }) {
    this.#heartbeat = heartbeat;
    this.#retry = { min, max };
    this.#maySend = bucket(frames_per_second, frames_burst);
    this.#openedAt = this.#heardAt;
    this.#watch();
    this.#report({ state: "open" });
  }

  /**
   * Scripts do not see the server's pings, so one asks after half a heartbeat of silence, and has
   * the answer before the other half is over. Hidden pages run late: only what was asked counts.
   */
  #watch() {
    const half = this.#heartbeat / 2;
    const due = this.#asked ? this.#asked.at + this.#asked.patience : this.#heardAt + half;
    if (now() < due) return this.#after("watch", due - now(), () => this.#watch());
    if (this.#asked) return this.#lost(1006);
    this.#expect(half + 0.5);
  }

  #expect(patience) {
    this.#wait(patience);
    this.send({ action: "ping" });
  }

  /** What is asked for has to come by then. */
  #wait(patience) {
    this.#asked = { at: now(), patience };
    this.#watch();
  }

  #lost(code, retryAfter) {
    if (now() - this.#openedAt > STABLE) this.#past = NO_PAST;
    this.#streams = code === 1006 && this.#streams !== !this.#maySend; // cut off: the same again
    const next = afterClose(code, this.#past, this.#retry, Math.random(), retryAfter);
    this.#past = next.past;
    this.#renew = next.renew;
    this.#disconnect(next.forget);
    if (this.#attempt || this.status.state === "closed") return; // a listener decided otherwise
    if (next.delay === null) return this.#report({ state: "stopped", code });
    this.#after("reconnect", next.delay, () => this.#open());
    this.#report({ state: "waiting", code, delay: next.delay });
  }

  #disconnect(forget) {
    const socket = this.#socket;
    Object.values(this.#timers).forEach(clearTimeout);
    this.#attempt = this.#socket = this.#maySend = this.#asked = null;
    this.#openedAt = Infinity;
    this.#outbox = [];
    if (socket) {
      socket.onmessage = socket.onclose = null; // whatever it still says interests nobody
      socket.close();
    }
    this.#on.end(forget);
  }

  #flush() {
    while (this.#outbox.length && this.#maySend()) {
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
    this.status = status;
    this.#on.status(this.status);
  }
}

/** A token bucket that stays a fifth below the server's, which may count a little differently. */
function bucket(rate, burst) {
  let tokens = burst * 0.8;
  let at = now();
  return () => {
    tokens = Math.min(burst * 0.8, tokens + (now() - at) * rate * 0.8);
    at = now();
    return tokens >= 1 && tokens--;
  };
}
