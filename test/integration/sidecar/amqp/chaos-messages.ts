import { checksum, patterned } from './scenario.ts';

/** How clients of the chaos test reconnect: as amqplib does, with less patience. */
export const RECOVERY = {
  initialDelay: 20,
  maxDelay: 500,
  factor: 2,
  jitter: 0.2,
  maxRetries: Number.POSITIVE_INFINITY,
};

/** What a message of the chaos test tells its worker. */
export interface ChaosMessage {
  readonly id: number;
  /** How long it is worked on. */
  readonly workMs: number;
  readonly padBytes: number;
}

const HEAD_BYTES = 64;

/** Writes a message: a head, and a body that can be checked. */
export function writeMessage(message: ChaosMessage): Buffer {
  const pad = patterned(message.padBytes, message.id + 1);
  const head = JSON.stringify([message.id, message.workMs, message.padBytes, checksum(pad)]).padEnd(
    HEAD_BYTES,
  );
  return Buffer.concat([Buffer.from(head), pad]);
}

/** Reads a message. @throws Error when it is not what was written */
export function readMessage(body: Buffer): ChaosMessage {
  const [id, workMs, padBytes, sum] = JSON.parse(body.toString('utf8', 0, HEAD_BYTES)) as [
    number,
    number,
    number,
    number,
  ];
  const pad = body.subarray(HEAD_BYTES);
  if (pad.length !== padBytes || checksum(pad) !== sum)
    throw new Error(`message ${id} was changed on its way`);
  return { id, workMs, padBytes };
}
