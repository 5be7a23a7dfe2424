import { describe, expect, it } from 'vitest';
import { parsePolicy } from '../../../src/config/index.ts';
import { parseSidecarConfig } from '../../../src/config/sidecar.ts';
import { findingsIn, listed, POLICY, repositoryText } from './support.ts';

const FILE = 'policies/traffic.yaml';

/** The small policy with this `traffic`, whose first line is line 19 of the file. */
function faults(traffic: string): readonly string[] {
  return listed(findingsIn(() => parsePolicy(`${POLICY}traffic:\n${traffic}`, 'p.yaml')));
}

describe('the traffic of a policy', () => {
  it('is absent where nobody names it', () => {
    expect(parsePolicy(POLICY, 'p.yaml').traffic).toBeUndefined();
  });

  it('is read with its defaults', () => {
    const { traffic } = parsePolicy(repositoryText(FILE), FILE);
    expect(traffic?.routes?.map(({ name }) => name)).toEqual(['canary', 'votes', 'moved', 'legacy']);
    expect(traffic?.routes?.[1]?.retries).toEqual({
      attempts: 3,
      on: ['connect-failure', 'reset', 503],
      methods: 'any',
      backOff: { baseMs: 25, maxMs: 250 },
    });
    expect(traffic?.services?.['*']?.retryBudget).toEqual({
      percent: 20,
      minPerSecond: 10,
      windowMs: 10_000,
    });
    expect(traffic?.faults?.[1]).toMatchObject({ percent: 0.1, abort: 503 });
    expect(traffic?.rateLimits?.[0]).toMatchObject({ burst: 10, maxTenants: 10_000 });
  });

  it('goes whole into the configuration of a sidecar', () => {
    const policy = parsePolicy(repositoryText(FILE), FILE);
    const config = {
      service: 'frontend',
      policy,
      layers: ['queue'],
      inbound: {
        listen: { host: '127.0.0.1', port: 0 },
        application: { host: '127.0.0.1', port: 8080 },
        ingress: true,
      },
      baselineCongestionControl: '',
    };
    expect(parseSidecarConfig(JSON.stringify(config), 'sidecar.json').policy.traffic).toEqual(policy.traffic);
  });

  it('names classes that are not there', () => {
    expect(
      faults(`  deadlines: { classMs: { hihg: 100 } }
  services:
    shop:
      hedge: { classes: [medium], afterMs: 20 }
      bulkhead: { concurrency: 4, sharePercent: { lov: 50 } }
  rateLimits: [{ name: r, classes: [lw], perSecond: 1 }]
`),
    ).toEqual([
      '19:33 INVALID there is no class hihg',
      '22:26 INVALID there is no class medium',
      '23:56 INVALID there is no class lov',
      '24:37 INVALID there is no class lw',
    ]);
  });

  it('says of each value that makes no sense where it stands', () => {
    expect(
      faults(`  routes:
    - { name: a, match: {}, to: [{ service: x, weight: 0 }] }
    - { name: a, match: {}, rewrite: { prefix: /b } }
    - { name: c, match: {}, redirect: { status: 308 } }
    - { name: d, match: {}, to: [{ service: x }], redirect: { path: /y } }
    - { name: e, match: {}, stickyHeader: x-u, rewrite: { set: { Content-Length: "3" } } }
  services:
    shop: { hedge: { classes: [high] }, circuits: [{ maxRequests: 1 }, { maxRequests: 2 }] }
  faults: [{ name: f, match: {} }]
`),
    ).toEqual([
      '20:33 INVALID all weights are 0',
      '21:15 CONFLICT two routes are called a (p.yaml:20:15)',
      '21:48 CONFLICT there is no path pattern whose beginning it could replace',
      '22:39 INVALID it would lead back to itself',
      '23:33 CONFLICT requests of this route are not sent on, but redirected (p.yaml:23:61)',
      '24:43 CONFLICT there is nothing to choose among',
      '24:82 INVALID Content-Length says how the message is read or where it goes; no route may change it',
      '26:20 CONFLICT it does not say when',
      '26:72 CONFLICT it is never reached: the one before it holds for every class (p.yaml:26:52)',
      '27:12 INVALID nothing happens',
    ]);
  });

  it('suggests the key that was meant', () => {
    const [finding] = findingsIn(() => parsePolicy(`${POLICY}traffic: { rutes: [] }\n`, 'p.yaml'));
    expect(finding).toMatchObject({ code: 'CONFIG_UNKNOWN_KEY', fix: 'Did you mean routes?' });
  });

  it('refuses what no header and no path may hold', () => {
    const found = faults(`  routes:
    - { name: a, match: {}, rewrite: { set: { x-a: "b\\r\\nx-c: d" } } }
    - { name: b, match: { path: /a }, redirect: { prefix: "/a b" } }
`);
    expect(found).toHaveLength(2);
    for (const one of found) expect(one).toContain(' INVALID ');
  });
});
