import type { DampingSettings, Hint, NetworkPath, Random } from '../../../src/core/index.ts';
import { HintTable, PathChooser } from '../../../src/reactions/index.ts';
import { requestClass } from './fixtures.ts';

/** What a sidecar sends, as a share of a link's rate; an elastic one takes what it finds, as TCP does. */
export interface Load {
  readonly share: number;
  readonly elastic?: boolean;
}

export interface ModelOptions {
  readonly random: Random;
  readonly damping: DampingSettings;
  /** What each sidecar sends. */
  readonly sidecars: readonly Load[];
  readonly goes: 'default' | 'least-congested';
  /** Traffic of others, as a share of the rate of a path at an instant. `loads` is what the sidecars send over each path. */
  readonly cross: (path: number, nowMs: number, loads: readonly number[]) => number;
  /** Whether hints tell how much all traffic takes. */
  readonly tellsTotal: boolean;
  readonly durationMs: number;
}

export interface ModelMove {
  readonly sidecar: number;
  readonly atMs: number;
  readonly to: number;
  readonly reason: string;
}

export interface ModelResult {
  readonly moves: readonly ModelMove[];
  /** Moves of the sidecar that moved most. */
  readonly mostMoves: number;
  /** The share of the time, weighted by load, that sidecars spent on a congested path. */
  readonly hurtShare: number;
  readonly loads: readonly number[];
}

const PATHS: readonly NetworkPath[] = ['primary', 'secondary'].map((id) => ({ id, links: [`${id}>there`] }));
const STEP_MS = 5;
const HINT_MS = 20;
const SMOOTHING_MS = 40;
const TARGET_MS = 20;
const TTL_MS = 1000;
/** The queue before each link, as a time: 100 packets of 1,500 bytes at 20 Mbit/s. */
const QUEUE_MS = 60;
/** An elastic sender grows from nothing to the whole link in this time. */
const GROWTH_MS = 500;
const ROUND_TRIP_MS = 40;

interface Link {
  queueMs: number;
  lost: boolean;
  level: number;
  usedShare: number;
  ownShare: number;
  sequence: number;
}

/**
 * A fluid model of two paths of one rate, the queues before them, the hints about them and sidecars with the very code under test. It
 * closes the loop: where the sidecars send decides what the hints say. Everything is drawn from one seed.
 */
export function simulate(options: ModelOptions): ModelResult {
  const { random, damping, sidecars, goes, cross, tellsTotal, durationMs } = options;
  const classes = [requestClass('batch', 0, { path: goes, moveOrder: 0, alternateDscp: [3] })];
  const agents = sidecars.map((load, index) => {
    const hints = new HintTable({ classes: ['batch'], capacity: 8 });
    const chooser = new PathChooser({
      classes,
      classIndices: [0],
      damping,
      hints,
      random: random.child(`sidecar ${index}`),
    });
    chooser.setPeers(new Map([['peer', PATHS]]), 0);
    return {
      load,
      hints,
      chooser,
      share: load.elastic === true ? 0 : load.share,
      backedOffMs: 0,
      delayMs: 5 + random.next() * 15,
      phaseMs: random.below(4) * STEP_MS,
      path: 0,
      inbox: [] as { readonly atMs: number; readonly hint: Hint }[],
    };
  });
  const links = PATHS.map(
    (): Link => ({ queueMs: 0, lost: false, level: 0, usedShare: 0, ownShare: 0, sequence: 0 }),
  );
  const moves: ModelMove[] = [];
  let hurt = 0;
  let sent = 0;
  let loads = [0, 0];
  for (let nowMs = 0; nowMs < durationMs; nowMs += STEP_MS) {
    loads = PATHS.map((_, path) =>
      agents.reduce((sum, agent) => sum + (agent.path === path ? agent.share : 0), 0),
    );
    for (const [path, link] of links.entries()) {
      const own = loads[path] ?? 0;
      const arriving = own + cross(path, nowMs, loads);
      link.queueMs += (arriving - 1) * STEP_MS;
      link.lost ||= link.queueMs > QUEUE_MS;
      link.queueMs = Math.min(QUEUE_MS, Math.max(0, link.queueMs));
      const weight = 1 - Math.exp(-STEP_MS / SMOOTHING_MS);
      const served = Math.min(1, arriving);
      link.usedShare += weight * (served - link.usedShare);
      link.ownShare += weight * ((arriving === 0 ? 0 : (served * own) / arriving) - link.ownShare);
      if (nowMs % HINT_MS !== 0) continue;
      const raw = link.lost ? 1 : Math.min(1, link.queueMs / TARGET_MS);
      link.level += (1 - Math.exp(-HINT_MS / SMOOTHING_MS)) * (raw - link.level);
      link.lost = false;
      link.sequence += 1;
      const told = {
        level: link.level,
        queueingDelayMs: link.queueMs,
        utilization: link.ownShare,
        lossRatio: 0,
      };
      const hint: Hint = {
        link: `${PATHS[path]?.id}>there`,
        epoch: 1,
        sequence: link.sequence,
        ttlMs: TTL_MS,
        down: false,
        ...(tellsTotal ? { utilization: Math.min(1, link.usedShare) } : {}),
        classes: { batch: told },
      };
      for (const agent of agents) agent.inbox.push({ atMs: nowMs + agent.delayMs, hint });
    }
    for (const [index, agent] of agents.entries()) {
      const link = links[agent.path] as Link;
      if (agent.load.elastic === true) {
        agent.share = Math.min(agent.load.share, agent.share + STEP_MS / GROWTH_MS);
        if (link.queueMs >= QUEUE_MS && nowMs - agent.backedOffMs > ROUND_TRIP_MS) {
          agent.share *= 0.7;
          agent.backedOffMs = nowMs;
        }
      }
      sent += agent.share;
      if (link.level >= damping.congestedLevel) hurt += agent.share;
      while ((agent.inbox[0]?.atMs ?? Number.POSITIVE_INFINITY) <= nowMs) {
        const next = agent.inbox.shift();
        if (next !== undefined) agent.hints.accept(next.hint, nowMs);
      }
      if ((nowMs + agent.phaseMs) % HINT_MS !== 0) continue;
      for (const { to, reason } of agent.chooser.decide(nowMs)) {
        agent.path = to;
        moves.push({ sidecar: index, atMs: nowMs, to, reason });
      }
    }
  }
  const counts = agents.map((_, index) => moves.filter(({ sidecar }) => sidecar === index).length);
  return { moves, mostMoves: Math.max(...counts), hurtShare: sent === 0 ? 0 : hurt / sent, loads };
}
