/** One socket for all tabs of a browser. */

/**
 * What to give `connect` as `WebSocket`, so that the tabs with the same `login` (the user's id,
 * say) share one socket: one tab has it, and another takes over when that ends. The server
 * confirms of each tab, by its ticket, that it is of the same user and tenant. Each tab ends with
 * its own credential: for one that is not that of the socket, an idle socket tells of its end. Where
 * the browser has no Web Locks or BroadcastChannel, without tickets, and where the others do not
 * answer, a tab has a socket of its own. Limits of a socket hold for all its tabs together.
 */
export function shared(login: string): typeof WebSocket;
