import type { z } from 'zod';
import { NETWORK_DECISIONS, type Policy } from '../core/index.ts';
import { fields } from './fields.ts';
import { type DeepReadonly, lazy, zod } from './lazy.ts';
import { operationShape } from './operation-schema.ts';
import {
  brokerSettingsShape,
  columnSchemas,
  maxPrioritySchema,
  networkSettingsShape,
  queueSettingsSchema,
  routeShape,
  ruleMatchSchema,
} from './policy-schema.ts';
import { SIDECAR_LIMITS } from './sidecar-limits.ts';
import { inboundTcpShape, outboundTcpShape } from './tcp-schema.ts';
import { trafficSchema } from './traffic-schema.ts';
import { localitySchema, upstreamSchema } from './upstream-schema.ts';

/** The columns of the policy that a sidecar serves; the others are not its business. */
export const SIDECAR_LAYERS = ['queue', 'broker', 'transport', 'mark', 'network'] as const;

/** A policy as {@link Policy} has it: resolved, every member present, the classes in order of rank. */
export function resolvedPolicySchema() {
  const z = zod();
  const f = fields();
  const columns = columnSchemas();
  const requestClass = z
    .strictObject({
      name: f.name.describe('The name of the class.'),
      ...columns,
      mark: z
        .strictObject({
          dscp: f.whole(0, 63).describe('The six-bit DSCP value.'),
          dscpName: z.string().min(1).max(8).describe('The value as a person wrote it.'),
        })
        .describe('How packets of the class are marked.'),
      network: z
        .strictObject({
          path: z
            .enum(['least-congested', 'default'])
            .describe('Which path it takes where there are several.'),
          moveOrder: f.whole(0, 255).describe('The smallest number leaves a congested path first.'),
          alternateDscp: z
            .array(f.whole(0, 63))
            .max(3)
            .describe('The DSCP values of the second path and on.'),
        })
        .describe('How the network treats the class.'),
    })
    .describe('One class.');
  const place = z
    .strictObject({
      file: f.fileName.describe('The file.'),
      line: f.whole(1, 10_000_000).describe('The line, from 1.'),
      column: f.whole(1, 10_000_000).describe('The column, from 1.'),
    })
    .describe('Where the rule was written.');
  const rule = z
    .strictObject({
      name: f.name.describe('The name of the rule.'),
      match: ruleMatchSchema(),
      class: f.name.describe('The class that a matching request gets.'),
      place,
    })
    .describe('One rule.');
  return z
    .strictObject({
      schema: z.literal('priomesh/policy/v1').describe('The form of the policy.'),
      name: f.name.describe('The name of the policy.'),
      classes: z
        .array(requestClass)
        .min(1)
        .max(16)
        .describe('The classes in order of rank, the most important first.'),
      queue: queueSettingsSchema(),
      broker: z
        .strictObject({ maxPriority: maxPrioritySchema(), ...brokerSettingsShape() })
        .describe('The message broker, and how sidecars treat its queues and consumers.'),
      network: z
        .strictObject({
          reactions: z
            .array(
              z
                .strictObject({
                  decide: z.enum(NETWORK_DECISIONS).describe('What is decided.'),
                  owner: z.enum(['sidecar', 'controller']).describe('Who decides.'),
                  classes: z.array(f.name).max(16).describe('For which classes.'),
                  sharePercent: f.between(0, 100).describe('`admission`: the share that the class keeps.'),
                  maxDurationMs: f.milliseconds.describe('`admission`: how long at most.'),
                  place,
                })
                .describe('One reaction.'),
            )
            .max(64)
            .describe('What is done about congestion.'),
          ...networkSettingsShape(),
        })
        .describe('What is done when the network tells of congestion.'),
      routes: z
        .array(z.strictObject({ ...routeShape(), place }).describe('One route.'))
        .max(1000)
        .describe('Requests that are served through a message queue.'),
      traffic: z.exactOptional(trafficSchema()),
      ingress: z
        .strictObject({
          defaultClass: f.name.describe('The class of a request that no rule matches.'),
          rules: z.array(rule).max(10_000).describe('The rules, tried in this order.'),
          trustedNetworks: z
            .array(f.cidr)
            .max(256)
            .describe('Networks of peers whose class headers are believed.'),
        })
        .describe('How requests that enter the mesh are classified.'),
    })
    .describe('The policy, resolved, as `priomesh plan --json` prints it.');
}

function limitsSchema() {
  const z = zod();
  const shape = Object.fromEntries(
    Object.entries(SIDECAR_LIMITS).map(([name, limit]) => [
      name,
      z.exactOptional(
        z.int().min(limit.min).max(limit.max).describe(`${limit.meaning} Default ${limit.value}.`),
      ),
    ]),
  ) as Record<keyof typeof SIDECAR_LIMITS, z.ZodExactOptional<z.ZodInt>>;
  return z.strictObject(shape).describe('Bounds; what is absent has its default.');
}

