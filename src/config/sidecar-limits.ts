/** One bound of the sidecar: its default, the values it may take, and its meaning. */
export interface LimitEntry {
  readonly value: number;
  readonly min: number;
  readonly max: number;
  readonly meaning: string;
}

function limit(value: number, min: number, max: number, meaning: string): LimitEntry {
  return { value, min, max, meaning };
}

/** Every bound of the sidecar. Units stand last in the names. */
export const SIDECAR_LIMITS = {
  maxConnections: limit(4096, 1, 1_000_000, 'Connections that one listener holds at once.'),
  maxHeadBytes: limit(32_768, 1024, 1_048_576, 'Size of the head of a request or response.'),
  maxPoolConnections: limit(1024, 1, 100_000, 'Connections to one endpoint for one class.'),
  maxIdleConnections: limit(64, 0, 100_000, 'Idle connections kept to one endpoint for one class.'),
  maxPendingRequests: limit(1024, 0, 1_000_000, 'Requests that wait for a connection to one endpoint.'),
  maxRetries: limit(1, 0, 10, 'How often a request that is safe to repeat is sent again.'),
  idleTimeoutMs: limit(60_000, 1, 86_400_000, 'How long a connection may be idle between two requests.'),
  tcpIdleTimeoutMs: limit(
    3_600_000,
    1,
    86_400_000,
    'How long a connection that is not read may be silent in both directions.',
  ),
  headTimeoutMs: limit(10_000, 1, 86_400_000, 'How long the head of a request may take to arrive.'),
  bodyTimeoutMs: limit(30_000, 1, 86_400_000, 'How long the body of a request may pause.'),
  minBodyRateBps: limit(
    4000,
    0,
    1_000_000_000,
    'Bits a second at which the body of a request must come in at least, on average over `bodyTimeoutMs`, while somebody takes it; 0 for any.',
  ),
  connectTimeoutMs: limit(3000, 1, 86_400_000, 'How long connecting to an endpoint may take.'),
  responseTimeoutMs: limit(60_000, 1, 86_400_000, 'How long an endpoint may be silent during a request.'),
  warmUpMs: limit(12, 0, 10_000, 'How long requests of its own are sent through it before it says ready.'),
  drainDelayMs: limit(
    0,
    0,
    86_400_000,
    'How long new requests are still served after SIGTERM, each response with `connection: close`, so that callers can go elsewhere.',
  ),
  drainTimeoutMs: limit(
    5000,
    0,
    86_400_000,
    'How long running requests may go on after SIGTERM, and after that delay.',
  ),
  breakerFailures: limit(16, 1, 100_000, 'Failures in a row that take an endpoint out of rotation.'),
  breakerOpenMs: limit(1000, 1, 86_400_000, 'How long such an endpoint stays out.'),
  provenanceEntries: limit(65_536, 1, 10_000_000, 'Requests now inside whose class is remembered.'),
  provenanceTtlMs: limit(120_000, 1, 86_400_000, 'How long the class of a request is remembered.'),
  maxAmqpConnections: limit(1024, 1, 100_000, 'Connections of AMQP clients held at once.'),
  maxAmqpHeldBytes: limit(
    16_777_216,
    65_536,
    1_073_741_824,
    'Bytes of messages that one AMQP connection holds back so that more important ones may overtake.',
  ),
  maxAmqpReach: limit(
    256,
    0,
    65_535,
    'Messages fetched beyond the window to reach a class that would starve.',
  ),
  amqpConnectTimeoutMs: limit(
    30_000,
    1,
    86_400_000,
    'How long an AMQP client is kept waiting while the broker is away.',
  ),
  maxQueuedRequestBytes: limit(
    1_048_576,
    1024,
    134_217_728,
    'Size of the body of a request that goes through a queue.',
  ),
  maxQueuedResponseBytes: limit(16_777_216, 1024, 134_217_728, 'Size of the body of its response.'),
  maxOutstandingRequests: limit(
    1024,
    1,
    1_000_000,
    'Requests of one sidecar that wait for a response through a queue.',
  ),
} as const satisfies Readonly<Record<string, LimitEntry>>;

/** The bounds of a sidecar, each a number. */
export type SidecarLimits = Readonly<Record<keyof typeof SIDECAR_LIMITS, number>>;

/** Fills in the defaults of the bounds that a configuration does not name. */
export function resolveLimits(given: Partial<SidecarLimits> = {}): SidecarLimits {
  const defaults = Object.fromEntries(
    Object.entries(SIDECAR_LIMITS).map(([name, entry]) => [name, entry.value]),
  ) as Record<keyof typeof SIDECAR_LIMITS, number>;
  return { ...defaults, ...given };
}
