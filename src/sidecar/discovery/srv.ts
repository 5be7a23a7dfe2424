import type { SrvRecord } from 'node:dns';

/** An address, and for how many seconds it holds. */
export interface AddressRecord {
  readonly address: string;
  readonly ttl: number;
}

/** What one SRV record says, in our terms. */
export interface FoundService {
  readonly target: string;
  readonly port: number;
  readonly weight: number;
  readonly priority: number;
}

const MAX_PRIORITY = 15;
/** The weight of the heaviest; the others in proportion. */
const HEAVIEST = 100;
/** RFC 2782: with others that weigh something, a weight of 0 is to have a very small chance. */
const LIGHTEST = 0.01;

/** SRV records as services: priorities counted from 0, weights in proportion. Records that name nobody are left out. */
export function servicesOf(records: readonly SrvRecord[]): readonly FoundService[] {
  const named = records.filter(({ name, port }) => name !== '' && name !== '.' && port > 0);
  const priorities = [...new Set(named.map(({ priority }) => priority))].sort((one, other) => one - other);
  const heaviest = named.reduce((most, { weight }) => Math.max(most, weight), 0);
  return named.map(({ name, port, weight, priority }) => ({
    target: name,
    port,
    weight: heaviest === 0 ? 1 : Math.max(LIGHTEST, (weight / heaviest) * HEAVIEST),
    priority: Math.min(MAX_PRIORITY, priorities.indexOf(priority)),
  }));
}
