/** What a close code asks of a client, and a credential's end: pure functions. Seconds everywhere. */

const MEANINGS = { 1001: 4503, 1012: 4503 }; // all that is not told of means 4500
const FINAL = [1000, 1002, 1007, 1009, 4400, 4403, 4413];
export const NO_PAST = { failures: 0, renewed: false };
const FIRST_DELAY = 0.5;
const LONGEST_DELAY = 30;
const LONGEST_TIMER = 2e6; // one of more than 24 days would end at once

/**
 * `past` is what earlier closes left behind, `retry` WELCOME's window, `random` in [0, 1).
 * `delay` is null when one may not come back by oneself.
 */
export function afterClose(code, { failures, renewed }, { min, max }, random, retryAfter = 0) {
  const meaning = MEANINGS[code] ?? code;
  const forget = [4401, 4403].includes(meaning);
  const final = { delay: null, forget, renew: false, past: NO_PAST };
  if (FINAL.includes(meaning) || (meaning === 4401 && renewed)) return final;
  const wait = (delay, past = { failures, renewed }) => {
    return { delay: Math.max(delay, retryAfter), forget, renew: meaning === 4401, past };
  };
  if (meaning === 4401) return wait(0, { failures, renewed: true });
  if (meaning === 4429) return wait(max + random * (max - min));
  if (meaning === 4503) return wait(min + random * (max - min));
  const longest = Math.min(LONGEST_DELAY, FIRST_DELAY * 2 ** failures);
  return wait(longest * random, { failures: failures + 1, renewed });
}

/** When to go on by a fresh credential if this one ends after `left`; null once it is too late. */
export const renewAfter = (left) => (left > 1 ? Math.min(left * 0.9, LONGEST_TIMER) : null);
