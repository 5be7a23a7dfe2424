import { BlockList, isIP } from 'node:net';
import type { Policy, RuleMatch } from '../../../src/core/index.ts';
import type { RequestFacts } from '../../../src/ingress-classifier/index.ts';

/**
 * The classifier's meaning, written a second time and in another way: every rule is asked in order, with split strings,
 * recursion, URLSearchParams and node:net. Paths in the strict spelling keep structure that came encoded.
 */
type Reading = 'strict' | 'lenient';

function decoded(text: string, keep: RegExp): string {
  return text
    .replace(/%(?![0-9a-f]{2})/gi, '%25')
    .replace(/[^\x21-\x7e]/g, (character) => `%${character.charCodeAt(0).toString(16).padStart(2, '0')}`)
    .replace(/%[0-9a-f]{2}/gi, (code) => {
      const character = String.fromCharCode(Number.parseInt(code.slice(1), 16));
      return keep.test(character) || !/[\x21-\x7e]/.test(character) ? code.toUpperCase() : character;
    });
}

function naiveSegments(path: string, reading: Reading): string[] {
  const text =
    reading === 'strict'
      ? decoded(path, /[%/\\;]/).replaceAll('\\', '%5C')
      : decoded(path, /%/).replaceAll('\\', '/');
  const out: string[] = [];
  const parts = text.split('/').slice(1);
  for (const part of parts) {
    const segment = reading === 'lenient' ? (part.split(';')[0] ?? '') : part;
    if (segment === '.') continue;
    if (segment === '..') out.pop();
    else if (segment !== '' || reading === 'strict') out.push(segment);
  }
  if (out.at(-1) === '') out.pop();
  return out;
}

function glob(pattern: readonly string[], segments: readonly string[]): boolean {
  const [first, ...rest] = pattern;
  if (first === undefined) return segments.length === 0;
  if (first === '**') return segments.some((_, at) => glob(rest, segments.slice(at))) || glob(rest, []);
  const [segment, ...others] = segments;
  if (segment === undefined) return false;
  const one = first === '*' || first.startsWith('{');
  return (one ? segment !== '' : segment === first) && glob(rest, others);
}

function pathMatches(pattern: string, path: string, reading: Reading): boolean {
  if (!path.startsWith('/')) return false;
  const parts = pattern.split('/').filter((part) => part !== '');
  return glob(parts, naiveSegments(path, reading));
}

function hostMatches(pattern: string, host: string): boolean {
  const name = host.toLowerCase().replace(/:\d*$/, '').replace(/\.$/, '');
  if (pattern === '*') return name !== '';
  return pattern.startsWith('*.')
    ? name.endsWith(pattern.slice(1)) && name.length >= pattern.length
    : name === pattern;
}

function queryMatches(wanted: Readonly<Record<string, string>>, query: string, reading: Reading): boolean {
  // A query from the wire is bytes as Latin-1; URLSearchParams wants them encoded.
  const bytes = query.replace(/[\x80-\xff]/g, (byte) => `%${byte.charCodeAt(0).toString(16)}`);
  const parameters = new URLSearchParams(bytes);
  return Object.entries(wanted).every(([name, expected]) => {
    const values = parameters.getAll(name);
    if (values.length === 0) return false;
    if (expected === '*') return true;
    return reading === 'strict' ? values.every((value) => value === expected) : values.includes(expected);
  });
}

function networksMatch(blocks: readonly string[], address: string): boolean {
  const family = isIP(address);
  if (family === 0) return false;
  const list = new BlockList();
  // node:net counts every IPv4 address as one of ::/0; here a block is of its own family alone.
  for (const block of blocks.filter((one) => one.includes(':') === (family === 6))) {
    const [network = '', prefix = '0'] = block.split('/');
    list.addSubnet(network, Number(prefix), network.includes(':') ? 'ipv6' : 'ipv4');
  }
  return list.check(address, family === 6 ? 'ipv6' : 'ipv4');
}

function headersMatch(wanted: Readonly<Record<string, string>>, facts: RequestFacts): boolean {
  return Object.entries(wanted).every(([name, expected]) => {
    const value = facts.header(name);
    if (value === undefined) return false;
    return expected.endsWith('*') ? value.startsWith(expected.slice(0, -1)) : value === expected;
  });
}

function matches(match: RuleMatch, facts: RequestFacts, reading: Reading): boolean {
  const { path, method, host, headers, query, grpc, sourceNetworks } = match;
  const { bodyBytesAtLeast, bodyBytesAtMost, urgencyAtLeast, urgencyAtMost } = match;
  return (
    (path === undefined || pathMatches(path, facts.path, reading)) &&
    (method === undefined || method.includes(facts.method)) &&
    (host === undefined || hostMatches(host, facts.host)) &&
    (headers === undefined || headersMatch(headers, facts)) &&
    (query === undefined || queryMatches(query, facts.query, reading)) &&
    (bodyBytesAtLeast === undefined || facts.bodyBytes >= bodyBytesAtLeast) &&
    (bodyBytesAtMost === undefined || (facts.bodyBytes >= 0 && facts.bodyBytes <= bodyBytesAtMost)) &&
    (urgencyAtLeast === undefined || (facts.urgency >= 0 && facts.urgency >= urgencyAtLeast)) &&
    (urgencyAtMost === undefined || (facts.urgency >= 0 && facts.urgency <= urgencyAtMost)) &&
    (grpc === undefined ||
      (/^application\/grpc(?:[+;\s].*)?$/i.test(facts.header('content-type') ?? '') &&
        pathMatches(`/${grpc}`, facts.path, reading))) &&
    (sourceNetworks === undefined || networksMatch(sourceNetworks, facts.sourceAddress))
  );
}

export interface NaiveResult {
  readonly className: string;
  readonly rule: string | undefined;
}

/** What the classifier has to answer. */
export function naiveClassify(policy: Policy, facts: RequestFacts): NaiveResult {
  const [strict, lenient] = (['strict', 'lenient'] as const).map((reading): NaiveResult => {
    const rule = policy.ingress.rules.find(({ match }) => matches(match, facts, reading));
    return { className: rule?.class ?? policy.ingress.defaultClass, rule: rule?.name };
  });
  if (strict === undefined || lenient === undefined) throw new RangeError('there are two readings');
  const rank = (name: string): number => policy.classes.findIndex((entry) => entry.name === name);
  return rank(lenient.className) > rank(strict.className) ? lenient : strict;
}
