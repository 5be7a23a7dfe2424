import type { z } from 'zod';
import { DSCP_NAMES, type DscpName, NETWORK_DECISIONS } from '../core/index.ts';
import { fields } from './fields.ts';
import { lazy, zod } from './lazy.ts';
import { trafficSchema } from './traffic-schema.ts';

const DSCP_NAME_LIST = Object.keys(DSCP_NAMES) as [DscpName, ...DscpName[]];

/** The columns of one class, as a person writes them and, in the same form, as a resolved policy carries them. */
export const columnSchemas = lazy(() => {
  const z = zod();
  const f = fields();
  return {
    rank: f
      .whole(0, 255)
      .describe('Order of importance: 0 is the most important. No two classes share a rank.'),
    slo: z
      .strictObject({
        latencyMs: z.exactOptional(
          f.milliseconds.describe('The latency that `latencyQuantile` of the requests stay below.'),
        ),
        latencyQuantile: z
          .number()
          .gt(0)
          .lt(1)
          .default(0.99)
          .describe('The quantile of latency that `latencyMs` speaks of.'),
        goodputBps: z.exactOptional(
          f.bitsPerSecond.describe('The rate that each response arrives with at least, in bits per second.'),
        ),
      })
      .prefault({})
      .describe('What the class is promised. Each objective that is present is judged.'),
    queue: z
      .strictObject({
        deadlineMs: f.milliseconds
          .default(30_000)
          .describe('A request that has waited this long is answered 503 instead of being started.'),
        weight: f.whole(1, 1000).default(1).describe('Share of the turns in weighted mode.'),
        maxSharePercent: f
          .whole(1, 100)
          .default(100)
          .describe('The most of the concurrency limit that the class may hold, in percent.'),
      })
      .prefault({})
      .describe("How the sidecar's request queue treats the class."),
    broker: z
      .strictObject({
        priority: f
          .whole(0, 255)
          .default(0)
          .describe('Message priority of AMQP 0-9-1: a larger number is more important.'),
      })
      .prefault({})
      .describe('How a message broker treats the class.'),
    transport: z
      .strictObject({
        congestionControl: z
          .array(f.algorithm)
          .max(8)
          .default([])
          .describe(
            'Congestion-control algorithms of the kernel, the most wanted first; the first that this machine gives is taken.',
          ),
        scavenger: z.exactOptional(
          z
            .strictObject({
              targetDelayMs: f
                .between(1, 1000)
                .default(10)
                .describe('The queueing delay that it aims not to exceed.'),
              minRateBps: f.bitsPerSecond
                .default(250_000)
                .describe('It never paces below this rate, in bits per second, so that it is not starved.'),
            })
            .describe('Makes the class yield to all others: a rate controller over paced sockets.'),
        ),
      })
      .prefault({})
      .describe('How the transport treats the class.'),
    kernel: z
      .strictObject({
        sharePercent: f
          .positive(100)
          .describe('The share of the bottleneck link that the class is guaranteed, in percent.'),
        mayBorrow: z.boolean().default(true).describe('Whether the class may use what others leave.'),
      })
      .describe(
        'How a bottleneck interface treats the class. The shares of all classes add up to 100 at most.',
      ),
    network: z
      .strictObject({
        path: z
          .enum(['least-congested', 'default'])
          .default('default')
          .describe(
            'Which path the class takes where there are several: `default` goes back to the first one when that is calm again, `least-congested` stays where it is.',
          ),
        moveOrder: f
          .whole(0, 255)
          .default(0)
          .describe('Which class leaves a congested path first: the smallest number.'),
        alternateDscp: z.exactOptional(
          z
            .array(f.whole(0, 63))
            .min(1)
            .max(3)
            .describe(
              'The DSCP values by which its packets take the second path, the third and the fourth. Default: one of the values for local use (RFC 2474, pool 2) for each class, in order of rank.',
            ),
        ),
      })
      .prefault({})
      .describe('How the network treats the class.'),
  };
});

