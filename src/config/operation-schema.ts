import { isIP } from 'node:net';
import { hostAddress } from '../core/index.ts';
import type { Report } from './document.ts';
import { fields } from './fields.ts';
import { type DeepReadonly, zod } from './lazy.ts';

/** How a sidecar is operated: keys of its configuration that change nothing about how requests are treated. */
export function operationShape() {
  const z = zod();
  const f = fields();
  const percent = f.between(0, 100);
  return {
    watch: z.exactOptional(
      z
        .boolean()
        .describe(
          'Whether the files that this configuration stands in are watched, and put in place when they change. Default false.',
        ),
    ),
    admin: z.exactOptional(
      z
        .strictObject({
          listen: z.exactOptional(
            z
              .strictObject({
                host: z
                  .string()
                  .max(45)
                  .meta({ examples: ['127.0.0.1'] })
                  .describe('A loopback address: 127.0.0.0/8 or ::1.'),
                port: f.whole(0, 65_535).describe('TCP port; 0 lets the kernel choose.'),
              })
              .describe('An address of this machine that nobody else reaches.'),
          ),
          socket: z.exactOptional(f.text(100).describe('The path of a Unix socket, with file mode 0600.')),
        })
        .describe('Where the admin API and the metrics are served: one of the two.'),
    ),
    accessLog: z.exactOptional(
      z
        .strictObject({
          file: z.exactOptional(
            f.fileName.describe('The file that lines are appended to. Absent: standard output.'),
          ),
          samplePercent: z.exactOptional(
            percent.describe('The share of requests that are logged. Default 100.'),
          ),
          classes: z.exactOptional(
            z.record(f.name, percent).describe('The share of a class, where it is another.'),
          ),
          errors: z.exactOptional(
            z
              .boolean()
              .describe(
                'Whether requests that did not end well are all logged: broken, answered by the sidecar, or with a status from 500 on. Default true.',
              ),
          ),
          query: z.exactOptional(z.boolean().describe('Whether the query is logged too. Default false.')),
          flushMs: z.exactOptional(
            f.between(10, 60_000).describe('The time between two writes. Default 1000.'),
          ),
        })
        .describe('Logs requests that have ended, as JSON lines.'),
    ),
    traces: z.exactOptional(
      z
        .strictObject({
          endpoint: z
            .string()
            .max(1000)
            .regex(/^https?:\/\/[!-~]+$/, 'a URL that begins with http:// or https://')
            .meta({ examples: ['http://127.0.0.1:4318/v1/traces'] })
            .describe('Where spans are sent, as OTLP over HTTP.'),
          sampleRatio: z.exactOptional(
            f.ratio.describe(
              'The share of traces that begin here and are sampled; whether others are, their traceparent says. Default 0.01.',
            ),
          ),
          headers: z.exactOptional(
            z.record(f.headerName, f.text(4096)).describe('Sent with each export, such as an authorization.'),
          ),
        })
        .describe('Exports a span for each sampled request.'),
    ),
  };
}

type Operation = DeepReadonly<{
  admin?: { listen?: { host: string; port: number }; socket?: string };
  accessLog?: { classes?: Record<string, number> };
}>;

function isLoopback(host: string): boolean {
  const address = hostAddress(host);
  return isIP(host) !== 0 && (address === '::1' || /^127\./.test(address));
}

/**
 * What the schema cannot say of these keys.
 * @param classes of the policy, where it has been read
 */
export function checkOperation(
  { admin, accessLog }: Operation,
  classes: readonly string[] | undefined,
  report: Pick<Report, 'invalid' | 'conflict'>,
): void {
  if (admin !== undefined && (admin.listen === undefined) === (admin.socket === undefined)) {
    report.conflict(['admin'], 'the admin API listens at one place', 'Name either `listen` or `socket`.');
  }
  if (admin?.listen !== undefined && !isLoopback(admin.listen.host)) {
    report.invalid(
      ['admin', 'listen', 'host'],
      `${JSON.stringify(admin.listen.host)} is no loopback address: who reaches the admin API can stop the sidecar, and it asks for no password`,
      'Use 127.0.0.1, ::1 or a Unix socket (`socket`).',
    );
  }
  for (const name of Object.keys(accessLog?.classes ?? {})) {
    if (classes?.includes(name) === false) {
      report.invalid(
        ['accessLog', 'classes', name],
        `there is no class ${name}`,
        `The classes are ${classes.join(', ')}.`,
      );
    }
  }
}
