import path from 'node:path';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { hostExec, mustRun } from '../../../src/core/index.ts';
import type { NetworkLayout } from '../../../src/lab/index.ts';

const TOPOLOGIES = fileURLToPath(new URL('../../../topologies/', import.meta.url));
const IPV4 = 0x0800;
const IPV6 = 0x86dd;

/** Runs Python beside the topologies with JSON on its standard input, and reads the JSON that it prints. */
async function python(script: string, input: unknown): Promise<unknown> {
  const start = `import json, sys; sys.path.insert(0, ${JSON.stringify(path.resolve(TOPOLOGIES))})`;
  const argv = ['/usr/bin/python3', '-IB', '-c', `${start}\n${script}`] as const;
  const { stdout } = await mustRun(hostExec, argv, { input: JSON.stringify(input) });
  return JSON.parse(stdout);
}

interface Flow {
  readonly table: number;
  readonly priority: number;
  readonly match: readonly [string, number | string | readonly [string, string]][];
  readonly actions: readonly ['output' | 'group' | 'goto', number][];
}
interface Plan {
  readonly flows: readonly Flow[];
  readonly groups: Readonly<Record<string, readonly number[]>>;
}
interface Frame {
  readonly to: string;
  readonly type: number;
  readonly dscp: number;
}

function matches({ match }: Flow, inPort: number, frame: Frame): boolean {
  return match.every(([field, wanted]) => {
    if (field === 'in_port') return wanted === inPort;
    if (field === 'eth_type') return wanted === frame.type;
    if (field === 'ip_dscp') return wanted === frame.dscp;
    if (field !== 'eth_dst') throw new Error(`unknown field ${field}`);
    return typeof wanted === 'object'
      ? Number.parseInt(frame.to.slice(0, 2), 16) % 2 === 1
      : wanted === frame.to;
  });
}

/** The ports that a switch sends a frame to; `bucket` stands for what its hash would choose. */
function outputs(plan: Plan, inPort: number, frame: Frame, bucket: number, table = 0): number[] {
  const fits = plan.flows.filter((flow) => flow.table === table && matches(flow, inPort, frame));
  const [best, second] = fits.sort((a, b) => b.priority - a.priority);
  if (best === undefined) return [];
  expect(second?.priority, 'two flows of one priority match').not.toBe(best.priority);
  return best.actions.flatMap(([kind, number]) => {
    if (kind === 'goto') return outputs(plan, inPort, frame, bucket, number);
    if (kind === 'output') return number === inPort ? [] : [number];
    const ports = plan.groups[number] ?? [];
    const port = ports[bucket % ports.length];
    return port === undefined ? [] : [port];
  });
}

/** Where copies of a frame that a host sends arrive, and the links they cross. */
function send(
  layout: NetworkLayout,
  plans: Record<string, Plan>,
  from: string,
  frame: Frame,
  bucket: number,
) {
  const host = layout.hosts.find(({ name }) => name === from);
  if (host === undefined) throw new Error(`no host ${from}`);
  const arrived: string[] = [];
  const crossed: string[] = [];
  const walk = (at: string, inPort: number, hops: number): void => {
    expect(hops, 'a frame goes round in a circle').toBeLessThan(20);
    const plan = plans[at];
    if (plan === undefined) throw new Error(`no switch ${at}`);
    for (const port of outputs(plan, inPort, frame, bucket)) {
      const link = layout.links.find((one) => one.from === at && one.port === port);
      if (link === undefined) {
        arrived.push(
          layout.hosts.find((one) => one.switch === at && one.port === port)?.name ?? `${at}:${port}`,
        );
        continue;
      }
      crossed.push(link.id);
      const back = layout.links.find(({ id }) => id === `${link.to}>${link.from}`);
      walk(link.to, back?.port ?? 0, hops + 1);
    }
  };
  walk(host.switch, host.port, 0);
  return { arrived: arrived.sort(), crossed };
}

