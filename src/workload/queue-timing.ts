/** The name of our metric in `server-timing` (W3C Server Timing, section 2). */
const METRIC = 'queue';

/** The value of a `server-timing` header that says how long a request, or the message that it became, had waited in a queue. */
export function queueTiming(waitMs: number): string {
  return `${METRIC};dur=${Math.max(0, waitMs).toFixed(3)}`;
}

/**
 * Reads the wait in a queue, milliseconds, from the value of a `server-timing` header; undefined when it says nothing of one. Other
 * metrics and parameters are passed over.
 */
export function queueWaitOf(header: string): number | undefined {
  for (const entry of header.split(',')) {
    const [name = '', ...parameters] = entry.split(';').map((part) => part.trim());
    if (name.toLowerCase() !== METRIC) continue;
    for (const parameter of parameters) {
      const match = /^dur\s*=\s*"?(\d{1,12}(?:\.\d{1,9})?)"?$/i.exec(parameter);
      if (match !== null) return Number(match[1]);
    }
  }
  return undefined;
}

/** The longer of two waits, where either may be unknown. */
export function longerWait(one: number | undefined, other: number | undefined): number | undefined {
  if (one === undefined || other === undefined) return one ?? other;
  return Math.max(one, other);
}
