import type { z } from 'zod';
import { fields } from './fields.ts';
import { type DeepReadonly, lazy, zod } from './lazy.ts';

/** The ways of balancing, the default first. */
export const BALANCER_NAMES = [
  'least-request',
  'peak-ewma',
  'round-robin',
  'random',
  'ring-hash',
  'maglev',
] as const;

/** The name of a way of balancing. */
export type BalancerName = (typeof BALANCER_NAMES)[number];

/** Endpoints of one upstream. */
export const MAX_ENDPOINTS = 1024;

/** Primes, and so sizes of Maglev's table. */
export const TABLE_SIZES: readonly [number, ...number[]] = [1009, 4099, 16_411, 65_537];

/** Where something stands: a zone is a part of a region. */
export const localitySchema = lazy(() => {
  const z = zod();
  const f = fields();
  return z.strictObject({
    region: z.exactOptional(f.text(64).describe('The region.')),
    zone: f.text(64).describe('The zone; its name alone says which one it is.'),
  });
});

const addressShape = lazy(() => {
  const z = zod();
  const f = fields();
  return {
    host: z
      .string()
      .max(45)
      .regex(/^[0-9A-Fa-f.:]+$/, 'an IP address (a literal, no name)')
      .meta({ examples: ['127.0.0.1'] })
      .describe('An IPv4 or IPv6 literal.'),
    port: f.whole(1, 65_535).describe('TCP port.'),
  };
});

/** One address that serves an upstream. */
const endpointSchema = lazy(() => {
  const z = zod();
  const f = fields();
  return z
    .strictObject({
      ...addressShape(),
      weight: z.exactOptional(
        f.between(0.01, 1000).describe('How much of the requests it gets, relative to others. Default 1.'),
      ),
      locality: z.exactOptional(localitySchema().describe('Where it stands.')),
      priority: z.exactOptional(
        f
          .whole(0, 15)
          .describe(
            'Endpoints of priority 1 get requests when too few of priority 0 are healthy. Default 0.',
          ),
      ),
    })
    .describe('One endpoint.');
});

const endpointsSchema = lazy(() => zod().array(endpointSchema()).max(MAX_ENDPOINTS));

function discoverySchema() {
  const z = zod();
  const f = fields();
  return z
    .strictObject({
      file: z.exactOptional(
        f.fileName.describe('A file with `endpoints:`, YAML or JSON, read again whenever it changes.'),
      ),
      dns: z.exactOptional(
        z
          .strictObject({
            name: f
              .text(253)
              .meta({ examples: ['reviews.example.org'] })
              .describe('The name that is asked for.'),
            record: z
              .enum(['address', 'SRV'])
              .describe('`address`: A and AAAA records, with `port`. `SRV`: the records name the ports.'),
            port: z.exactOptional(f.whole(1, 65_535).describe('The port of all addresses.')),
            servers: z.exactOptional(
              z
                .array(f.text(60).meta({ examples: ['127.0.0.1:5353'] }))
                .min(1)
                .max(8)
                .describe(
                  "The name servers, an IP literal each, with or without a port. Default: the machine's.",
                ),
            ),
            minTtlMs: z.exactOptional(
              f.between(100, 3_600_000).describe('An answer is used for this long at least. Default 1000.'),
            ),
            maxTtlMs: z.exactOptional(
              f.between(100, 86_400_000).describe('An answer is used for this long at most. Default 300000.'),
            ),
          })
          .describe('Names are looked up again when their time to live ends.'),
      ),
      controlPlane: z.exactOptional(
        z
          .strictObject({ service: f.name.describe('The service whose sidecars are the endpoints.') })
          .describe('What is registered at the control plane.'),
      ),
    })
    .describe(
      'Where endpoints come from: one of these. What `endpoints` says holds until there is a first answer.',
    );
}