/** What a classifier rule compares. */
export const ruleMatchSchema = lazy(() => {
  const z = zod();
  const f = fields();
  const value = z.string().min(1).max(1024);
  return z
    .strictObject({
      path: z.exactOptional(
        f.pathPattern.describe('A path pattern: `*` one segment, `**` any number, `{name}` one segment.'),
      ),
      method: z.exactOptional(
        z.array(f.method).min(1).max(16).describe('The request method is one of these.'),
      ),
      host: z.exactOptional(f.host.describe('Host without port; `*.example.org` matches any subdomain.')),
      headers: z.exactOptional(
        z
          .record(f.headerName, value)
          .describe('Header name to the value it must have; `*` means present, a trailing `*` means prefix.'),
      ),
      query: z.exactOptional(
        z
          .record(z.string().regex(/^[!-~]{1,128}$/, 'the name of a query parameter'), value)
          .describe('Query parameter to the value it must have; `*` means present.'),
      ),
      bodyBytesAtLeast: z.exactOptional(
        f.whole(0, Number.MAX_SAFE_INTEGER).describe('The announced body is at least this large.'),
      ),
      bodyBytesAtMost: z.exactOptional(
        f
          .whole(0, Number.MAX_SAFE_INTEGER)
          .describe('The announced body is at most this large; a body of unknown length does not match.'),
      ),
      grpc: z.exactOptional(
        z
          .string()
          .max(256)
          .regex(
            /^[A-Za-z_][A-Za-z0-9_.]*\/(?:\*|[A-Za-z_][A-Za-z0-9_]*)$/,
            'a gRPC method: package.Service/Method or package.Service/*',
          )
          .meta({ examples: ['shop.Cart/Add'] })
          .describe('`package.Service/Method` or `package.Service/*`; only gRPC requests match.'),
      ),
      sourceNetworks: z.exactOptional(
        z
          .array(f.cidr)
          .min(1)
          .max(256)
          .describe('The peer is in one of these networks (CIDR, IPv4 or IPv6).'),
      ),
      urgencyAtMost: z.exactOptional(
        f
          .whole(0, 7)
          .describe('An explicit RFC 9218 priority has at most this urgency (0 is the most urgent).'),
      ),
      urgencyAtLeast: z.exactOptional(
        f.whole(0, 7).describe('An explicit RFC 9218 priority has at least this urgency.'),
      ),
    })
    .describe('What the rule compares. All members that are present must match; none matches everything.');
});

/** How many requests the application is given at once, as in a policy and in an arm. */
export const concurrencySchema = lazy(() => {
  const z = zod();
  const f = fields();
  const limit = f.whole(1, 10_000);
  const adaptive = z.strictObject({
    adaptive: z
      .enum(['gradient', 'vegas'])
      .describe('How it is found: as in Gradient2 of concurrency-limits, or as in TCP Vegas.'),
    initial: limit.default(8).describe('The limit before anything is known.'),
    min: limit.default(2).describe('It is never less.'),
    max: limit.default(256).describe('It is never more.'),
    windowMs: f.between(10, 60_000).default(100).describe('It changes once in this time at most.'),
    probeIntervalMs: f
      .between(1000, 3_600_000)
      .default(10_000)
      .describe(
        'How often the time that requests take without load is measured anew: with half of the limit, for about fifty requests.',
      ),
  });
  return z
    .union([limit, adaptive], {
      error: 'a whole number from 1 to 10000, or { adaptive: gradient } or { adaptive: vegas }',
    })
    .describe(
      'How many requests the application is given at once: a number, or a limit that the sidecar finds by itself.',
    );
});

/** Whom the queue turns away, as in a policy and in an arm. */
export const sheddingSchema = lazy(() =>
  zod()
    .enum(['priority', 'fifo', 'none'])
    .describe(
      '`priority`: the least important first, by the deadlines of the classes; `fifo`: without regard to class, by the shortest deadline; `none`: only who comes when the queue is full.',
    ),
);

/** In which order the queue serves, as in a policy and in an arm. */
export const queueModeSchema = lazy(() =>
  zod()
    .enum(['strict', 'weighted', 'fifo'])
    .describe(
      '`strict`: the most important class first; `weighted`: turns by weight; `fifo`: first come first served.',
    ),
);

/** The queueing delay that shedding holds, as in a policy and in an arm. */
export const targetDelaySchema = lazy(() =>
  fields()
    .between(1, 60_000)
    .describe(
      'While requests would wait longer than this, those that come are answered 503 at once, the least important first. Absent: they wait.',
    ),
);

