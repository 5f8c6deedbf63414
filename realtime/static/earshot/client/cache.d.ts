/** Copies that outlive the page, in IndexedDB: shown at once, also offline, until the server answers. */

import type { Earshot, Options } from "./index.js";

/**
 * As the package's own `connect`, with what this user was shown before. The user's id is that of
 * the login's answer, or of `GET /api/me/`. A copy goes as soon as the user may not see it any
 * longer or the list no longer has it; all go after 4401 and 4403, at `close()`, once the
 * credential has expired, and when another user or tenant connects. At most 1,000 copies and lists
 * outlive the page.
 */
export function connect(options: Options & { user: string }): Promise<Earshot>;
