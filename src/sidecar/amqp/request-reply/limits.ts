import type { BackOff } from './back-off.ts';

/** Bounds of requests through a queue that a configuration cannot move. */
export const REQUEST_REPLY_LIMITS = {
  /** Bodies of all requests of one sidecar that wait for a response. */
  outstandingBytes: 64 * 1024 * 1024,
  /** Bodies of all responses that one worker holds until the broker has them, and again of those that it remembers. */
  responseBytes: 128 * 1024 * 1024,
  /** Responses that a worker remembers for a copy of the same request: how many, how long, and how many bytes in all. */
  rememberedResponses: 4096,
  rememberedMs: 60_000,
  rememberedBytes: 32 * 1024 * 1024,
  /** Cancelled requests that a worker remembers, in case they come. */
  rememberedCancels: 8192,
  /** How often one worker hands a request to an application that dies of it. */
  executions: 3,
  /** Messages that a dead-letter queue keeps while no worker counts them; beyond, the oldest go. */
  deadLetters: 10_000,
  /** Dead letters under way to one worker. */
  deadLetterPrefetch: 32,
  /** What the sidecars on the way may add to the properties of a message, in bytes of its one frame. */
  frameReserveBytes: 8192,
  /** What the sidecar's own stages add to a head that was as large as a head may be. */
  headReserveBytes: 16_384,
  /** amqplib writes the headers of a message into a buffer of 64 KiB, and throws where they are larger. */
  tableBytes: 65_536,
  /** Of it, what is left free in a request, so that each answer of a worker's own fits beside the trace of the request. */
  tableReserveBytes: 4096,
  /** How long saying goodbye to the broker may take. */
  goodbyeMs: 1000,
} as const;

/** How a lost broker is sought. */
export const RECONNECT: BackOff = { firstMs: 100, mostMs: 5000 };
/** How long a request is held whose application cannot be reached, before another worker may have it. */
export const HAND_BACK: BackOff = { firstMs: 100, mostMs: 5000 };
/** A connection that held so long is not counted as another failed attempt. */
export const STABLE_MS = 5000;
/** Heartbeat that is asked for (AMQP 0-9-1 section 4.2.7): a silent broker is noticed after two of them. */
export const HEARTBEAT_SECONDS = 10;
/** The frame size that is asked for: RabbitMQ's own default. */
export const FRAME_BYTES = 131_072;
