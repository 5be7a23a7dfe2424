import { isIP } from 'node:net';

/** Why a text is no network in CIDR notation (RFC 4632, RFC 4291 section 2.3); undefined when it is one. */
export function cidrFault(text: string): string | undefined {
  const [address = '', prefix = '', ...more] = text.split('/');
  const version = isIP(address);
  if (version === 0 || more.length > 0) return `${JSON.stringify(address)} is no IPv4 or IPv6 address`;
  const most = version === 4 ? 32 : 128;
  return /^[0-9]{1,3}$/.test(prefix) && Number(prefix) <= most
    ? undefined
    : `the prefix length must be a number from 0 to ${most}`;
}
