import type { SidecarConfig } from '../../config/index.ts';
import { type Policy, PriomeshError } from '../../core/index.ts';

/** What of the configuration a running sidecar can change; of what is not named here every change is refused. */
const LIVE = new Set(['policy', 'limits', 'locality', 'layers', 'inbound', 'outbound']);
const LIVE_INBOUND = new Set(['application', 'ingress']);
const LIVE_OUTBOUND = new Set(['upstreams']);

type Keyed = Readonly<Record<string, unknown>>;

function same(one: unknown, other: unknown): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}

function changedKey(before: Keyed, now: Keyed, live: ReadonlySet<string>): string | undefined {
  const keys = new Set([...Object.keys(before), ...Object.keys(now)]);
  return [...keys].find((key) => !live.has(key) && !same(before[key], now[key]));
}

function refuse(key: string, why = 'it is set when the sidecar starts'): never {
  throw new PriomeshError('CONFIG_FIXED', `${key} cannot be changed while the sidecar runs: ${why}`);
}

/** A part that is there or not, and of which only some keys can be changed. */
function checkPart(
  name: 'inbound' | 'outbound',
  before: SidecarConfig,
  now: SidecarConfig,
  live: ReadonlySet<string>,
): void {
  const [one, other] = [before[name], now[name]];
  if (one === undefined && other === undefined) return;
  if (one === undefined || other === undefined) refuse(name);
  const key = changedKey(one, other, live);
  if (key !== undefined) refuse(`${name}.${key}`);
}

/** What the parts are made of that are opened once and know the classes: by key, what must stay. */
function pinned(policy: Policy, part: 'broker' | 'network'): Keyed {
  const classes = policy.classes.map(({ name, rank, broker, queue, transport, mark, network }) =>
    part === 'broker'
      ? { name, rank, broker, deadlineMs: queue.deadlineMs }
      : { name, rank, transport, mark, network },
  );
  return {
    'policy.classes': classes,
    [`policy.${part}`]: policy[part],
    ...(part === 'broker'
      ? { 'policy.routes': policy.routes, 'policy.ingress.defaultClass': policy.ingress.defaultClass }
      : {}),
  };
}

function checkPinned(before: SidecarConfig, now: SidecarConfig, part: 'broker' | 'network'): void {
  if (before.layers.includes(part) !== now.layers.includes(part)) refuse(`layers (${part})`);
  const serves =
    part === 'broker'
      ? before.broker !== undefined
      : before.controlPlane !== undefined && before.layers.includes(part);
  if (!serves) return;
  const why = part === 'broker' ? 'the sidecar serves a broker by it' : 'the network layer goes by it';
  const key = changedKey(pinned(before.policy, part), pinned(now.policy, part), new Set());
  if (key !== undefined) refuse(key, why);
  if (part === 'broker') return;
  for (const name of ['limits', 'locality', 'layers'] as const) {
    if (!same(before[name], now[name])) refuse(name, why);
  }
  if (!same(before.outbound?.upstreams, now.outbound?.upstreams)) refuse('outbound.upstreams', why);
}

/** Ports that are not read have their classes, and their connections may last for days. */
function checkPorts(before: SidecarConfig, now: SidecarConfig): void {
  const ports = before.inbound?.tcp ?? before.inbound?.opaque ?? before.outbound?.tcp;
  const names = (config: SidecarConfig) => config.policy.classes.map(({ name }) => name);
  if (ports !== undefined && !same(names(before), names(now))) {
    refuse('policy.classes', 'connections that the sidecar does not read go by them');
  }
  const called = (before.outbound?.tcp ?? []).flatMap(({ upstream, names: named = [] }) => [
    upstream,
    ...named.map((one) => one.upstream ?? upstream),
  ]);
  for (const name of called) {
    if (!same(before.outbound?.upstreams[name], now.outbound?.upstreams[name])) {
      refuse(`outbound.upstreams.${name}`, 'connections that the sidecar does not read go there');
    }
  }
}

/**
 * Refuses a configuration that differs in what only a start can change.
 * @throws PriomeshError CONFIG_FIXED, naming the key
 */
export function refuseFixed(before: SidecarConfig, now: SidecarConfig): void {
  const key = changedKey(before, now, LIVE);
  if (key !== undefined) refuse(key);
  checkPart('inbound', before, now, LIVE_INBOUND);
  checkPart('outbound', before, now, LIVE_OUTBOUND);
  checkPorts(before, now);
  checkPinned(before, now, 'broker');
  checkPinned(before, now, 'network');
}
