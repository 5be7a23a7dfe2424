/** The literal beginning of a path pattern, without a slash at its end: `/api` of `/api/**`, nothing of `/{id}`. */
export function literalPrefix(pattern: string): string {
  const segments = pattern.split('/').slice(1);
  const first = segments.findIndex((segment) => /^(?:\*|\*\*|\{[^{}]*\})$/.test(segment));
  const literal = first < 0 ? segments : segments.slice(0, first);
  return literal
    .map((segment) => `/${segment}`)
    .join('')
    .replace(/\/+$/, '');
}

/**
 * A path with another beginning. A path that is written in another way than its beginning (`/%61pi` for `/api`) is left to nobody's
 * guess: undefined.
 */
export function withPrefix(path: string, from: string, to: string): string | undefined {
  if (!path.startsWith(from)) return undefined;
  const rest = path.slice(from.length);
  if (rest !== '' && !rest.startsWith('/')) return undefined;
  // What a server could read as another path must not be moved.
  if (/(?:^|\/)\.{1,2}(?:\/|$)/.test(rest) || /\/\/|%2f|%2e|\\/i.test(rest)) return undefined;
  const joined = `${to.replace(/\/+$/, '')}${rest}`;
  return joined === '' ? '/' : joined;
}
