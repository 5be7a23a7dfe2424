import type { z } from 'zod';
import type { Report } from './document.ts';
import { suggest } from './explain.ts';
import { fields } from './fields.ts';
import { zod } from './lazy.ts';
import type { Path } from './source.ts';

interface Addresses<Listen extends z.ZodType, Peer extends z.ZodType> {
  readonly listen: Listen;
  readonly peer: Peer;
}

/** A name in the Server Name Indication of a TLS handshake (RFC 6066 section 3); `*.example.org` takes every name one level below. */
function serverName() {
  return fields()
    .text(253)
    .regex(/^(?:\*\.)?[a-z0-9_-]+(?:\.[a-z0-9_-]+)*$/, 'a host name in lower case, or `*.` and one')
    .meta({ examples: ['db.internal', '*.example.org'] });
}

/** Connections of other protocols on the way in: each port, or each name in a TLS handshake on it, has a class. */
export function inboundTcpShape<Listen extends z.ZodType, Peer extends z.ZodType>({
  listen,
  peer,
}: Addresses<Listen, Peer>) {
  const z = zod();
  const f = fields();
  const application = z.exactOptional(peer.describe("Where they go. Default: the service's own address."));
  return {
    tcp: z.exactOptional(
      z
        .array(
          z
            .strictObject({
              listen: listen.describe('Where connections arrive.'),
              application: peer.describe('Where they go.'),
              class: f.name.describe('The class of what no name below names.'),
              names: z.exactOptional(
                z
                  .array(
                    z
                      .strictObject({
                        name: serverName().describe('A name in the TLS handshake.'),
                        class: f.name.describe('The class of its connections.'),
                        application,
                      })
                      .describe('One name.'),
                  )
                  .max(256)
                  .describe(
                    'By the name that the client says in its TLS handshake, which is passed on unread.',
                  ),
              ),
            })
            .describe('One port.'),
        )
        .max(64)
        .describe(
          'Ports of protocols that the sidecar does not read: a connection is a request, and has one class.',
        ),
    ),
    opaque: z.exactOptional(
      z
        .strictObject({
          class: f.name.describe('The class of such connections.'),
          application,
        })
        .describe(
          'What becomes of connections to `listen` whose first bytes are no HTTP. Absent: they are refused as malformed HTTP.',
        ),
    ),
    tls: z.exactOptional(
      z
        .strictObject({
          certificateFile: f.fileName.describe('The certificate chain, PEM.'),
          keyFile: f.fileName.describe('Its private key, PEM.'),
        })
        .describe(
          'Ends TLS on `listen`, beside plain connections; HTTP/2 and HTTP/1.1 are offered by ALPN (RFC 7301).',
        ),
    ),
  };
}

/** Connections of other protocols on the way out. */
export function outboundTcpShape<Listen extends z.ZodType, Peer extends z.ZodType>({
  listen,
}: Addresses<Listen, Peer>) {
  const z = zod();
  const f = fields();
  return {
    tcp: z.exactOptional(
      z
        .array(
          z
            .strictObject({
              listen: listen.describe('Where the service connects instead.'),
              upstream: f.host.describe('One of `upstreams`.'),
              class: f.name.describe('The class of what no name below names.'),
              names: z.exactOptional(
                z
                  .array(
                    z
                      .strictObject({
                        name: serverName().describe('A name in the TLS handshake.'),
                        class: f.name.describe('The class of its connections.'),
                        upstream: z.exactOptional(f.host.describe('Another of `upstreams`.')),
                      })
                      .describe('One name.'),
                  )
                  .max(256)
                  .describe(
                    'By the name that the client says in its TLS handshake, which is passed on unread.',
                  ),
              ),
            })
            .describe('One port.'),
        )
        .max(64)
        .describe(
          'Ports of protocols that the sidecar does not read: a connection is a request, and has one class.',
        ),
    ),
  };
}

interface NamedPort {
  readonly class: string;
  readonly upstream?: string | undefined;
  readonly names?: readonly NamedPort[] | undefined;
}

/** What a port may name. */
interface Known {
  /** Of the policy, where it has been read. */
  readonly classes: readonly string[] | undefined;
  readonly upstreams?: readonly string[];
}

/** The class and the upstream that a port, or a name on it, names must be there. */
export function checkPort(one: NamedPort, path: Path, known: Known, report: Pick<Report, 'invalid'>): void {
  if (known.classes?.includes(one.class) === false) {
    const fix = suggest(one.class, known.classes, 'class');
    report.invalid([...path, 'class'], `there is no class ${one.class}`, fix);
  }
  if (one.upstream !== undefined && known.upstreams?.includes(one.upstream) === false) {
    const fix = suggest(one.upstream, known.upstreams, 'upstream');
    report.invalid([...path, 'upstream'], `there is no upstream ${one.upstream}`, fix);
  }
}

/** As {@link checkPort}, for ports and the names on them. */
export function checkPorts(
  ports: readonly NamedPort[],
  path: Path,
  known: Known,
  report: Pick<Report, 'invalid'>,
): void {
  for (const [index, port] of ports.entries()) {
    checkPort(port, [...path, index], known, report);
    for (const [at, name] of (port.names ?? []).entries()) {
      checkPort(name, [...path, index, 'names', at], known, report);
    }
  }
}
