/** One socket and one token for all tabs of a browser. */

/**
 * What to give `connect` as `WebSocket`, so that the tabs with the same `login` (the user's id,
 * say) share one socket: one tab has it, and another takes over when that ends. The server
 * confirms of each tab, by its ticket, that it is of the same user and tenant. Each tab ends with
 * its own credential: for one that is not that of the socket, an idle socket tells of its end. Where
 * the browser has no Web Locks or BroadcastChannel, without tickets, and where the others do not
 * answer, a tab has a socket of its own. Limits of a socket hold for all its tabs together.
 */
export function shared(login: string): typeof WebSocket;

/**
 * For `credentials`, where the tabs of an origin have one token in `localStorage[key]`: returns what
 * to call with its argument, and promises the token. When it has to be a fresh one, `renewed` is
 * asked for it, as a token, as the body of `POST /api/token/` or `POST /api/login/`, or as its
 * response: in one tab at a time, and not where another tab has renewed it meanwhile. The others
 * wait for it, for ten seconds at most.
 */
export function sharedToken(
  key: string,
  renewed: () => NewToken | Promise<NewToken>,
): (about: { renew: boolean }) => Promise<string | null>;

export type NewToken = string | { token: string } | Response;
