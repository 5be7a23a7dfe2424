const SECRET_KEY = /password|secret|token|authorization|cookie|credential|api-?key|private-?key/i;
/** Keys that end so name a file and are no secret themselves. */
const FILE_KEY = /file$/i;
/** What stands in the place of a secret. */
const REDACTED = '(redacted)';

function isSecret(path: readonly string[]): boolean {
  const key = path.at(-1) ?? '';
  return (SECRET_KEY.test(key) && !FILE_KEY.test(key)) || (path[0] === 'traces' && path[1] === 'headers');
}

/** User and password of a URL. */
function withoutCredentials(text: string): string {
  return text.replace(/^([a-z+]+:\/\/)[^/@]*@/i, `$1${REDACTED}@`);
}

/**
 * A configuration for people to see. Not shown are values of keys that sound like a secret, the fields that are sent with exports, and the
 * user and password of a URL.
 */
export function redact(value: unknown, path: readonly string[] = []): unknown {
  if (typeof value === 'string') return isSecret(path) ? REDACTED : withoutCredentials(value);
  if (Array.isArray(value)) return value.map((member) => redact(member, path));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => [name, redact(member, [...path, name])]),
  );
}
