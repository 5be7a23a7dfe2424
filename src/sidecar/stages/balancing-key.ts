import { hashText } from '../balancers/index.ts';
import type { Exchange, Stage } from '../exchange.ts';
import type { BalancingKey } from '../pools/index.ts';

/** The value of a cookie (RFC 6265 section 4.2.1), or undefined. */
function cookieOf(header: string, name: string): string | undefined {
  let at = 0;
  while (at < header.length) {
    const end = header.indexOf(';', at);
    const stop = end < 0 ? header.length : end;
    while (header.charCodeAt(at) === 0x20 || header.charCodeAt(at) === 0x09) at += 1;
    if (header.startsWith(name, at) && header.charCodeAt(at + name.length) === 0x3d) {
      return header.slice(at + name.length + 1, stop);
    }
    at = stop + 1;
  }
  return undefined;
}

function textOf({ facts }: Exchange, { from, name }: BalancingKey): string | undefined {
  switch (from) {
    case 'header':
      return facts.header(name);
    case 'cookie': {
      const header = facts.header('cookie');
      return header === undefined ? undefined : cookieOf(header, name);
    }
    case 'path':
      return facts.path;
    case 'source-address':
      return facts.sourceAddress;
  }
}

/** Where the balancer looks at a request: what it looks at, as it came and before the head is rewritten. */
export function balancingKey(): Stage {
  return {
    name: 'balancing-key',
    enter(exchange) {
      const key = exchange.upstream?.balancingKey;
      if (key === undefined) return 'next';
      const text = textOf(exchange, key);
      if (text !== undefined && text !== '') exchange.balancingKey = hashText(text);
      return 'next';
    },
  };
}