/** A network of `lengths.length` paths with so many switches between the edges, and hosts on both sides. */
function layoutOf(
  lengths: readonly number[],
  hosts: readonly [number, number],
  firstPort: number,
): NetworkLayout {
  const ports = new Map<string, number>();
  const nextPort = (at: string): number => {
    ports.set(at, (ports.get(at) ?? firstPort) + 3);
    return ports.get(at) ?? 0;
  };
  const sides = ['left', 'right'] as const;
  const hostsOf = sides.flatMap((side, at) =>
    Array.from({ length: hosts[at] ?? 0 }, (_, index) => ({
      name: `${side}${index + 1}`,
      addresses: [`10.0.${at}.${index + 1}`],
      mac: `02:00:00:00:0${at}:0${index + 1}`,
      switch: side,
      port: nextPort(side),
    })),
  );
  const ways = lengths.map((length, path) => [
    'left',
    ...Array.from({ length }, (_, index) => `m${path}-${index}`),
    'right',
  ]);
  const linksOf = (way: readonly string[]) => way.slice(1).map((to, at) => `${way[at]}>${to}`);
  const link = (id: string) => {
    const [from = '', to = ''] = id.split('>');
    return { id, from, to, port: nextPort(from), device: id, rateBps: null, portLabel: null };
  };
  return {
    switches: [...new Set(ways.flat())].map((name, at) => ({ name, dpid: at + 1 })),
    hosts: hostsOf,
    links: ways.flatMap((way) => [...linksOf(way), ...linksOf(way.toReversed())]).map(link),
    paths: ways.map((way, at) => ({
      id: `p${at}`,
      default: at === 0,
      between: ['left', 'right'],
      forward: linksOf(way),
      backward: linksOf(way.toReversed()),
    })),
  };
}

const dscp = fc.integer({ min: 0, max: 63 });
/** Two links between the same two switches would have one name, so only one path may have no switch of its own. */
const lengths = fc
  .array(fc.integer({ min: 1, max: 3 }), { minLength: 0, maxLength: 3 })
  .chain((some) => fc.boolean().map((direct) => (direct || some.length === 0 ? [0, ...some] : some)));
const cases = lengths.chain((some) =>
  fc.record({
    layout: fc
      .tuple(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 4 }), fc.integer({ min: 0, max: 50 }))
      .map(([left, right, firstPort]) => layoutOf(some, [left, right], firstPort)),
    spread: fc.constantFrom('default' as const, 'hash' as const),
    marks: fc.dictionary(
      dscp.map(String),
      fc.integer({ min: 0, max: some.length - 1 }).map((at) => `p${at}`),
      {
        maxKeys: 5,
      },
    ),
    counted: fc.array(dscp, { maxLength: 5 }),
    bucket: fc.nat(7),
  }),
);

const PLAN = `
import forwarding
answers = []
for case in json.load(sys.stdin):
    routes = forwarding.Routes(case['spread'], {int(dscp): path for dscp, path in case['marks'].items()})
    plans = forwarding.plan(case['layout'], routes, case['counted'])
    edges = forwarding.exits(case['layout'])
    again = [forwarding.routes_of(plans[edge].flows.values(), case['layout'], edge) == routes for edge in edges]
    answers.append({'inherited': all(again), 'plans': {name: {
        'flows': [flow._asdict() for flow in plan.flows.values()], 'groups': plan.groups}
        for name, plan in plans.items()}})
print(json.dumps(answers))
`;

test('whatever the network and the routes, a frame goes where it should, once, over the path that it should', async () => {
  const seed = Math.floor(fc.sample(fc.nat(), 1)[0] ?? 0);
  const samples = fc.sample(cases, { numRuns: 200, seed });
  const answers = (await python(PLAN, samples)) as { inherited: boolean; plans: Record<string, Plan> }[];
  samples.forEach(({ layout, spread, marks, counted, bucket }, index) => {
    const { inherited, plans } = answers[index] ?? { inherited: false, plans: {} };
    const about = `seed ${seed}, sample ${index}`;
    expect(inherited || (spread === 'hash' && layout.paths.length === 1), about).toBe(true);
    for (const from of layout.hosts) {
      for (const to of layout.hosts) {
        if (to === from) continue;
        for (const mark of new Set([...Object.keys(marks).map(Number), ...counted, 20])) {
          for (const type of [IPV4, IPV6]) {
            const { arrived, crossed } = send(
              layout,
              plans,
              from.name,
              { to: to.mac, type, dscp: mark },
              bucket,
            );
            expect(arrived, about).toEqual([to.name]);
            const way = from.switch === 'left' ? 'forward' : 'backward';
            const taken = layout.paths.find((one) => one[way].join() === crossed.join())?.id;
            if (from.switch === to.switch) expect(crossed, about).toEqual([]);
            else if (marks[mark] !== undefined) expect(taken, about).toBe(marks[mark]);
            else if (spread === 'default') expect(taken, about).toBe('p0');
            else expect(taken, about).toBe(`p${bucket % layout.paths.length}`);
          }
        }
      }
      const everybody = send(
        layout,
        plans,
        from.name,
        { to: 'ff:ff:ff:ff:ff:ff', type: 0x0806, dscp: 0 },
        bucket,
      );
      expect(everybody.arrived, about).toEqual(
        layout.hosts
          .filter((one) => one !== from)
          .map(({ name }) => name)
          .sort(),
      );
      const nobody = { to: '02:ff:ff:ff:ff:ff', type: IPV4, dscp: 20 };
      expect(send(layout, plans, from.name, nobody, bucket).arrived, about).toEqual([]);
    }
  });
});

