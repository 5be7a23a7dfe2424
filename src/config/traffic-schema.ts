import type { z } from 'zod';
import { fields } from './fields.ts';
import { lazy, zod } from './lazy.ts';
import { matchSchema, retriesSchema, timeoutsSchema, trafficFields } from './traffic-parts-schema.ts';
import { serviceSchema } from './traffic-service-schema.ts';

/** The key of `services` that stands for all that are not named. */
const ANY_SERVICE = '*';

const routeSchema = lazy(() => {
  const z = zod();
  const f = fields();
  const { percent, headerValue, prefix } = trafficFields();
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
  const { classes } = trafficFields();
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
  const { classes, percent } = trafficFields();
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
