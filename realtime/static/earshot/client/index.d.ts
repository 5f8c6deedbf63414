/** Live copies of what you may see, over one WebSocket. The contract is `docs/protocol.md`. */

/**
 * Connect to Earshot. The socket opens with the first subscription, and comes back by itself as the
 * close codes of the protocol ask for.
 */
export function connect(options: Options): Earshot;

/**
 * What a response of REST with one object says, for `first` and `wrote`. An error response throws
 * an `Error` with `status`, `payload` (the body), `retryAfter`, and `help`, as a `Refusal` has it.
 */
export function read<P = Payload>(response: Response): Promise<Answer<P>>;

export interface Options {
  /** Of the socket; may be relative to the page. */
  url: string | URL;
  /** The tenant's slug; needed by members of several. */
  tenant?: string;
  /**
   * Asked before each connection for a fresh ticket: the ticket, the body of `POST /api/tickets/`,
   * or its response as it is. Without it, and for null, the session's cookie counts. `renew` is true
   * shortly before the credential ends, and after 4401: get a fresh one first. An error with
   * `status` 401, 403, 429 or 503 (and `retryAfter`, in seconds) is obeyed like the close codes 4401,
   * 4403, 4429 and 4503; any other counts as an outage.
   */
  credentials?(about: { renew: boolean }): Ticket | Promise<Ticket>;
  /** Called whenever the status changes. */
  onstatus?(status: Status): void;
  /** Called with each frame, also those that are sent. */
  onframe?(frame: Frame, direction: "in" | "out"): void;
  /** Another implementation than the global one. */
  WebSocket?: typeof WebSocket;
}

export type Ticket = string | { ticket: string } | Response | null | undefined;

export interface Status {
  /**
   * stopped: the server said not to come back by oneself; `connect()` tries again. closed: not
   * begun, or closed by `close()`.
   */
  readonly state: "closed" | "connecting" | "open" | "waiting" | "stopped";
  /** Why the last connection ended. */
  readonly code?: number;
  /** Seconds until the next attempt. */
  readonly delay?: number;
}

export interface Frame {
  readonly type?: string;
  readonly action?: string;
  readonly model?: string;
  readonly id?: string;
  readonly [key: string]: unknown;
}

export type Payload = Readonly<Record<string, unknown>>;

/** An object as REST answered it. */
export interface Answer<P = Payload> {
  readonly payload: P;
  readonly etag: string;
  readonly audience: string;
}

/** An object as it is now; a change brings a new one. */
export interface Copy<P = Payload> {
  readonly id?: string;
  /**
   * pending: asked for, or cut off (then with the last payload); live; gone: deleted, or no longer
   * yours; refused: the server answered with `error`. The last two stay until asked again.
   */
  readonly state: "pending" | "live" | "gone" | "refused";
  readonly audience: string | null;
  readonly payload: P | null;
  /** The fields that the last update changed; else empty. */
  readonly changed: readonly string[];
  readonly etag: string | null;
  readonly error?: Refusal;
}

export interface Refusal {
  readonly code: string;
  readonly detail: string;
  /** Where the server has a page about it: what you see, why, what to do. */
  readonly help: string;
}

/** A live list, newest first. */
export interface List<P = Payload> {
  /** pending: asked for, or cut off (then with the last rows). */
  readonly state: "pending" | "live" | "refused";
  readonly rows: readonly Row<P>[];
  /** Whether there is anything below the last row. */
  readonly more: boolean;
  /** For `after`. */
  readonly cursor: string | null;
  readonly error?: Refusal;
}

export interface Row<P = Payload> extends Copy<P> {
  readonly id: string;
}

export type Change =
  | { readonly type: "left"; readonly id: string }
  | { readonly type: "entered"; readonly id: string; readonly before: string | null }
  | { readonly type: "updated"; readonly id: string };

/** A list, and what has changed since the listener, or the iterator, had the one before. */
export interface ListWithChanges<P = Payload> extends List<P> {
  readonly changes: readonly Change[];
}

/**
 * Something live. It is subscribed to as long as anybody listens, once for all of them, and then
 * forgotten.
 */
export interface Live<V, T extends V = V> extends AsyncIterable<T> {
  /** What is known now. */
  readonly value: V;
  /** Called soon with the present value, then after each change. Returns what ends it. */
  subscribe(listener: (value: T) => void): () => void;
}

export interface LiveObject<P = Payload> extends Live<Copy<P>> {
  /** Take the answer to a write of your own as the newest copy; the socket's is recognised by etag. */
  wrote(answer: Answer<P>): void;
  /**
   * Show these values at once, also in lists, send them, and take the answer; an error takes them
   * back, and is thrown.
   */
  write(values: Partial<P>, send: () => Promise<Response | Answer<P>>): Promise<Answer<P>>;
}

export type LiveList<P = Payload> = Live<List<P>, ListWithChanges<P>>;

type Value = string | number | boolean | null;

export interface Query<P = Payload> {
  /** A value, or several, for each of the model's filters. */
  where?: Readonly<Record<string, Value | readonly Value[]>>;
  /** 1 to 1,000; 100 by default. */
  limit?: number;
  /** A cursor: the list of what comes below it. */
  after?: string;
  /** The list GET's answer, to be shown at once. */
  first?: ListAnswer<P>;
}

export interface ListAnswer<P = Payload> {
  readonly results: readonly P[];
  readonly rows: readonly { readonly id: string; readonly audience: string; readonly etag: string }[];
  readonly more: boolean;
  readonly cursor: string | null;
}

export interface Earshot {
  readonly status: Status;
  /** Connect now, unless connected or at it: after a stop, or to begin early. */
  connect(): void;
  /** Close, forget everything that is held, and stay closed until `connect()` or a subscription. */
  close(): void;
  /** One object, such as `object("resources.document", "YPZ3r7Kk")`. */
  object<P = Payload>(model: string, id: string, options?: { first?: Answer<P> }): LiveObject<P>;
  /** The objects of a model that you may see. */
  collection<P = Payload>(model: string, query?: Query<P>): LiveList<P>;
}
