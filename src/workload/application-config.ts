import { z } from 'zod';
import { addressSchema, methodSchema, nameSchema, targetSchema } from './process-config.ts';

const callSchema = z
  .strictObject({
    service: nameSchema,
    path: targetSchema,
    relay: z.boolean(),
    via: z.enum(['http', 'amqp']).default('http'),
  })
  .readonly();

const routeSchema = z
  .strictObject({
    path: targetSchema,
    method: methodSchema,
    computeMs: z.number().min(0).max(3_600_000),
    responseBytes: z.int().min(0).max(4_294_967_296),
    calls: z.array(callSchema).max(1000).readonly(),
    parallel: z.boolean(),
  })
  .readonly();

const queueNameSchema = z
  .string()
  .regex(/^[A-Za-z0-9_][A-Za-z0-9_.:-]{0,126}$/, 'must be letters, digits and _ . : -');

const serviceSchema = z
  .strictObject({
    workers: z.int().min(1).max(1_000_000),
    /** A message queue that it takes requests from too; `prefetch` is what it asks the broker for, 0 for no bound. */
    consumes: z
      .strictObject({ queue: queueNameSchema, prefetch: z.int().min(0).max(65_535).default(0) })
      .readonly()
      .optional(),
    routes: z.array(routeSchema).max(10_000).readonly(),
  })
  .readonly();

const graphSchema = z
  .strictObject({
    schema: z.literal('priomesh/graph/v1'),
    name: z.string().min(1),
    services: z.record(nameSchema, serviceSchema).readonly(),
  })
  .readonly();

/** The configuration of one process of the reference application. */
export const applicationConfigSchema = z
  .strictObject({
    graph: graphSchema,
    /** Which service of the graph this process is. */
    service: nameSchema,
    /** Port 0 lets the kernel choose; the `ready` event tells the port. */
    listen: z.strictObject({ ...addressSchema.unwrap().shape, port: z.int().min(0).max(65_535) }).readonly(),
    /** Where requests to each service go: the service itself, or the sidecar beside this process. */
    upstreams: z.record(nameSchema, addressSchema).readonly(),
    /** The congestion control of every socket of this process; empty leaves the kernel's default. */
    baselineCongestionControl: z.string().max(15),
    /** Where messages go: the broker, or the sidecar beside this process. Needed where the service consumes a queue or calls by amqp. */
    broker: z
      .strictObject({ address: addressSchema, virtualHost: z.string().min(1).max(127).default('/') })
      .readonly()
      .optional(),
    /** How many requests may wait for a worker; more are answered 503. */
    maxWaiting: z.int().min(0).default(16_384),
    /** A call whose callee is silent for this long has failed. */
    callTimeoutMs: z.number().positive().default(60_000),
    /** How often a `statistics` event is printed; 0 prints it only at the end. */
    statisticsIntervalMs: z.number().min(0).default(0),
  })
  .readonly()
  .superRefine((config, context) => {
    const service = config.graph.services[config.service];
    if (service === undefined) {
      context.addIssue({
        code: 'custom',
        path: ['service'],
        message: `the graph has no service ${config.service}`,
      });
      return;
    }
    const calls = service.routes.flatMap((route) => route.calls);
    for (const call of calls) {
      if (call.via === 'http' && config.upstreams[call.service] === undefined) {
        context.addIssue({
          code: 'custom',
          path: ['upstreams'],
          message: `no address for ${call.service}, which ${config.service} calls`,
        });
      }
      if (call.via === 'amqp' && config.graph.services[call.service]?.consumes === undefined) {
        context.addIssue({
          code: 'custom',
          path: ['graph'],
          message: `${call.service}, which ${config.service} calls by amqp, consumes no queue`,
        });
      }
    }
    if (config.broker === undefined && (service.consumes ?? calls.find(({ via }) => via === 'amqp'))) {
      context.addIssue({
        code: 'custom',
        path: ['broker'],
        message: `no address of a message broker, which ${config.service} uses`,
      });
    }
  });

/** What is written into the file of one process of the reference application; members with a default may be left out. */
export type ApplicationConfig = z.input<typeof applicationConfigSchema>;
/** The configuration of one process of the reference application, checked and with its defaults. */
export type CheckedApplicationConfig = z.output<typeof applicationConfigSchema>;
/** One service of a checked graph. */
type Service = CheckedApplicationConfig['graph']['services'][string];
/** One route of a service. */
export type Route = Service['routes'][number];
/** One call that a route makes. */
export type Call = Route['calls'][number];
