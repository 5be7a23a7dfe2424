import { isDeepStrictEqual } from 'node:util';
import type { LayerName, Platform, Policy, RequestClass } from '../core/index.ts';
import { chooseCongestionControl } from './congestion-control.ts';
import type { ConnectionProfile } from './profile.ts';

/** Kernel priorities of linux/pkt_sched.h that pfifo_fast sorts into its three bands (tc-prio(8)). */
const PRIORITY = { bestEffort: 0, bulk: 2, interactive: 6 } as const;

const DSCP_LE = 1;
const DSCP_CS1 = 8;
const DSCP_CS4 = 32;

/**
 * The kernel priority that goes with a mark. The kernel's own mapping from IP_TOS knows only the old TOS bits: it puts
 * EF into the same band as best effort, so the priority is stated instead. Real-time service classes of RFC 4594 (CS4 and
 * above) go to pfifo_fast's first band, lower-effort ones (RFC 8622, CS1) to the last, the rest to the middle.
 */
export function kernelPriorityFor(dscp: number): number {
  if (dscp >= DSCP_CS4) return PRIORITY.interactive;
  if (dscp === DSCP_LE || dscp === DSCP_CS1) return PRIORITY.bulk;
  return PRIORITY.bestEffort;
}

function transportPart(
  row: RequestClass,
  platform: Platform,
  baseline: ConnectionProfile,
): ConnectionProfile {
  const { chosen } = chooseCongestionControl(row.transport.congestionControl, platform.congestionControls);
  return {
    ...(chosen === undefined ? baseline : { congestionControl: chosen }),
    ...(row.transport.scavenger === undefined || !platform.pacing
      ? {}
      : { scavenger: row.transport.scavenger }),
  };
}

/**
 * The connection profile of every class, by class index: the columns `transport` and `mark` where these layers are on,
 * else the baseline. `baselineCongestionControl` may be empty: the kernel's default. Where socket options cannot be
 * set at all, every profile is empty. Classes with equal profiles get the same object.
 */
export function classProfiles(
  policy: Policy,
  layers: readonly LayerName[],
  platform: Pick<Platform, 'socketOptions' | 'congestionControls' | 'pacing'>,
  baselineCongestionControl: string,
): ConnectionProfile[] {
  const full = platform as Platform;
  const baseline: ConnectionProfile =
    baselineCongestionControl === '' ? {} : { congestionControl: baselineCongestionControl };
  const distinct: ConnectionProfile[] = [];
  return policy.classes.map((row) => {
    const profile = profileOf(row, layers, full, baseline);
    const same = distinct.find((one) => isDeepStrictEqual(one, profile));
    if (same !== undefined) return same;
    distinct.push(profile);
    return profile;
  });
}

function profileOf(
  row: RequestClass,
  layers: readonly LayerName[],
  platform: Platform,
  baseline: ConnectionProfile,
): ConnectionProfile {
  if (!platform.socketOptions) return {};
  return {
    ...(layers.includes('transport') ? transportPart(row, platform, baseline) : baseline),
    ...(layers.includes('mark')
      ? { dscp: row.mark.dscp, kernelPriority: kernelPriorityFor(row.mark.dscp) }
      : {}),
  };
}
