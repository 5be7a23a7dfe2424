import type { z } from 'zod';
import { fields } from './fields.ts';
import { lazy, zod } from './lazy.ts';

/** The key of `services` that stands for all that are not named. */
export const ANY_SERVICE = '*';

const lists = lazy(() => {
  const z = zod();
  const f = fields();
  return {
    classes: z.array(f.name).min(1).max(16),
    percent: f.between(0, 100),
    headerValue: z
      .string()
      .max(1024)
      .regex(/^(?:[!-~](?:[ -~]*[!-~])?)?$/, 'a header value: visible ASCII characters, with spaces inside'),
    prefix: z
      .string()
      .max(1024)
      .regex(/^\/[!-"$->@-~]*$/, 'a path: it begins with "/" and holds neither "?" nor "#" nor spaces')
      .meta({ examples: ['/'] }),
  };
});

const matchSchema = lazy(() => {
  const z = zod();
  const f = fields();
  return z
    .strictObject({
      service: z.exactOptional(
        f.host.describe('The service that is called, as in Host. Absent: any service.'),
      ),
      path: z.exactOptional(
        f.pathPattern.describe('A path pattern: `*` one segment, `**` any number, `{name}` one segment.'),
      ),
      method: z.exactOptional(
        z.array(f.method).min(1).max(16).describe('The request method is one of these.'),
      ),
      headers: z.exactOptional(
        z
          .record(f.headerName, z.string().min(1).max(1024))
          .describe('Header name to the value it must have; `*` means present, a trailing `*` means prefix.'),
      ),
    })
    .describe('Which requests. All members that are present must match; none matches everything.');
});

const timeoutsSchema = lazy(() => {
  const z = zod();
  const f = fields();
  return z
    .strictObject({
      requestMs: z.exactOptional(
        f.milliseconds.describe('The whole request: every attempt, and the response to its last byte.'),
      ),
      tryMs: z.exactOptional(f.milliseconds.describe('One attempt, until the head of its response.')),
      idleMs: z.exactOptional(
        f.milliseconds.describe(
          'How long nothing may move while a request is under way, in place of `limits.responseTimeoutMs`.',
        ),
      ),
    })
    .describe('How long a request may take. Times are kept to about 20 ms.');
});

const retriesSchema = lazy(() => {
  const z = zod();
  const f = fields();
  const cause = z.union(
    [z.enum(['connect-failure', 'reset', 'gateway-error', 'try-timeout']), f.whole(400, 599)],
    { error: 'connect-failure, reset, gateway-error, try-timeout, or a status from 400 to 599' },
  );
  return z
    .strictObject({
      attempts: f
        .whole(2, 10)
        .default(2)
        .describe('How often a request is sent at the most, the first time included.'),
      on: z
        .array(cause)
        .min(1)
        .max(32)
        .default(['connect-failure', 'reset', 'gateway-error'])
        .describe(
          'Why it is sent again: no connection, a connection that broke before the response, 502, 503 or 504, an attempt that took longer than `tryMs`, or a status.',
        ),
      methods: z
        .enum(['idempotent', 'any'])
        .default('idempotent')
        .describe(
          '`idempotent`: GET, HEAD, OPTIONS, TRACE, PUT and DELETE; `any`: repeating these requests does no harm.',
        ),
      backOff: z
        .strictObject({
          baseMs: f.between(0, 60_000).default(25).describe('The longest pause before the first retry.'),
          maxMs: f.between(0, 60_000).default(250).describe('The longest pause; it doubles up to here.'),
        })
        .prefault({})
        .describe('The pause before a retry is drawn between nothing and its longest (full jitter).'),
    })
    .describe('When a request is sent again. Only while all of it is here and nothing of a response is out.');
});

const serviceSchema = lazy(() => {
  const z = zod();
  const f = fields();
  const { classes, percent } = lists();
  const circuit = z
    .strictObject({
      classes: z.exactOptional(classes.describe('For which classes, each by itself. Default: every class.')),
      maxRequests: z.exactOptional(f.whole(1, 1_000_000).describe('Requests under way.')),
      maxPending: z.exactOptional(f.whole(0, 1_000_000).describe('Requests that wait for a connection.')),
      maxRetries: z.exactOptional(
        f.whole(0, 1_000_000).describe('Retries under way; beyond it a request is not sent again.'),
      ),
      failures: z.exactOptional(
        z
          .strictObject({
            percent: f.positive(100).default(50).describe('Of the requests in the window.'),
            minRequests: f
              .whole(1, 100_000)
              .default(20)
              .describe('With fewer requests in the window nothing is concluded.'),
            windowMs: f.between(100, 600_000).default(10_000).describe('How far back it looks.'),
            openMs: f.milliseconds.default(5000).describe('How long requests are then answered 503 at once.'),
            probes: f
              .whole(1, 100)
              .default(1)
              .describe('Requests that are let through after that; all must succeed.'),
          })
          .describe('Opens the circuit when too many requests fail: no connection, a reset, a timeout, 5xx.'),
      ),
    })
    .describe('What one class may have under way to the service; what is beyond is answered 503 at once.');
  return z
    .strictObject({
      connectMs: z.exactOptional(
        f.milliseconds.describe('How long connecting may take, in place of `limits.connectTimeoutMs`.'),
      ),
      maxConnections: z.exactOptional(
        f
          .whole(1, 100_000)
          .describe(
            'Connections to one endpoint for one class, in place of `limits.maxPoolConnections`; beyond it requests wait.',
          ),
      ),
      timeouts: z.exactOptional(timeoutsSchema()),
      retries: z.exactOptional(retriesSchema()),
      retryBudget: z.exactOptional(
        z
          .strictObject({
            percent: percent.default(20).describe('Retries in the window, of the requests in it.'),
            minPerSecond: f
              .between(0, 10_000)
              .default(10)
              .describe('So many more, so that a service with few requests has retries too.'),
            windowMs: f.between(1000, 600_000).default(10_000).describe('How far back it looks.'),
          })
          .describe('How many retries there may be, for each class. Where it is absent the defaults hold.'),
      ),
      hedge: z.exactOptional(
        z
          .strictObject({
            classes: classes.describe('For requests of these classes.'),
            afterMs: z.exactOptional(
              f.milliseconds.describe('A second attempt goes to another endpoint after this time.'),
            ),
            afterQuantile: z.exactOptional(
              z
                .number()
                .gt(0)
                .lt(1)
                .describe(
                  'The same after the time within which this share of the answers came lately, such as 0.95.',
                ),
            ),
            maxPercent: f
              .between(0, 50)
              .default(5)
              .describe('The share of the requests that are hedged at the most.'),
          })
          .describe(
            'A second attempt at idempotent requests that take long; the first response counts, the other attempt is cancelled.',
          ),
      ),
      circuits: z.exactOptional(
        z.array(circuit).min(1).max(16).describe('The first that names the class, or names none, holds.'),
      ),
      bulkhead: z.exactOptional(
        z
          .strictObject({
            concurrency: f.whole(1, 1_000_000).describe('Requests under way to the service, of all classes.'),
            sharePercent: z
              .record(f.name, f.between(1, 100))
              .describe('Class to the share that it may hold. A class that is not named may hold all.'),
          })
          .describe(
            'Keeps a class from holding all that goes to the service; what is beyond is answered 503.',
          ),
      ),
    })
    .describe('How the service is called.');
});

const routeSchema = lazy(() => {
  const z = zod();
  const f = fields();
  const { percent, headerValue, prefix } = lists();
  const weighted = z
    .strictObject({
      service: f.host.describe('A name of `outbound.upstreams`.'),
      weight: f.between(0, 1_000_000).default(1).describe('Its share, relative to the others.'),
    })
    .describe('One service.');
  return z
    .strictObject({
      name: f.name.describe('The name of the route, by which it is counted.'),
      match: matchSchema(),
      to: z.exactOptional(
        z
          .array(weighted)
          .min(1)
          .max(16)
          .describe('Where they go, drawn by weight. Default: where they are addressed to.'),
      ),
      stickyHeader: z.exactOptional(
        f.headerName.describe('Requests with the same value of this header go to the same service of `to`.'),
      ),
      mirror: z.exactOptional(
        z
          .strictObject({
            service: f.host.describe('Who gets copies: a name of `outbound.upstreams`.'),
            percent: percent.default(100).describe('Of how many of the requests.'),
          })
          .describe(
            'Sends copies elsewhere, as the least important class; what is answered to them is dropped.',
          ),
      ),
      redirect: z.exactOptional(
        z
          .strictObject({
            status: z
              .union([z.literal(301), z.literal(302), z.literal(303), z.literal(307), z.literal(308)], {
                error: '301, 302, 303, 307 or 308',
              })
              .default(307)
              .describe('The status.'),
            scheme: z.exactOptional(z.enum(['http', 'https']).describe('Default: as it came, http.')),
            host: z.exactOptional(f.host.describe('Default: as it came.')),
            port: z.exactOptional(
              f.whole(1, 65_535).describe('Default: as it came, none with another host.'),
            ),
            path: z.exactOptional(prefix.describe('In place of the path; the query stays.')),
            prefix: z.exactOptional(
              prefix.describe("In place of the literal beginning of the route's path pattern."),
            ),
          })
          .describe('Answers with a Location instead of sending the request on.'),
      ),
      rewrite: z.exactOptional(
        z
          .strictObject({
            prefix: z.exactOptional(
              prefix.describe("In place of the literal beginning of the route's path pattern."),
            ),
            host: z.exactOptional(f.host.describe('In place of Host.')),
            set: z.exactOptional(
              z.record(f.headerName, headerValue).describe('Headers to write, in place of those that came.'),
            ),
            remove: z.exactOptional(z.array(f.headerName).min(1).max(32).describe('Headers to take out.')),
          })
          .describe('Changes the head that is sent on.'),
      ),
      timeouts: z.exactOptional(timeoutsSchema()),
      retries: z.exactOptional(retriesSchema()),
    })
    .describe('One route.');
});

const rateLimitSchema = lazy(() => {
  const z = zod();
  const f = fields();
  const { classes } = lists();
  return z
    .strictObject({
      name: f.name.describe('The name of the limit, by which it is counted.'),
      service: z.exactOptional(
        f.name.describe('In front of which service. Default: where requests enter the mesh.'),
      ),
      classes: z.exactOptional(classes.describe('For which classes, each by itself. Default: every class.')),
      tenant: z.exactOptional(
        z
          .union(
            [z.enum(['source', 'rule']), z.strictObject({ header: f.headerName.describe('The header.') })],
            { error: 'source, rule, or { header: NAME }' },
          )
          .describe(
            'Who has a limit of his own: each address (`source`), each classifier rule, or each value of a header. Default: all have one together.',
          ),
      ),
      perSecond: f.positive(1_000_000).describe('Requests a second in the long run.'),
      burst: f.whole(1, 1_000_000).default(1).describe('Requests at once after a pause.'),
      maxTenants: f
        .whole(1, 1_000_000)
        .default(10_000)
        .describe('Tenants that are remembered; beyond it the one seen longest ago is forgotten.'),
    })
    .describe('One limit. What is beyond is answered 429.');
});

const faultSchema = lazy(() => {
  const z = zod();
  const f = fields();
  const { classes, percent } = lists();
  return z
    .strictObject({
      name: f.name.describe('The name of the fault, by which it is counted.'),
      match: matchSchema(),
      classes: z.exactOptional(classes.describe('Requests of these classes. Default: of any.')),
      percent: percent.default(100).describe('Of how many of them.'),
      delayMs: z.exactOptional(f.milliseconds.describe('They are held for so long first.')),
      abort: z.exactOptional(
        z
          .union([f.whole(400, 599), z.literal('reset')], { error: 'a status from 400 to 599, or reset' })
          .describe('They are answered with this status, or their connection breaks.'),
      ),
    })
    .describe('One fault.');
});

/** The member `traffic` of a policy, alike in files and in resolved policies. */
export const trafficSchema = lazy(() => {
  const z = zod();
  const f = fields();
  const service = z.union([z.literal(ANY_SERVICE), f.host], {
    error: 'the name of a service, as in Host, or *',
  });
  return z
    .strictObject({
      deadlines: z.exactOptional(
        z
          .strictObject({
            header: f.headerName
              .default('x-request-timeout-ms')
              .describe('The header by which callers outside say how many milliseconds they wait.'),
            classMs: z.exactOptional(
              z
                .record(f.name, f.milliseconds)
                .describe('Class to the time that its requests have where nobody says one.'),
            ),
          })
          .describe('Requests carry the time that is left, and none is begun or kept going when it is over.'),
      ),
      routes: z.exactOptional(
        z.array(routeSchema()).max(1000).describe('Tried in this order; the first that matches holds.'),
      ),
      services: z.exactOptional(
        z
          .record(service, serviceSchema())
          .describe('By the name in Host; `*` holds for whatever a service does not say itself.'),
      ),
      rateLimits: z.exactOptional(
        z.array(rateLimitSchema()).max(64).describe('All that concern a request count.'),
      ),
      faults: z.exactOptional(
        z
          .array(faultSchema())
          .max(64)
          .describe('Trouble on purpose; the first that matches and is drawn happens.'),
      ),
    })
    .describe('Routing, deadlines, retries, circuits, rate limits, faults. What is absent is not done.');
});

/** The member `traffic` as it stands in a file, with defaults filled in. */
export type TrafficFile = z.output<ReturnType<typeof trafficSchema>>;
