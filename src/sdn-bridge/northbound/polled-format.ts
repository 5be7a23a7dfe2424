import { strange } from './json.ts';

/** Readers of what Ryu and ONOS write alike; each throws NORTHBOUND_FAILED for anything else. */

/** A whole number from 0 on, also where it is written as a text. */
export function within(value: unknown, what: string, most: number): number {
  const number = typeof value === 'string' && /^\d{1,15}$/.test(value) ? Number(value) : value;
  if (!Number.isSafeInteger(number) || (number as number) < 0 || (number as number) > most) {
    throw strange(`${what} that is no whole number up to ${most}`);
  }
  return number as number;
}

/** The number of a port that is a physical one (OpenFlow 1.3, OFPP_MAX). */
export function portOf(value: unknown): number {
  const port = within(value, 'a port', 0xffff_ff00);
  if (port === 0) throw strange('a port 0');
  return port;
}

/** A datapath id, with or without ONOS's `of:`. */
export function dpidOf(value: unknown): string {
  const match = /^(?:of:)?([0-9a-f]{16})$/.exec(typeof value === 'string' ? value.toLowerCase() : '');
  if (match?.[1] === undefined) throw strange('a datapath id that is none');
  return match[1];
}

/** A MAC address in lower case. */
export function macOf(value: unknown): string {
  const text = typeof value === 'string' ? value.toLowerCase() : '';
  if (!/^(?:[0-9a-f]{2}:){5}[0-9a-f]{2}$/.test(text)) throw strange('a MAC address that is none');
  return text;
}
