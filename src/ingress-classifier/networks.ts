import { PriomeshError } from '../core/index.ts';

/** The family of an address: 4, 6, or 0 for what is no address. */
export type AddressFamily = 0 | 4 | 6;

const DOT = 0x2e;
const COLON = 0x3a;
const PERCENT = 0x25;

/** Parses dotted decimal between two positions into one word; -1 when it is malformed. */
function parseIpv4(text: string, from: number, to: number): number {
  let word = 0;
  let parts = 0;
  let at = from;
  while (parts < 4) {
    let value = 0;
    const start = at;
    while (at < to && text.charCodeAt(at) !== DOT) {
      const digit = text.charCodeAt(at) - 0x30;
      if (digit < 0 || digit > 9 || at - start >= 3) return -1;
      value = value * 10 + digit;
      at += 1;
    }
    const length = at - start;
    if (length === 0 || value > 255 || (length > 1 && text.charCodeAt(start) === 0x30)) return -1;
    word = word * 256 + value;
    parts += 1;
    if (parts < 4) {
      if (at >= to) return -1;
      at += 1;
    }
  }
  return at === to ? word : -1;
}

function hexValue(code: number): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  const lower = code | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1;
}

/** Parses addresses into words of 32 bits. One object serves all requests; the last address is remembered. */
export class AddressParser {
  /** The address, most significant word first; of an IPv4 address only the first word counts. */
  readonly words = new Uint32Array(4);
  family: AddressFamily = 0;
  readonly #groups = new Uint16Array(8);
  #last = '';

  /**
   * Parses IPv4 in dotted decimal or IPv6 (RFC 4291 section 2.2; a zone after `%` is ignored). An IPv4-mapped IPv6
   * address becomes the IPv4 address that it means. A block matches addresses of its own family alone: `::/0` is no IPv4 address.
   */
  parse(text: string): AddressFamily {
    if (text === this.#last) return this.family;
    this.#last = text;
    const zone = text.indexOf('%');
    const end = zone < 0 || text.charCodeAt(zone) !== PERCENT ? text.length : zone;
    const ipv4 = parseIpv4(text, 0, text.length);
    if (ipv4 >= 0) {
      this.words[0] = ipv4;
      this.family = 4;
    } else {
      this.family = this.#parseIpv6(text, end) ? 6 : 0;
      if (this.family === 6) this.#unmap();
    }
    return this.family;
  }

  #unmap(): void {
    const [first, second, third, fourth] = this.words;
    if (first !== 0 || second !== 0 || third !== 0xffff) return;
    this.words[0] = fourth ?? 0;
    this.family = 4;
  }

  #parseIpv6(text: string, end: number): boolean {
    const groups = this.#groups;
    let count = 0;
    let gap = -1;
    let at = 0;
    if (text.startsWith('::')) {
      gap = 0;
      at = 2;
    }
    while (at < end) {
      if (count === 8) return false;
      let value = 0;
      const start = at;
      while (at < end && at - start < 4) {
        const digit = hexValue(text.charCodeAt(at));
        if (digit < 0) break;
        value = value * 16 + digit;
        at += 1;
      }
      if (at < end && text.charCodeAt(at) === DOT) {
        const ipv4 = parseIpv4(text, start, end);
        if (ipv4 < 0 || count > 6) return false;
        groups[count] = ipv4 >>> 16;
        groups[count + 1] = ipv4 & 0xffff;
        count += 2;
        break;
      }
      if (at === start) return false;
      groups[count] = value;
      count += 1;
      if (at === end) break;
      if (text.charCodeAt(at) !== COLON) return false;
      at += 1;
      if (at < end && text.charCodeAt(at) === COLON) {
        if (gap >= 0) return false;
        gap = count;
        at += 1;
      } else if (at === end) return false;
    }
    if (gap < 0 ? count !== 8 : count > 7) return false;
    this.#spread(count, gap < 0 ? count : gap);
    return true;
  }

  /** Moves the groups after the gap to the end and fills the words. */
  #spread(count: number, gap: number): void {
    const groups = this.#groups;
    const tail = count - gap;
    for (let index = 0; index < tail; index += 1) groups[7 - index] = groups[count - 1 - index] ?? 0;
    for (let index = gap; index < 8 - tail; index += 1) groups[index] = 0;
    for (let word = 0; word < 4; word += 1) {
      this.words[word] = (groups[2 * word] ?? 0) * 0x10000 + (groups[2 * word + 1] ?? 0);
    }
  }
}

/** A CIDR block. */
export interface Network {
  readonly family: 4 | 6;
  readonly prefixBits: number;
  /** The address with the host bits cleared; four words, of which IPv4 uses the first. */
  readonly words: Uint32Array;
}

/** The bits of word `index` that a prefix of `prefixBits` fixes. */
export function prefixMask(prefixBits: number, index: number): number {
  const bits = Math.min(32, Math.max(0, prefixBits - 32 * index));
  return bits === 0 ? 0 : (0xffffffff << (32 - bits)) >>> 0;
}

/**
 * Parses a CIDR block (`10.0.0.0/8`, `2001:db8::/32`) or a single address.
 *
 * @throws PriomeshError CONFIG_INVALID
 */
export function parseNetwork(text: string): Network {
  const slash = text.indexOf('/');
  const parser = new AddressParser();
  const address = slash < 0 ? text : text.slice(0, slash);
  const family = parser.parse(address);
  const lengthText = slash < 0 ? '' : text.slice(slash + 1);
  // A mapped address is written with the length of an IPv6 prefix, of which 96 bits are the mapping.
  const mapped = family === 4 && address.includes(':') ? 96 : 0;
  const most = family === 4 ? 32 : 128;
  const prefixBits = slash < 0 ? most : Number(lengthText) - mapped;
  const lengthIsGood = slash < 0 || /^\d{1,3}$/.test(lengthText);
  if (family === 0 || address.includes('%') || !lengthIsGood || prefixBits < 0 || prefixBits > most) {
    throw new PriomeshError('CONFIG_INVALID', `\`${text}\` is not a network`, {
      fix: 'Write a CIDR block such as 10.0.0.0/8 or 2001:db8::/32.',
    });
  }
  const words = parser.words.map((word, index) => (word & prefixMask(prefixBits, index)) >>> 0);
  return { family, prefixBits, words: family === 4 ? words.fill(0, 1) : words };
}

/** Whether the parsed address lies in a network. */
export function contains(network: Network, address: AddressParser): boolean {
  if (network.family !== address.family) return false;
  const words = network.family === 4 ? 1 : 4;
  for (let index = 0; index < words; index += 1) {
    const masked = ((address.words[index] ?? 0) & prefixMask(network.prefixBits, index)) >>> 0;
    if (masked !== network.words[index]) return false;
  }
  return true;
}

/** A set of networks, asked by address. */
export interface NetworkSet {
  /** Whether the address (IPv4 or IPv6 as text) lies in one of the networks; false for what is no address. */
  has(address: string): boolean;
}

/**
 * Makes a set of CIDR blocks, such as a policy's `trustedNetworks`.
 *
 * @throws PriomeshError CONFIG_INVALID for a block that is malformed
 */
export function compileNetworks(blocks: readonly string[]): NetworkSet {
  const networks = blocks.map(parseNetwork);
  const parser = new AddressParser();
  return {
    has(address) {
      return parser.parse(address) !== 0 && networks.some((network) => contains(network, parser));
    },
  };
}