/** A configuration of a sidecar, with the policy in one of its two forms. */
function schemaWith<Policy extends z.ZodType>(policy: Policy) {
  const z = zod();
  const f = fields();
  const address = (port: z.ZodInt) =>
    z.strictObject({
      host: z
        .string()
        .max(45)
        .regex(/^[0-9A-Fa-f.:]+$/, 'an IP address (a literal, no name)')
        .meta({ examples: ['127.0.0.1'] })
        .describe('An IPv4 or IPv6 literal.'),
      port: port.describe('TCP port; 0 on a listener lets the kernel choose.'),
    });
  const listen = address(f.whole(0, 65_535));
  const peer = address(f.whole(1, 65_535));
  return z.strictObject({
    service: f.name.describe('The service beside which the sidecar stands.'),
    policy,
    locality: z.exactOptional(
      localitySchema().describe('Where the sidecar stands, for upstreams that are `localityAware`.'),
    ),
    layers: z
      .array(z.enum(SIDECAR_LAYERS))
      .max(SIDECAR_LAYERS.length)
      .describe('Which columns of the policy are on.'),
    inbound: z.exactOptional(
      z
        .strictObject({
          listen: listen.describe('Where requests to the service arrive.'),
          application: peer.describe('Where the service listens.'),
          ingress: z
            .boolean()
            .describe(
              'Whether requests enter the mesh here: they are classified, and class headers are stripped.',
            ),
          links: z.exactOptional(
            z
              .boolean()
              .describe(
                'Whether other sidecars may send many requests over one connection; never where requests enter the mesh. Default true.',
              ),
          ),
        })
        .extend(inboundTcpShape({ listen, peer }))
        .describe('The way in.'),
    ),
    outbound: z.exactOptional(
      z
        .strictObject({
          listen: listen.describe('Where the service sends its own requests.'),
          upstreams: z
            .record(f.host, upstreamSchema())
            .describe('The value of the Host header, without port, to the upstream.'),
        })
        .extend(outboundTcpShape({ listen, peer }))
        .describe('The way out.'),
    ),
    broker: z.exactOptional(
      z
        .strictObject({
          address: peer.describe('Where the message broker listens for AMQP 0-9-1.'),
          listen: z.exactOptional(
            listen.describe(
              'Where the client libraries of the service connect instead. Absent: only routes via amqp use the broker.',
            ),
          ),
          tlsAddress: z.exactOptional(
            peer.describe(
              'Where the broker listens for AMQP over TLS: connections that begin with a TLS handshake are passed through to it, unread.',
            ),
          ),
          virtualHost: f
            .text(255)
            .default('/')
            .describe(
              'The virtual host of requests that go through a queue; client libraries name their own.',
            ),
          userName: f
            .text(255)
            .default('guest')
            .describe('The user of requests that go through a queue; client libraries bring their own.'),
          passwordFile: z.exactOptional(
            f.fileName.describe('A file that holds the password of `userName`. Absent: `guest`.'),
          ),
        })
        .describe('The message broker.'),
    ),
    controlPlane: z.exactOptional(
      z
        .strictObject({
          target: f
            .text(200)
            .meta({ examples: ['unix:/run/priomesh/control-plane.sock', '127.0.0.1:15010'] })
            .describe('Where the control plane listens: `unix:PATH`, or host and port.'),
          node: f
            .text(45)
            .describe('The address by which the network knows the host that the sidecar stands on.'),
          weight: z.exactOptional(
            f
              .between(0.01, 1000)
              .describe(
                'How much of the requests to the service it is to get, relative to others. Default 1.',
              ),
          ),
        })
        .describe(
          'Where the sidecar is registered, and hints about the network and endpoints come from. Absent: the sidecar works without.',
        ),
    ),
    tap: z.exactOptional(
      z
        .strictObject({
          socket: f
            .text(100)
            .describe('The path of a Unix socket on which `priomesh tap` watches requests and messages.'),
        })
        .describe('Lets somebody watch.'),
    ),
    baselineCongestionControl: z
      .string()
      .regex(/^(?:[a-z][a-z0-9_-]{0,14})?$/, 'the name of a congestion-control algorithm, or nothing')
      .describe(
        "Every socket's algorithm where the transport layer is off; empty leaves the kernel's default.",
      ),
    statistics: z.exactOptional(
      z
        .strictObject({
          file: f.fileName.describe('The file that lines are appended to.'),
          intervalMs: f.between(10, 3_600_000).describe('The time between two lines.'),
        })
        .describe('Appends one JSON line of statistics an interval.'),
    ),
    ...operationShape(),
    limits: z.exactOptional(limitsSchema()),
  });
}

/** What a sidecar is told when it starts, by a program: the policy is embedded, resolved. */
export const sidecarSchema = lazy(() =>
  schemaWith(resolvedPolicySchema()).meta({
    title: 'priomesh sidecar configuration',
    description: 'What one sidecar is told when it starts.',
  }),
);

/** What a sidecar is told when it starts, by a person: the policy is the name of a file. */
export const sidecarFileSchema = lazy(() =>
  schemaWith(fields().fileName.describe('The policy file, relative to this file.')).meta({
    title: 'priomesh sidecar configuration, written by hand',
    description: 'What one sidecar is told when it starts; the policy stands in a file of its own.',
  }),
);

type Parsed = DeepReadonly<z.output<ReturnType<typeof sidecarSchema>>>;

/** A configuration whose policy has not been read yet. */
export type SidecarFile = DeepReadonly<z.output<ReturnType<typeof sidecarFileSchema>>>;
/** The configuration of a sidecar: a service, the resolved policy, and where to listen and to send. */
export type SidecarConfig = Omit<Parsed, 'policy'> & { readonly policy: Policy };
/** An IP literal and a TCP port. */
export type Address = NonNullable<SidecarConfig['inbound']>['listen'];