/** What is true of the request queue as a whole. */
export const queueSettingsSchema = lazy(() => {
  const z = zod();
  const f = fields();
  return z
    .strictObject({
      mode: queueModeSchema().default('strict'),
      concurrency: concurrencySchema().default(8),
      capacity: f
        .whole(1, 1_000_000)
        .default(512)
        .describe('How many requests may wait; beyond it the least important is shed.'),
      starvationMs: f.milliseconds
        .default(5000)
        .describe(
          'A request that has waited this long is served before more important ones that have not: no class starves.',
        ),
      shedding: sheddingSchema().default('priority'),
      targetDelayMs: z.exactOptional(targetDelaySchema()),
    })
    .prefault({})
    .describe('The request queue of every inbound sidecar.');
});

/** How many messages may be under way to one consumer, as in a policy and in an arm. */
export const prefetchSchema = lazy(() => {
  const z = zod();
  return z
    .union([z.enum(['governed', 'client', 'unlimited']), fields().whole(1, 65_535)], {
      error: 'governed, client, unlimited, or a whole number from 1 to 65535',
    })
    .describe(
      'How many messages may be under way to one consumer: `governed` by a control loop, as the `client` asked, `unlimited`, or a number.',
    );
});

/** What is true of the message broker as a whole, without `maxPriority`, whose default depends on the classes. */
export const brokerSettingsShape = lazy(() => {
  const f = fields();
  return {
    prefetch: prefetchSchema().default('governed'),
    maxPrefetch: f
      .whole(1, 4096)
      .default(64)
      .describe(
        'The governed prefetch has no more messages under way to one consumer, unless it acknowledges none before it has more.',
      ),
    starvationMs: f.milliseconds
      .default(5000)
      .describe(
        'While more important messages keep a consumer busy, it gets one of each waiting less important class this often at least.',
      ),
  };
});

/** `x-max-priority` of declared queues. */
export const maxPrioritySchema = lazy(() =>
  fields()
    .whole(1, 255)
    .describe(
      'Priority levels of queues that are declared (`x-max-priority`); RabbitMQ advises few. Default: the highest priority of a class.',
    ),
);

/** How hints are made, and what keeps routes from flapping. */
export const networkSettingsShape = lazy(() => {
  const z = zod();
  const f = fields();
  const level = z.number().min(0).max(1);
  return {
    hints: z
      .strictObject({
        intervalMs: f.between(5, 10_000).default(20).describe('How often the network is looked at.'),
        ttlMs: f.milliseconds
          .default(1000)
          .describe('A hint is forgotten when it has not been renewed for this long.'),
        smoothingMs: f.between(0, 60_000).default(40).describe('Time constant of the smoothing.'),
        targetDelayMs: f
          .between(0.1, 10_000)
          .default(20)
          .describe('The queueing delay at which a link counts as wholly congested.'),
      })
      .prefault({})
      .describe('How hints are made from what the switches count.'),
    damping: z
      .strictObject({
        congestedLevel: level
          .default(0.7)
          .describe('A class leaves a path whose level of congestion is at least this (0 to 1).'),
        calmLevel: level.default(0.3).describe('A path is calm at this level and below.'),
        minGain: level.default(0.2).describe('How much lower the level of the other path must be.'),
        minHoldMs: f.milliseconds
          .default(1000)
          .describe('A class that has moved stays for this long at least.'),
        escalateMs: f.milliseconds
          .default(300)
          .describe('How long a class waits after one of smaller `moveOrder` has left before it may follow.'),
        returnAfterMs: f.milliseconds
          .default(5000)
          .describe('A class whose path is `default` returns when that path has been calm for this long.'),
        penaltyHalfLifeMs: f.milliseconds
          .default(30_000)
          .describe('Each move costs a penalty of 1, which halves in this time (as in RFC 2439).'),
        maxPenalty: f
          .between(1, 1000)
          .default(3)
          .describe('No move is made that would raise the penalty above this, unless the path is dead.'),
      })
      .prefault({})
      .describe('What keeps routes from flapping.'),
  };
});

