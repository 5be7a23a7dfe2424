import { fileURLToPath } from 'node:url';
import { mustRun, PriomeshError } from '../core/index.ts';
import type { QueueDepth } from './broker-queues.ts';
import type { Lab, LabLine, LabProcess } from './types.ts';

const PROGRAM = fileURLToPath(new URL('broker-control-main.ts', import.meta.url));

/** A broker as its control program reaches it. */
export interface ControlTarget {
  readonly host: string;
  readonly port: number;
  readonly managementPort: number;
  readonly userName: string;
  readonly password: string;
}

/** What the control program is told to do. */
export type ControlOrder = { readonly target: ControlTarget } & (
  | { readonly operation: 'await-ready' }
  | { readonly operation: 'depths'; readonly virtualHost: string }
  | { readonly operation: 'watch'; readonly virtualHost: string; readonly intervalMs: number }
  | { readonly operation: 'create-virtual-host'; readonly virtualHost: string }
  | { readonly operation: 'delete-virtual-host'; readonly virtualHost: string }
);

/** The depths of a virtual host's queues at one moment. */
export interface DepthSample {
  /** When they were read, CLOCK_MONOTONIC. What is read is up to 1.25 s old: RabbitMQ's own figures are refreshed once a second. */
  readonly atMs: number;
  readonly queues: readonly QueueDepth[];
}

/** A sample out of a line of the control program, or undefined. */
export function readSample(line: LabLine): DepthSample | undefined {
  if (line['event'] !== 'depths') return undefined;
  return { atMs: line['monotonicMs'] as number, queues: line['queues'] as QueueDepth[] };
}

const command = (order: ControlOrder): [string, ...string[]] => [
  process.execPath,
  PROGRAM,
  JSON.stringify(order),
];

/** Talks to the broker from a process in its own node, because the runner stands outside the laboratory's networks. */
export class BrokerControl {
  readonly #lab: Lab;
  readonly #node: string;
  readonly #logFile: string;
  readonly target: ControlTarget;

  constructor(lab: Lab, node: string, target: ControlTarget, logFile: string) {
    this.#lab = lab;
    this.#node = node;
    this.#logFile = logFile;
    this.target = target;
  }

  /** Runs an order to its end; rejects with COMMAND_FAILED when the broker refuses it. */
  async run(order: ControlOrder): Promise<LabLine | undefined> {
    const { stdout } = await mustRun(this.#lab.execOn(this.#node), command(order));
    return stdout === '' ? undefined : (JSON.parse(stdout) as LabLine);
  }

  /** Starts an order that goes on. */
  start(order: ControlOrder, onLine?: (line: LabLine) => void): Promise<LabProcess> {
    const hooks = onLine === undefined ? {} : { onLine };
    return this.#lab.spawn(this.#node, command(order), { stderrFile: this.#logFile, ...hooks });
  }

  /** The depths now. */
  async depths(virtualHost: string): Promise<DepthSample> {
    const line = await this.run({ target: this.target, operation: 'depths', virtualHost });
    const sample = line === undefined ? undefined : readSample(line);
    if (sample === undefined) throw new PriomeshError('COMMAND_FAILED', 'the broker told no depths');
    return sample;
  }
}
