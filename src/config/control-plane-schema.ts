import type { z } from 'zod';
import { fields } from './fields.ts';
import { type DeepReadonly, lazy, zod } from './lazy.ts';

/** What a control plane is told when it starts. */
export const controlPlaneSchema = lazy(() => {
  const z = zod();
  const f = fields();
  const endpoint = z.strictObject({
    host: z
      .string()
      .max(45)
      .regex(/^[0-9A-Fa-f.:]+$/, 'an IP address (a literal, no name)')
      .meta({ examples: ['10.0.0.3'] })
      .describe('An IPv4 or IPv6 literal.'),
    port: f.whole(1, 65_535).describe('TCP port.'),
  });
  return z
    .strictObject({
      listen: f
        .text(200)
        .regex(
          /^(?:unix:.+|[^\s/]+:[0-9]{1,5})$/,
          '"unix:PATH", or a host and a port such as 127.0.0.1:15010',
        )
        .meta({ examples: ['unix:/run/priomesh/control-plane.sock', '127.0.0.1:15010'] })
        .describe(
          'Where sidecars and bridges connect: `unix:PATH`, or host and port. There is no encryption: do not leave the machine with it.',
        ),
      classes: z.exactOptional(
        z
          .array(f.name)
          .max(16)
          .describe('What hints may be about; other classes are left out of them. Absent: all.'),
      ),
      services: z
        .record(
          f.name,
          z
            .strictObject({
              endpoints: z.array(endpoint).max(1024).describe('The addresses that serve it.'),
            })
            .describe('One service.'),
        )
        .default({})
        .describe('Endpoints that are known before their sidecars come.'),
      keepaliveMs: f
        .between(100, 60_000)
        .default(2000)
        .describe('A sidecar hears something at least this often; it gives up after three times as long.'),
      graceMs: f
        .between(0, 3_600_000)
        .default(3000)
        .describe('An endpoint is unhealthy when its sidecar has been away for this long.'),
      maxSidecars: f.whole(1, 16_384).default(4096).describe('How many sidecars may follow at once.'),
      maxReports: f.whole(1, 64).default(8).describe('How many bridges may report at once.'),
    })
    .meta({
      title: 'priomesh control plane configuration',
      description: 'What a control plane is told when it starts.',
    });
});

/** The configuration of a control plane. */
export type ControlPlaneConfig = DeepReadonly<z.output<ReturnType<typeof controlPlaneSchema>>>;
