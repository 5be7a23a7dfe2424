import { describe, expect, test } from 'vitest';
import type { Topology } from '../../../src/control-protocol/index.ts';
import { type Move, silentLogger, systemClock } from '../../../src/core/index.ts';
import type { NetworkLine } from '../../../src/sdn-bridge/network-log.ts';
import { networkPaths, RouteOwner } from '../../../src/sdn-bridge/route-owner.ts';
import { CLASSES } from './classes.ts';

function path(id: string, isDefault: boolean, middle: string): Topology['paths'][number] {
  return {
    id,
    default: isDefault,
    between: ['s1', 's4'],
    forward: [`s1>${middle}`, `${middle}>s4`],
    backward: [`s4>${middle}`, `${middle}>s1`],
  };
}

const TOPOLOGY: Topology = {
  epoch: 1,
  switches: [],
  links: [],
  hosts: [],
  paths: [path('secondary', false, 's3'), path('primary', true, 's2')],
};

/** A controller that keeps what it is told, and refuses as often as it is asked to. */
class Controller {
  readonly marks = new Map<number, string>();
  readonly calls: string[] = [];
  refusals = 0;
  /** Resolves at the next call. */
  called = Promise.withResolvers<void>();

  readonly northbound = {
    moveClass: async (dscp: number, to: string): Promise<void> => {
      this.#call(`${dscp} to ${to}`);
      this.marks.set(dscp, to);
    },
    unmoveClass: async (dscp: number): Promise<void> => {
      this.#call(`${dscp} back`);
      this.marks.delete(dscp);
    },
  };

  #call(what: string): void {
    this.calls.push(what);
    this.called.resolve();
    this.called = Promise.withResolvers();
    if (this.refusals > 0) {
      this.refusals -= 1;
      throw new Error('refused');
    }
  }
}

function setUp(): {
  owner: RouteOwner;
  controller: Controller;
  lines: NetworkLine[];
  next: Move[];
  asked: () => number;
} {
  const controller = new Controller();
  const lines: NetworkLine[] = [];
  const next: Move[] = [];
  let asked = 0;
  const owner = new RouteOwner({
    classes: CLASSES,
    chooser: {
      accept() {},
      setPeers: () => [],
      decide: () => {
        asked += 1;
        return next.splice(0);
      },
    },
    northbound: controller.northbound,
    log: { write: (line) => lines.push(line), close: async () => {} },
    clock: systemClock,
    logger: silentLogger,
  });
  owner.topology(TOPOLOGY, 0);
  return { owner, controller, lines, next, asked: () => asked };
}

const move = (classIndex: number, from: number, to: number): Move => ({
  atMs: 0,
  peer: 'network',
  classIndex,
  from,
  to,
  reason: 'congested',
});

const routes = (...marks: [number, string][]): { marks: Map<number, string> } => ({ marks: new Map(marks) });

describe('paths of the whole network', () => {
  test('the default stands first, and every path crosses its links there and back', () => {
    expect(networkPaths(TOPOLOGY)).toEqual([
      { id: 'primary', links: ['s1>s2', 's2>s4', 's4>s2', 's2>s1'] },
      { id: 'secondary', links: ['s1>s3', 's3>s4', 's4>s3', 's3>s1'] },
    ]);
  });

  test('paths of one name are one, and so are the defaults', () => {
    const other = { ...path('main', true, 's9'), between: ['s1', 's5'] as const };
    expect(
      networkPaths({ ...TOPOLOGY, paths: [...TOPOLOGY.paths, other] }).map(({ id, links }) => [
        id,
        links.length,
      ]),
    ).toEqual([
      ['primary', 8],
      ['secondary', 4],
    ]);
  });

  test('a network without a default path has none to choose', () => {
    expect(networkPaths({ ...TOPOLOGY, paths: [path('secondary', false, 's3')] })).toEqual([]);
  });
});

describe('the owner of routes', () => {
  test('moves a class by its own mark, logs it when it is done, and takes it back in the end', async () => {
    const { owner, controller, lines, next } = setUp();
    owner.routes(routes([47, 'secondary']));
    next.push(move(0, 0, 1));
    owner.decide(1);
    await owner.close();
    expect(controller.calls).toEqual(['46 to secondary', '46 back']);
    expect(lines).toEqual([
      {
        event: 'move',
        timeMs: expect.any(Number),
        owner: 'controller',
        class: 'interactive',
        from: 'primary',
        to: 'secondary',
        reason: 'congested',
      },
    ]);
  });

  test('decides nothing while the controller is away', () => {
    const { owner, asked } = setUp();
    owner.decide(1);
    expect(asked()).toBe(0);
    owner.routes(routes());
    owner.decide(2);
    expect(asked()).toBe(1);
    owner.lost();
    owner.decide(3);
    expect(asked()).toBe(1);
  });

  test('tries again until the controller does it, and logs one move', async () => {
    const { owner, controller, lines, next } = setUp();
    owner.routes(routes());
    controller.refusals = 2;
    next.push(move(1, 0, 1));
    owner.decide(1);
    while (controller.calls.length < 3) await controller.called.promise;
    await owner.close();
    expect(controller.calls).toEqual(['2 to secondary', '2 to secondary', '2 to secondary', '2 back']);
    expect(lines).toHaveLength(1);
  });

  test('puts right what a controller that was restarted has forgotten', async () => {
    const { owner, controller, next, lines } = setUp();
    owner.routes(routes());
    next.push(move(0, 0, 1));
    const first = controller.called.promise;
    owner.decide(1);
    await first;
    owner.lost();
    const second = controller.called.promise;
    owner.routes(routes([46, 'elsewhere']));
    await second;
    expect(controller.calls).toEqual(['46 to secondary', '46 to secondary']);
    await owner.close();
    expect(lines).toHaveLength(1);
  });

  test('leaves marks alone that it never moved', async () => {
    const { owner, controller } = setUp();
    owner.routes(routes([46, 'secondary'], [2, 'secondary']));
    await owner.close();
    expect(controller.calls).toEqual([]);
  });

  test('takes nothing back from a controller that is away', async () => {
    const { owner, controller, next } = setUp();
    owner.routes(routes());
    next.push(move(0, 0, 1));
    const first = controller.called.promise;
    owner.decide(1);
    await first;
    owner.lost();
    await owner.close();
    expect(controller.calls).toEqual(['46 to secondary']);
  });
});
