import { within } from './read.ts';

/** What is said of an endpoint beside its address. */
export interface Placement {
  /** Absent: 1. */
  readonly weight?: number;
  readonly locality?: { readonly region?: string; readonly zone: string };
}

/** As in a sidecar's configuration. */
const WEIGHT = { min: 0.01, max: 1000 };
const MAX_NAME_CHARACTERS = 64;

/** Weight and place of an endpoint; undefined where a part is not sound. */
export function readPlacement(wire: {
  readonly weight?: number;
  readonly region?: string;
  readonly zone?: string;
}): Placement | undefined {
  const { weight = 0, region = '', zone = '' } = wire;
  if (weight !== 0 && !within(weight, WEIGHT.min, WEIGHT.max)) return undefined;
  if (region.length > MAX_NAME_CHARACTERS || zone.length > MAX_NAME_CHARACTERS) return undefined;
  return {
    ...(weight === 0 ? {} : { weight }),
    ...(zone === '' ? {} : { locality: { zone, ...(region === '' ? {} : { region }) } }),
  };
}
