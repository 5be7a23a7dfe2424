import { fields } from './fields.ts';
import { lazy, zod } from './lazy.ts';

/** Kinds of value of `traffic` alone. */
export const trafficFields = lazy(() => {
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

/** Which requests a route or a fault concerns. */
export const matchSchema = lazy(() => {
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

/** Of a service or a route. */
export const timeoutsSchema = lazy(() => {
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

/** Of a service or a route. */
export const retriesSchema = lazy(() => {
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
