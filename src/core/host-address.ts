import { SocketAddress } from 'node:net';

const MAPPED = '::ffff:';

/** An address in the one form in which the kernel writes it, IPv4 as such where it is mapped into IPv6; text that is no address stays. */
export function hostAddress(text: string): string {
  const canonical = text.includes(':') ? canonicalIpv6(text) : text;
  return canonical.startsWith(MAPPED) && canonical.includes('.') ? canonical.slice(MAPPED.length) : canonical;
}

function canonicalIpv6(text: string): string {
  try {
    return new SocketAddress({ address: text, family: 'ipv6' }).address;
  } catch {
    return text;
  }
}
