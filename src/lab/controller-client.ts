import { request } from 'node:http';
import { messageOf, PriomeshError } from '../core/index.ts';
import type { LayoutPath } from './types.ts';

const ANSWER_TIMEOUT_MS = 10_000;
const ANSWER_LIMIT_BYTES = 4 * 1024 * 1024;

/** What `GET /v1/topology` tells. */
export interface NetworkTopology {
  /** When the controller began, milliseconds since 1970. */
  readonly epoch: number;
  readonly switches: readonly { readonly name: string; readonly dpid: number; readonly connected: boolean }[];
  readonly links: readonly {
    readonly id: string;
    readonly from: string;
    readonly to: string;
    readonly port: number;
    readonly device: string | null;
    readonly rateBps: number | null;
    /** False when a port at one of its ends is down. */
    readonly up: boolean;
  }[];
  readonly hosts: readonly {
    readonly name: string;
    readonly addresses: readonly string[];
    readonly switch: string;
  }[];
  readonly paths: readonly LayoutPath[];
}

/** What `GET /v1/statistics` tells; counters rise from the controller's begin, or from the switch's. */
export interface NetworkStatistics {
  readonly epoch: number;
  /** Rises with each round of reading. */
  readonly sequence: number;
  /** When the round ended, CLOCK_MONOTONIC. */
  readonly timeMs: number;
  readonly links: readonly {
    readonly id: string;
    readonly txBytes: number;
    readonly txPackets: number;
    readonly txDropped: number;
    /** By DSCP. */
    readonly marks: Readonly<Record<string, { readonly bytes: number; readonly packets: number }>>;
  }[];
}

/** Which paths packets take. */
export interface NetworkRoutes {
  /** What no mark steers takes the default path, or one that a hash chooses, over addresses, protocol and TCP ports. */
  readonly spread: 'default' | 'hash';
  /** DSCP to the id of a path. */
  readonly marks: Readonly<Record<string, string>>;
}

/** One request to a controller's northbound. Rejects with COMMAND_FAILED unless it is answered with a success. */
export async function askNorthbound(
  socket: string,
  method: 'GET' | 'PUT',
  path: string,
  body?: object,
): Promise<unknown> {
  const { promise, resolve, reject } = Promise.withResolvers<unknown>();
  const sent = request({ socketPath: socket, method, path, agent: false }, (answer) => {
    const parts: Buffer[] = [];
    let bytes = 0;
    answer.on('data', (part: Buffer) => {
      bytes += part.length;
      if (bytes > ANSWER_LIMIT_BYTES) sent.destroy(new Error('the answer is too long'));
      else parts.push(part);
    });
    answer.on('error', reject);
    answer.on('end', () => {
      const text = Buffer.concat(parts).toString('utf8');
      if (answer.statusCode !== 200) {
        reject(new Error(`${answer.statusCode} ${text.slice(0, 500)}`));
        return;
      }
      try {
        resolve(JSON.parse(text));
      } catch (error) {
        reject(error);
      }
    });
  });
  sent.setTimeout(ANSWER_TIMEOUT_MS, () => sent.destroy(new Error('no answer')));
  sent.on('error', reject);
  sent.end(body === undefined ? undefined : JSON.stringify(body));
  try {
    return await promise;
  } catch (error) {
    throw new PriomeshError('COMMAND_FAILED', `the controller: ${method} ${path}: ${messageOf(error)}`, {
      cause: error,
    });
  }
}
