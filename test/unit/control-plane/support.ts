import type { ControlPlaneConfig } from '../../../src/config/index.ts';
import { Plane } from '../../../src/control-plane/plane.ts';
import type { Sink } from '../../../src/control-plane/watcher.ts';
import {
  type ControlProtocol,
  loadControlProtocol,
  type Topology,
  type WatchResponse,
  writeHint,
} from '../../../src/control-protocol/index.ts';
import { type Hint, silentLogger } from '../../../src/core/index.ts';
import { HeldClock } from '../sidecar/held-clock.ts';

/** Two ways between s1 and s4, over s2 and over s3; a host at either end. */
export function dualPath(): Topology {
  const pairs = [
    ['s1', 's2'],
    ['s2', 's4'],
    ['s1', 's3'],
    ['s3', 's4'],
  ] as const;
  const link = (from: string, to: string, port: number) => ({
    id: `${from}>${to}`,
    from,
    to,
    port,
    device: `${from}-eth${port}`,
    rateBps: 20_000_000,
    up: true,
  });
  return {
    epoch: 7,
    switches: ['s1', 's2', 's3', 's4'].map((name, index) => ({
      name,
      dpid: `${index + 1}`,
      connected: true,
    })),
    links: pairs.flatMap(([from, to], index) => [link(from, to, index + 1), link(to, from, index + 5)]),
    hosts: [
      { name: 'h1', addresses: ['10.0.0.1', 'fd00::1'], switch: 's1' },
      { name: 'h2', addresses: ['10.0.0.2'], switch: 's4' },
      { name: 'h3', addresses: ['10.0.0.3'], switch: 's1' },
    ],
    paths: [
      {
        id: 'secondary',
        default: false,
        between: ['s1', 's4'],
        forward: ['s1>s3', 's3>s4'],
        backward: ['s4>s3', 's3>s1'],
      },
      {
        id: 'primary',
        default: true,
        between: ['s1', 's4'],
        forward: ['s1>s2', 's2>s4'],
        backward: ['s4>s2', 's2>s1'],
      },
    ],
  };
}

/** A hint about one link that hurts `batch`. */
export function hintAbout(link: string, sequence: number, more: Partial<Hint> = {}): Hint {
  const batch = { level: 0.5, queueingDelayMs: 10, utilization: 0.9, lossRatio: 0 };
  return { link, epoch: 1, sequence, ttlMs: 1000, down: false, classes: { batch }, ...more };
}

/** The far end of a stream: what has been written, decoded. Where it is held, nothing is taken in after the next message. */
export class FakeSink implements Sink {
  readonly messages: WatchResponse[] = [];
  ended: string | undefined;
  held = false;
  #written: (() => void) | undefined;
  readonly #protocol: ControlProtocol;

  constructor(protocol: ControlProtocol) {
    this.#protocol = protocol;
  }

  write(message: Uint8Array, written: () => void): void {
    this.messages.push(this.#protocol.watch.responseDeserialize(Buffer.from(message)));
    if (this.held) this.#written = written;
    else written();
  }

  end(why: string): void {
    this.ended = why;
  }

  /** Takes in what was written, and all that follows. */
  release(): void {
    this.held = false;
    this.#written?.();
  }

  /** What was written since it was last asked. */
  news(): WatchResponse[] {
    return this.messages.splice(0);
  }
}

/** A plane whose clock stands still, and what it takes to speak with it. */
export async function heldPlane(config: Partial<ControlPlaneConfig> = {}) {
  const protocol = await loadControlProtocol();
  const clock = new HeldClock();
  const plane = new Plane(
    {
      listen: 'unix:/nowhere',
      services: {},
      keepaliveMs: 2000,
      graceMs: 3000,
      maxSidecars: 100,
      maxReports: 8,
      ...config,
    },
    { clock, logger: silentLogger, encode: protocol.watch.responseSerialize },
  );
  const follow = (node: string, port?: number) => {
    const sink = new FakeSink(protocol);
    const address = port === undefined ? undefined : { service: 'shop', host: node, port };
    const watcher = plane.follow({ node, address }, sink);
    return { sink, watcher };
  };
  const tell = (...hints: Hint[]) =>
    plane.report({ hints: { hints: hints.map((one) => writeHint(one, one.ttlMs)) } });
  return { plane, clock, follow, tell, protocol };
}