function balancerSchema() {
  const z = zod();
  const f = fields();
  return z
    .strictObject({
      kind: z.enum(BALANCER_NAMES).describe(`How endpoints are chosen. Default ${BALANCER_NAMES[0]}.`),
      hashOn: z.exactOptional(
        z
          .strictObject({
            from: z
              .enum(['header', 'cookie', 'source-address', 'path'])
              .describe('What makes the key of `ring-hash` and `maglev`; `path` is without its query.'),
            name: z.exactOptional(f.headerName.describe('The name of the header or cookie.')),
          })
          .describe('Requests with the same key go to the same endpoint; those without one are spread.'),
      ),
      ringPoints: z.exactOptional(
        f.whole(1, 4096).describe('`ring-hash`: points of the heaviest endpoint. Default 160.'),
      ),
      tableSize: z.exactOptional(
        f
          .whole(Math.min(...TABLE_SIZES), Math.max(...TABLE_SIZES))
          .describe(`\`maglev\`: entries of the table; one of ${TABLE_SIZES.join(', ')}. Default 16411.`),
      ),
    })
    .describe('How endpoints are chosen.');
}

function outliersSchema() {
  const z = zod();
  const f = fields();
  return z
    .strictObject({
      consecutiveFailures: z.exactOptional(
        f
          .whole(1, 100_000)
          .describe(
            'Failures to connect and connections that break, in a row. Default: the limit `breakerFailures`.',
          ),
      ),
      consecutiveGatewayErrors: z.exactOptional(
        f.whole(1, 100_000).describe('Answers 502, 503 and 504 in a row. Absent: they are not counted.'),
      ),
      baseEjectionMs: z.exactOptional(
        f.milliseconds.describe(
          'How long the first ejection lasts, the n-th n times as long. Default: the limit `breakerOpenMs`.',
        ),
      ),
      maxEjectionMs: z.exactOptional(f.milliseconds.describe('How long one lasts at most. Default 300000.')),
      maxEjectionPercent: z.exactOptional(
        f
          .between(0, 100)
          .describe('So much of all endpoints is ejected at most, but one always may be. Default 50.'),
      ),
      intervalMs: z.exactOptional(
        f.between(20, 3_600_000).describe('How often endpoints are compared with each other. Default 10000.'),
      ),
      successRate: z.exactOptional(
        z
          .strictObject({
            deviations: f
              .between(0.1, 10)
              .describe(
                'Who is more than so many standard deviations below the mean is ejected; 1.9 is usual.',
              ),
            minEndpoints: z.exactOptional(
              f.whole(2, MAX_ENDPOINTS).describe('So many must be comparable. Default 5.'),
            ),
            minRequests: z.exactOptional(
              f.whole(1, 1_000_000).describe('Who served fewer in an interval is not compared. Default 100.'),
            ),
          })
          .describe('Compares the shares of requests that succeed. Absent: they are not compared.'),
      ),
      latency: z.exactOptional(
        z
          .strictObject({
            factor: f
              .between(1.1, 1000)
              .describe('Who takes more than so many times the median of all is ejected.'),
            minEndpoints: z.exactOptional(
              f.whole(2, MAX_ENDPOINTS).describe('So many must be comparable. Default 5.'),
            ),
            minRequests: z.exactOptional(
              f.whole(1, 1_000_000).describe('Who served fewer in an interval is not compared. Default 100.'),
            ),
          })
          .describe('Compares mean latencies. Absent: they are not compared.'),
      ),
    })
    .describe('Endpoints that fail are left out for a while.');
}

