import type { RedirectSettings } from '../../core/index.ts';
import type { RequestFacts } from '../../ingress-classifier/index.ts';
import { withPrefix } from './path-prefix.ts';

/** Where a redirect leads; undefined when the path can't be given another beginning. @param literal the beginning that `prefix` replaces */
export function locationOf(
  { scheme, host, port, path, prefix }: RedirectSettings,
  literal: string,
  facts: RequestFacts,
): string | undefined {
  const target = path ?? (prefix === undefined ? facts.path : withPrefix(facts.path, literal, prefix));
  if (target === undefined) return undefined;
  const query = facts.query === '' ? '' : `?${facts.query}`;
  // Two slashes at the beginning would be read as a host.
  const local = `${target.replace(/^\/{2,}/, '/')}${query}`;
  if (scheme === undefined && host === undefined && port === undefined) return local;
  const authority = /^(.*?)(:\d*)?$/.exec(facts.host);
  const name = host ?? authority?.[1] ?? '';
  const cameWith = host === undefined && scheme === undefined ? (authority?.[2] ?? '') : '';
  return `${scheme ?? 'http'}://${name}${port === undefined ? cameWith : `:${port}`}${local}`;
}
