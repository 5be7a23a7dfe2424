/** One preference: a token, and perhaps a value that is a token or a quoted string. */
const WAIT = /(?:^|,)[ \t]*wait[ \t]*=[ \t]*(?:"(\d{1,9})"|(\d{1,9}))[ \t]*(?=$|[,;])/i;

/**
 * How long a caller is willing to wait: the preference `wait` of the field Prefer, in whole seconds (RFC 7240 section 4.3), which is the
 * only deadline that a standard gives to HTTP requests. Infinity when none is given.
 */
export function waitPreferenceMs(prefer: string | string[] | undefined): number {
  const text = Array.isArray(prefer) ? prefer.join(',') : (prefer ?? '');
  const found = WAIT.exec(text.slice(0, 1024));
  const seconds = found?.[1] ?? found?.[2];
  return seconds === undefined ? Number.POSITIVE_INFINITY : Number(seconds) * 1000;
}