function healthCheckSchema() {
  const z = zod();
  const f = fields();
  return z
    .strictObject({
      kind: z
        .enum(['http', 'tcp', 'grpc'])
        .describe('`http`: a GET. `tcp`: connecting is enough. `grpc`: `grpc.health.v1.Health/Check`.'),
      path: z.exactOptional(f.path.describe('`http`: what is asked for. Default /.')),
      service: z.exactOptional(
        f.text(127).describe('`grpc`: the name of the service. Default: the server as a whole.'),
      ),
      host: z.exactOptional(f.text(253).describe('The Host header. Default: the name of the upstream.')),
      statuses: z.exactOptional(
        z
          .array(f.whole(100, 599))
          .min(1)
          .max(32)
          .describe('The statuses of a healthy endpoint. Default: all from 200 to 299.'),
      ),
      intervalMs: z.exactOptional(
        f.between(20, 3_600_000).describe('The time between two checks. Default 5000.'),
      ),
      jitterPercent: z.exactOptional(
        f.between(0, 100).describe('Each is put off by up to so much of the interval, by lot. Default 10.'),
      ),
      timeoutMs: z.exactOptional(
        f.between(1, 3_600_000).describe('An answer is due after this long. Default 1000.'),
      ),
      unhealthyAfter: z.exactOptional(f.whole(1, 1000).describe('Failures in a row. Default 3.')),
      healthyAfter: z.exactOptional(f.whole(1, 1000).describe('Successes in a row. Default 2.')),
      class: z.exactOptional(f.name.describe('The class of the checks. Default: the least important one.')),
    })
    .describe('Endpoints are asked whether they are well.');
}

/** One upstream: its endpoints, where more of them come from, and how one is chosen. */
export const upstreamSchema = lazy(() => {
  const z = zod();
  const f = fields();
  return z
    .strictObject({
      endpoints: z.exactOptional(endpointsSchema().describe('The addresses that serve it.')),
      discovery: z.exactOptional(discoverySchema()),
      balancer: z.exactOptional(balancerSchema()),
      link: z.exactOptional(
        z
          .enum(['auto', 'off'])
          .describe(
            'Whether requests share one connection to an endpoint that has a sidecar too: `auto`, where it agrees. Default `auto`.',
          ),
      ),
      localityAware: z.exactOptional(
        z
          .boolean()
          .describe('Whether endpoints of the own zone, then of the own region, come first. Default false.'),
      ),
      overprovisioningFactor: z.exactOptional(
        f
          .between(1, 100)
          .describe(
            'Endpoints that come first get all requests while the healthy share of them, times this, is 1 or more; others get the rest. Default 1.4.',
          ),
      ),
      panicThresholdPercent: z.exactOptional(
        f
          .between(0, 100)
          .describe(
            'When a smaller share is healthy, health is not looked at any more. Default 0: when nobody is.',
          ),
      ),
      slowStart: z.exactOptional(
        z
          .strictObject({
            windowMs: f.milliseconds.describe(
              'How long it takes until an endpoint gets what its weight says.',
            ),
            minPercent: z.exactOptional(f.between(1, 100).describe('What it begins with. Default 10.')),
          })
          .describe(
            'Endpoints that join or return get more and more requests. Not for `ring-hash` and `maglev`.',
          ),
      ),
      outliers: z.exactOptional(outliersSchema()),
      healthCheck: z.exactOptional(healthCheckSchema()),
    })
    .describe('One upstream.');
});

/** A file of endpoints, which a sidecar watches. */
export const endpointsFileSchema = lazy(() =>
  zod()
    .strictObject({ endpoints: endpointsSchema().describe('The addresses that serve it; none is allowed.') })
    .meta({
      title: 'priomesh endpoints',
      description: 'The endpoints of one upstream, in a file that sidecars read again whenever it changes.',
    }),
);

/** How one upstream is reached. */
export type UpstreamConfig = DeepReadonly<z.output<ReturnType<typeof upstreamSchema>>>;
/** One address that serves an upstream, and what is known of it. */
export type EndpointConfig = DeepReadonly<z.output<ReturnType<typeof endpointSchema>>>;
/** Where something stands. */
export type Locality = DeepReadonly<z.output<ReturnType<typeof localitySchema>>>;
/** What a file of endpoints holds. */
export type EndpointsFile = DeepReadonly<z.output<ReturnType<typeof endpointsFileSchema>>>;
