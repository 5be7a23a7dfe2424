import { z } from 'zod';
import { addressSchema, methodSchema, nameSchema, targetSchema } from './process-config.ts';

const MAX_REQUESTS = 5_000_000;

const workloadSchema = z
  .strictObject({
    name: nameSchema,
    class: nameSchema,
    method: methodSchema,
    path: targetSchema,
    arrivals: z.enum(['poisson', 'fixed-count', 'constant']),
    rateRps: z.number().positive().max(100_000),
    /** How the rate changes, after the start of the measurement, ascending. */
    steps: z
      .array(
        z.strictObject({ atMs: z.number().min(0), rateRps: z.number().positive().max(100_000) }).readonly(),
      )
      .max(16)
      .default([])
      .readonly(),
    /** A request without its last byte this long after its intended send time has failed. */
    timeoutMs: z.number().positive(),
  })
  .readonly();

/** The configuration of the generator. */
export const generatorConfigSchema = z
  .strictObject({
    target: addressSchema,
    /** The `host` header of every request. */
    host: z.string().regex(/^[\x21-\x7e]{1,255}$/, 'must hold no white space'),
    workloads: z.array(workloadSchema).min(1).max(100).readonly(),
    seed: z.int().min(0).max(0xffff_ffff),
    /** Which repetition this is. All arms of one block are given the same, and so see the same arrivals. */
    trial: z.int().min(0).default(0),
    warmupMs: z.number().min(0),
    measureMs: z.number().positive(),
    drainMs: z.number().min(0),
    requestsFile: z.string().min(1),
    throughputFile: z.string().min(1),
    /** When the schedule starts, CLOCK_MONOTONIC in milliseconds; without it: at once. */
    startAt: z.number().min(0).optional(),
    /** A request sent later than this after its intended time counts as late. */
    lateMs: z.number().positive().default(5),
    /** More connections than this are not opened; the request fails with `connections`. */
    maxConnections: z.int().min(1).max(60_000).default(20_000),
  })
  .readonly()
  .superRefine((config, context) => {
    const names = config.workloads.map((workload) => workload.name);
    if (new Set(names).size !== names.length) {
      context.addIssue({ code: 'custom', path: ['workloads'], message: 'two workloads have the same name' });
    }
    const rateRps = config.workloads.reduce(
      (sum, { rateRps: first, steps }) => sum + Math.max(first, ...steps.map((step) => step.rateRps)),
      0,
    );
    if ((rateRps * (config.warmupMs + config.measureMs)) / 1000 > MAX_REQUESTS) {
      context.addIssue({
        code: 'custom',
        path: ['workloads'],
        message: `rates and durations give more than ${MAX_REQUESTS} requests`,
      });
    }
  });

/** What is written into the generator's file; members with a default may be left out. */
export type GeneratorConfig = z.input<typeof generatorConfigSchema>;
/** The configuration of the generator, checked and with its defaults. */
export type CheckedGeneratorConfig = z.output<typeof generatorConfigSchema>;
/** A stream of requests of one kind. */
export type Workload = CheckedGeneratorConfig['workloads'][number];
