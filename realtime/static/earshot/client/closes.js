/** What a close code asks of a client: a pure function, and its table. Seconds everywhere. */

const MEANINGS = { 1001: 4503, 1012: 4503, 1005: 4500, 1006: 4500, 1011: 4500 };
const FINAL = new Set([1000, 1002, 1007, 1009, 4400, 4403, 4413]);
const FORGET = new Set([4401, 4403]);
const FIRST_DELAY = 0.5;
const LONGEST_DELAY = 30;

/**
 * `past` is what earlier closes left behind, `retry` WELCOME's window, `random` in [0, 1).
 * `delay` is null when one may not come back by oneself.
 */
export function afterClose(code, { failures, renewed }, { min, max }, random, retryAfter = 0) {
  const meaning = MEANINGS[code] ?? code;
  const forget = FORGET.has(meaning);
  const final = { delay: null, forget, renew: false, past: { failures: 0, renewed: false } };
  if (FINAL.has(meaning) || (meaning === 4401 && renewed)) return final;
  const wait = (delay, past = { failures, renewed }) => {
    return { delay: Math.max(delay, retryAfter), forget, renew: meaning === 4401, past };
  };
  if (meaning === 4401) return wait(0, { failures, renewed: true });
  if (meaning === 4429) return wait(max + random * (max - min));
  if (meaning === 4503) return wait(min + random * (max - min));
  const longest = Math.min(LONGEST_DELAY, FIRST_DELAY * 2 ** failures);
  return wait(longest * random, { failures: failures + 1, renewed });
}