describe("the controller's configuration", () => {
  const CHECK = `
import controller_config
answers = []
for config in json.load(sys.stdin):
    try:
        controller_config.check(config)
        answers.append('right')
    except controller_config.ConfigError as error:
        answers.append(str(error))
print(json.dumps(answers))
`;
  const right = {
    pollMs: 20,
    classMarks: [46],
    listen: { socket: '/tmp/n' },
    ...layoutOf([1, 2], [1, 1], 0),
  };
  type Json = Record<string, unknown>;
  const first = (key: 'links' | 'hosts' | 'paths' | 'switches', change: Json): Json => ({
    ...right,
    [key]: right[key].map((one, at) => (at === 0 ? { ...one, ...change } : one)),
  });

  test('is refused with its place', async () => {
    const wrong: [unknown, RegExp][] = [
      [null, /object/],
      [{ ...right, pollMs: 1 }, /pollMs/],
      [{ ...right, pollMs: '20' }, /pollMs/],
      [{ ...right, classMarks: [64] }, /classMarks/],
      [{ ...right, listen: {} }, /listen/],
      [{ ...right, listen: { socket: 'x'.repeat(108) } }, /listen\.socket/],
      [{ ...right, listen: { port: 70_000 } }, /listen\.port/],
      [{ ...right, paths: [] }, /paths/],
      [first('paths', { default: false }), /paths: one is the default/],
      [first('paths', { forward: ['left>m0-0'] }), /path p0: forward/],
      [first('paths', { backward: ['left>m0-0', 'm0-0>right'] }), /path p0: backward/],
      [first('paths', { forward: ['left>nowhere'] }), /path p0: forward/],
      [first('links', { id: 'left>right' }), /links/],
      [first('links', { to: [] }), /links/],
      [first('links', { port: 3 }), /port: two of a switch are the same/],
      [
        { ...right, paths: [...right.paths, { ...right.paths[0], id: 'p9', default: false }] },
        /path p9: forward shares a link/,
      ],
      [first('links', { port: 0 }), /link left>m0-0: port/],
      [first('hosts', { switch: 'm0-0' }), /host left1/],
      [first('hosts', { switch: {} }), /host left1/],
      [first('hosts', { mac: 'x' }), /host left1: mac/],
      [first('switches', { dpid: 2 }), /switches: two have the same dpid/],
      [first('switches', { name: '../s1' }), /switches/],
    ];
    const said = (await python(CHECK, [right, ...wrong.map(([config]) => config)])) as string[];
    expect(said[0]).toBe('right');
    wrong.forEach(([config, text], at) => {
      expect(said[at + 1], JSON.stringify(config)).toMatch(text);
    });
  });

  test('whatever it is, is understood or refused', async () => {
    const replaced = fc
      .tuple(
        fc.constantFrom(...Object.keys(right)),
        fc.constantFrom(
          'name',
          'id',
          'from',
          'to',
          'port',
          'mac',
          'switch',
          'between',
          'forward',
          'default',
          '',
        ),
        fc.jsonValue({ maxDepth: 2 }),
      )
      .map(([key, field, value]) => {
        const items = (right as Json)[key];
        if (!Array.isArray(items) || field === '' || typeof items[0] !== 'object')
          return { ...right, [key]: value };
        return { ...right, [key]: [...items.slice(0, -1), { ...items.at(-1), [field]: value }] };
      });
    const samples = fc.sample(replaced, 500);
    const said = (await python(CHECK, samples)) as string[];
    expect(said).toHaveLength(samples.length);
  });
});
