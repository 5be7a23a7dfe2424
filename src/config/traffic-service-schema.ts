import { fields } from './fields.ts';
import { lazy, zod } from './lazy.ts';
import { retriesSchema, timeoutsSchema, trafficFields } from './traffic-parts-schema.ts';

/** How one service is called. */
export const serviceSchema = lazy(() => {
  const z = zod();
  const f = fields();
  const { classes, percent } = trafficFields();
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
