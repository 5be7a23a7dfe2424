import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import type { Episode, MeasuringWindow } from '../analysis/index.ts';
import { messageOf, PriomeshError } from '../core/index.ts';

const form = z.looseObject({
  trials: z.number(),
  warmupMs: z.number().min(0),
  measureMs: z.number().positive(),
  drainMs: z.number().min(0),
});

const limitation = z.looseObject({ what: z.string(), why: z.string(), instead: z.string() });

const prefetch = z.union([z.string(), z.number()]);

const layerPlan = z.looseObject({
  layer: z.string(),
  summary: z.string().default(''),
  limitations: z.array(limitation).default([]),
  served: z.boolean().default(true),
});

/**
 * The part of a manifest that the figures are made from. Members that are not named here are carried along untouched: a newer
 * manifest stays readable.
 */
const manifestSchema = z.looseObject({
  schema: z.literal('priomesh/manifest/v1'),
  experiment: z.looseObject({
    name: z.string(),
    title: z.string(),
    claim: z.string(),
    seed: z.number().optional(),
    topology: z.looseObject({
      name: z.string(),
      rateBps: z.number().positive(),
      delayMs: z.number(),
      queuePackets: z.number(),
    }),
    baselineCongestionControl: z.string().default(''),
    workloads: z.array(
      z.looseObject({
        name: z.string(),
        class: z.string(),
        rateRps: z.number(),
        steps: z
          .array(z.looseObject({ atMs: z.number().min(0), rateRps: z.number().positive() }))
          .default([]),
        arrivals: z.string(),
        timeoutMs: z.number(),
        path: z.string().default(''),
      }),
    ),
    arms: z.record(
      z.string(),
      z.looseObject({
        sidecars: z.boolean(),
        layers: z.array(z.string()),
        workloads: z.array(z.string()).optional(),
        description: z.string(),
        broker: z.looseObject({ prefetch: prefetch.optional() }).optional(),
      }),
    ),
    comparisons: z.array(
      z.looseObject({
        metric: z.string(),
        kind: z.enum(['ratio', 'difference', 'value']).optional(),
        class: z.string(),
        of: z.string(),
        to: z.string().optional(),
        atLeast: z.number().optional(),
        atMost: z.number().optional(),
        claim: z.string(),
      }),
    ),
    control: z.looseObject({ of: z.string() }).optional(),
    audit: z.looseObject({ maxVoidRatio: z.number().default(0.25) }).optional(),
    broker: z.looseObject({ sampleMs: z.number().positive().default(250) }).optional(),
    controller: z.looseObject({ pollMs: z.number().positive() }).optional(),
    crossTraffic: z
      .array(
        z.looseObject({
          name: z.string(),
          from: z.string(),
          to: z.string(),
          rateBps: z.number().positive(),
          startMs: z.number().min(0),
          durationMs: z.number().positive(),
        }),
      )
      .default([]),
  }),
  policy: z.looseObject({
    name: z.string(),
    classes: z
      .array(
        z.looseObject({
          name: z.string(),
          rank: z.number(),
          slo: z.looseObject({ latencyMs: z.number().optional(), goodputBps: z.number().optional() }),
          broker: z.looseObject({ priority: z.number().optional() }).optional(),
        }),
      )
      .min(1),
    broker: z.looseObject({ prefetch: prefetch.optional() }).optional(),
  }),
  formName: z.string(),
  form,
  lab: z.string(),
  labLimitations: z.array(z.string()).default([]),
  schedule: z.array(z.looseObject({ arm: z.string(), block: z.number() })),
  plans: z.record(z.string(), z.array(layerPlan)).default({}),
  commit: z.string().nullish(),
  dirty: z.boolean().nullish(),
  versions: z.unknown().optional(),
  platform: z.unknown().optional(),
  startedAt: z.string().nullish(),
  endedAt: z.string().nullish(),
});

/** A manifest as the publisher reads it. */
export type Manifest = z.infer<typeof manifestSchema>;

/** Reads and checks `manifest.json`. Throws RESULTS_INVALID with every objection. */
export async function readManifest(resultsDir: string): Promise<Manifest> {
  const file = path.join(resultsDir, 'manifest.json');
  let value: unknown;
  try {
    value = JSON.parse(await readFile(file, 'utf8'));
  } catch (error) {
    throw new PriomeshError('RESULTS_INVALID', `${file} cannot be read: ${messageOf(error)}`, {
      cause: error,
    });
  }
  const parsed = manifestSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  const said = parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`).join('; ');
  throw new PriomeshError('RESULTS_INVALID', `${file} is not a manifest: ${said}`, { cause: parsed.error });
}

/** The part of the schedule that was measured. */
export function windowOf({ form: { warmupMs, measureMs, drainMs } }: Manifest): MeasuringWindow {
  const endMs = warmupMs + measureMs;
  return { startMs: warmupMs, endMs, cutOffMs: endMs + drainMs };
}

/** When cross traffic flows, from the start of the first flow to the end of the last; undefined where there is none. */
export function episodeOf(manifest: Manifest): Episode | undefined {
  const { crossTraffic } = manifest.experiment;
  if (crossTraffic.length === 0) return undefined;
  const { startMs, endMs } = windowOf(manifest);
  const begins = crossTraffic.map((flow) => startMs + flow.startMs);
  const ends = crossTraffic.map((flow) => startMs + flow.startMs + flow.durationMs);
  const episode = { startMs: Math.min(...begins), endMs: Math.min(endMs, Math.max(...ends)) };
  return episode.startMs < episode.endMs ? episode : undefined;
}

/** From the first change of a workload's rate to the last; undefined where there are not two. */
export function stepOf(manifest: Manifest): Episode | undefined {
  const { startMs, endMs } = windowOf(manifest);
  const moments = manifest.experiment.workloads.flatMap(({ steps }) => steps.map(({ atMs }) => atMs));
  const step = {
    startMs: startMs + Math.min(...moments),
    endMs: Math.min(endMs, startMs + Math.max(...moments)),
  };
  return step.startMs < step.endMs ? step : undefined;
}

/** What is let to one consumer of the broker's queues in an arm; undefined where the broker layer is off, and the client has its way. */
export function prefetchOf({ experiment, policy }: Manifest, arm: string): string | number | undefined {
  const own = experiment.arms[arm];
  if (own?.layers.includes('broker') !== true) return undefined;
  return own.broker?.prefetch ?? policy.broker?.prefetch;
}

/** The classes of the policy, the most important first. */
export function classesOf(manifest: Manifest): Manifest['policy']['classes'] {
  return [...manifest.policy.classes].sort((a, b) => a.rank - b.rank);
}