/** One reaction of a policy, as a person writes it. */
export const reactionSchema = lazy(() => {
  const z = zod();
  const f = fields();
  return z
    .strictObject({
      decide: z
        .enum(NETWORK_DECISIONS)
        .describe(
          '`path`: which way packets take; `replica`: which endpoint serves a request; `admission`: how many requests of a class run at once.',
        ),
      owner: z
        .enum(['sidecar', 'controller'])
        .default('sidecar')
        .describe(
          'Who decides: each sidecar for what it sends, or the controller. The latter decides only paths.',
        ),
      classes: z.exactOptional(z.array(f.name).min(1).max(16).describe('For which classes. Default: all.')),
      sharePercent: z.exactOptional(
        f
          .between(0, 100)
          .describe(
            '`admission`: the share of the concurrency limit that the class keeps while it hurts; 0 pauses it. Default 25.',
          ),
      ),
      maxDurationMs: z.exactOptional(
        f.milliseconds.describe(
          '`admission`: it is lifted after this long at the latest, for as long. Default 2000.',
        ),
      ),
    })
    .describe('One reaction to congestion. No two owners may take one decision for one class.');
});

/** One route of a policy, as a person writes it. */
export const routeShape = lazy(() => {
  const z = zod();
  const f = fields();
  return {
    name: f.name.describe('The name of the route.'),
    service: f.name.describe('The service whose requests they are.'),
    path: f.pathPattern.default('/**').describe('Which of its requests: a path pattern.'),
    via: z.literal('amqp').describe('`amqp`: through a queue of the message broker.'),
    queue: f.queueName.describe("The queue that the service's sidecars take them from."),
  };
});

/** A policy as a person writes it. */
export const policySchema = lazy(() => {
  const z = zod();
  const f = fields();
  const columns = columnSchemas();
  const requestClass = z
    .strictObject({
      ...columns,
      mark: z
        .strictObject({
          dscp: z
            .union([z.enum(DSCP_NAME_LIST), f.whole(0, 63)], {
              error: `a DSCP name (${DSCP_NAME_LIST.join(', ')}) or a whole number from 0 to 63`,
            })
            .describe('The DSCP value: a name of RFC 2474, 2597, 3246, 5865 or 8622, or 0 to 63.'),
        })
        .describe('How packets of the class are marked. No two classes share a mark.'),
    })
    .describe('One class: a row of the policy table. Each column is one layer.');
  const rule = z
    .strictObject({
      name: f.name.describe('The name of the rule, shown as the reason of a classification.'),
      class: f.name.describe('The class that a matching request gets.'),
      match: ruleMatchSchema(),
    })
    .describe('One rule.');
  return z
    .strictObject({
      schema: z.literal('priomesh/policy/v1').describe('The form of this file.'),
      name: f.name.describe('The name of the policy.'),
      classes: z
        .record(f.name, requestClass)
        .describe('The class table: a row for each class, by name; 16 at most.'),
      queue: queueSettingsSchema(),
      broker: z
        .strictObject({ maxPriority: z.exactOptional(maxPrioritySchema()), ...brokerSettingsShape() })
        .prefault({})
        .describe('The message broker, and how sidecars treat its queues and consumers.'),
      network: z
        .strictObject({
          reactions: z
            .array(reactionSchema())
            .max(64)
            .default([])
            .describe(
              'What is done about congestion. Default: sidecars choose path and replica, for all classes.',
            ),
          ...networkSettingsShape(),
        })
        .prefault({})
        .describe('What is done when the network tells of congestion, where the layer `network` is on.'),
      routes: z
        .array(z.strictObject(routeShape()).describe('One route.'))
        .max(1000)
        .default([])
        .describe(
          'Requests that are served through a message queue, where the layer `broker` is on; the first that fits is taken.',
        ),
      traffic: z.exactOptional(trafficSchema()),
      ingress: z
        .strictObject({
          defaultClass: f.name.describe('The class of a request that no rule matches.'),
          trustedNetworks: z
            .array(f.cidr)
            .max(256)
            .default([])
            .describe(
              'Networks (CIDR) of peers whose class headers are believed; those of all others are stripped.',
            ),
          rules: z
            .array(rule)
            .max(10_000)
            .default([])
            .describe('The rules, tried in this order; the first that matches wins.'),
        })
        .describe('How requests that enter the mesh are classified.'),
    })
    .meta({
      title: 'priomesh policy',
      description:
        'Which classes of requests there are, what each layer does for them, and which request is of which class.',
    });
});

/** A policy as it stands in its file, with defaults filled in, before it is resolved. */
export type PolicyFile = z.output<ReturnType<typeof policySchema>>;
