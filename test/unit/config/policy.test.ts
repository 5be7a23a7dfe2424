import { describe, expect, it } from 'vitest';
import { loadPolicy, parsePolicy } from '../../../src/config/index.ts';
import { edited, findingsIn, listed, POLICY, repositoryFile } from './support.ts';

const faults = (text: string) => listed(findingsIn(() => parsePolicy(text, 'p.yaml')));

/** The small policy with more in its classes and rules. */
function policy(change: { high?: string; low?: string; top?: string; rules?: string }): string {
  let text = POLICY;
  if (change.high !== undefined) text = edited(text, '  low:', `    ${change.high}\n  low:`);
  if (change.low !== undefined) text = edited(text, 'ingress:', `    ${change.low}\ningress:`);
  if (change.top !== undefined) text = edited(text, 'ingress:', `${change.top}\ningress:`);
  return change.rules === undefined
    ? text
    : `${text.slice(0, text.indexOf('  rules:'))}  rules:\n${change.rules}`;
}

describe('resolution', () => {
  it('gives the classes of the case study in order of rank, with every member', async () => {
    const { classes, queue, ingress } = await loadPolicy(repositoryFile('policies/case-study.yaml'));
    expect(classes).toEqual([
      {
        name: 'interactive',
        rank: 0,
        slo: { latencyMs: 50, latencyQuantile: 0.99 },
        queue: { deadlineMs: 1000, weight: 16, maxSharePercent: 100 },
        broker: { priority: 9 },
        transport: { congestionControl: ['bbr', 'cubic', 'reno'] },
        mark: { dscp: 46, dscpName: 'EF' },
        kernel: { sharePercent: 95, mayBorrow: true },
        network: { path: 'least-congested', moveOrder: 1, alternateDscp: [3] },
      },
      {
        name: 'batch',
        rank: 5,
        slo: { goodputBps: 4_000_000, latencyQuantile: 0.99 },
        queue: { deadlineMs: 30_000, weight: 1, maxSharePercent: 50 },
        broker: { priority: 1 },
        transport: {
          congestionControl: ['cubic', 'reno'],
          scavenger: { targetDelayMs: 10, minRateBps: 250_000 },
        },
        mark: { dscp: 1, dscpName: 'LE' },
        kernel: { sharePercent: 5, mayBorrow: true },
        network: { path: 'default', moveOrder: 0, alternateDscp: [7] },
      },
    ]);
    expect(queue).toEqual({
      mode: 'strict',
      concurrency: 8,
      capacity: 512,
      starvationMs: 5000,
      shedding: 'priority',
    });
    expect(ingress.rules.map(({ name }) => name)).toEqual(['exports', 'pages']);
  });

  it('sorts by rank, whatever the order in the file', () => {
    let text = edited(POLICY, 'rank: 0', 'rank: 9');
    text = edited(text, 'rank: 3', 'rank: 1');
    expect(parsePolicy(text, 'p.yaml').classes.map(({ name }) => name)).toEqual(['low', 'high']);
  });

  it('gives each rule its place and lower-case header names', () => {
    const text = policy({
      rules:
        '    - { name: a, class: low, match: { headers: { X-Tenant: gold } } }\n    # between\n    - name: b\n      class: high\n      match: {}\n',
    });
    const { rules } = parsePolicy(text, 'p.yaml').ingress;
    expect(rules).toEqual([
      {
        name: 'a',
        class: 'low',
        match: { headers: { 'x-tenant': 'gold' } },
        place: { file: 'p.yaml', line: 15, column: 7 },
      },
      { name: 'b', class: 'high', match: {}, place: { file: 'p.yaml', line: 17, column: 7 } },
    ]);
  });

  it('keeps a numeric mark as it was written', () => {
    expect(parsePolicy(POLICY, 'p.yaml').classes[1]?.mark).toEqual({ dscp: 10, dscpName: '10' });
  });
});

describe('contradictions', () => {
  it.each([
    [
      'two classes of one mark',
      edited(POLICY, 'dscp: 10', 'dscp: 46'),
      /^10:19 CONFLICT .*DSCP 46 \(p\.yaml:6:19\)/,
    ],
    [
      'shares beyond 100',
      edited(POLICY, 'sharePercent: 40', 'sharePercent: 41'),
      /^11:29 CONFLICT .*add up to 101 percent: high 60 \(p\.yaml:7:29\)/,
    ],
    [
      'broker priorities against the ranks',
      policy({ low: 'broker: { priority: 3 }' }),
      /^12:25 CONFLICT low .*priority 3 against 0/,
    ],
    [
      'weights against the ranks',
      policy({ low: 'queue: { weight: 2 }', top: 'queue: { mode: weighted }' }),
      /^12:22 CONFLICT low .*weight 2 against 1/,
    ],
    [
      'a more important class that moves first',
      policy({ low: 'network: { moveOrder: 2 }' }),
      /^12:27 CONFLICT low .*moveOrder 2 against 0/,
    ],
    [
      'a scavenger above a class without',
      policy({ high: 'transport: { scavenger: {} }' }),
      /^8:29 CONFLICT high \(rank 0\) would yield to the less important low/,
    ],
    [
      'lower effort above another class',
      edited(POLICY, 'dscp: EF', 'dscp: LE'),
      /^6:19 CONFLICT high is marked LE/,
    ],
    [
      'two rules of one name',
      policy({
        rules:
          '    - { name: a, class: low, match: { path: /x } }\n    - { name: a, class: low, match: { path: /y } }\n',
      }),
      /^16:15 CONFLICT two rules are called a \(p\.yaml:15:15\)/,
    ],
    [
      'a rule that is never reached',
      policy({
        rules:
          '    - { name: z, class: low, match: { path: /z } }\n    - { name: a, class: low, match: { path: "/**" } }\n    - { name: b, class: low, match: { path: /y } }\n',
      }),
      /^17:7 CONFLICT rule b is never reached: a matches every request \(p\.yaml:16:7\)/,
    ],
    [
      'bounds of a body that cross',
      policy({
        rules: '    - { name: a, class: low, match: { bodyBytesAtLeast: 2, bodyBytesAtMost: 1 } }\n',
      }),
      /^15:77 CONFLICT no body is at least 2 and at most 1 bytes \(p\.yaml:15:57\)/,
    ],
    [
      'bounds of urgency that cross',
      policy({ rules: '    - { name: a, class: low, match: { urgencyAtLeast: 5, urgencyAtMost: 1 } }\n' }),
      /CONFLICT no urgency/,
    ],
    [
      'one header in two spellings',
      policy({ rules: '    - { name: a, class: low, match: { headers: { X-A: "1", x-a: "2" } } }\n' }),
      /CONFLICT x-a and X-A are the same header/,
    ],
  ])('%s', (_, text, expected) => {
    const found = faults(text);
    expect(found).toHaveLength(1);
    expect(found[0]).toMatch(expected);
  });

  it('weights do not matter in strict mode', () => {
    expect(parsePolicy(policy({ low: 'queue: { weight: 2 }' }), 'p.yaml').classes).toHaveLength(2);
  });
});

describe('references and forms', () => {
  it('suggests the nearest class', () => {
    const text = edited(
      edited(POLICY, 'defaultClass: low', 'defaultClass: lov'),
      'class: high',
      'class: hihg',
    );
    const findings = findingsIn(() => parsePolicy(text, 'p.yaml'));
    expect(listed(findings)).toEqual([
      '13:17 INVALID there is no class lov',
      '16:14 INVALID there is no class hihg',
    ]);
    expect(findings.map(({ fix }) => fix)).toEqual(['Did you mean low?', 'Did you mean high?']);
  });

  it('suggests the nearest DSCP name and explains a number out of range', () => {
    const wrong = findingsIn(() => parsePolicy(edited(POLICY, 'dscp: EF', 'dscp: AF40'), 'p.yaml'));
    expect(wrong[0]?.fix).toMatch(/^Did you mean AF4\d\?/);
    expect(faults(edited(POLICY, 'dscp: EF', 'dscp: 64'))[0]).toMatch(
      /^6:19 INVALID .* is 64; it must be .*0 to 63/,
    );
  });

  it.each(['10.0.0.0/33', '10.0.0/8', 'fd00::/129', '300.1.1.1/8', '::ffff:1.2.3/8'])(
    'refuses the network %s',
    (network) => {
      const text = edited(
        POLICY,
        'defaultClass: low',
        `defaultClass: low\n  trustedNetworks: ["${network}"]`,
      );
      expect(faults(text)).toEqual([expect.stringMatching(/^14:21 INVALID .*is no network/)]);
    },
  );

  it.each(['0.0.0.0/0', '10.1.2.3/32', '::/0', 'fd00::/8', '::ffff:10.0.0.0/104'])(
    'takes the network %s',
    (network) => {
      const text = edited(POLICY, 'method: [GET]', `sourceNetworks: ["${network}"]`);
      expect(parsePolicy(text, 'p.yaml').ingress.rules[0]?.match.sourceNetworks).toEqual([network]);
    },
  );

  it.each(['export', '/a*', '/{}', '/{a', '/a b', '/x?y=1', '/***', '/{1}'])(
    'refuses the path pattern %s',
    (path) => {
      expect(faults(edited(POLICY, '"/**"', JSON.stringify(path)))[0]).toMatch(/must be a path pattern/);
    },
  );

  it.each(['/', '/a/b', '/*/x', '/**/x', '/{id}/y', '/a.b-c_d~e%20'])('takes the path pattern %s', (path) => {
    expect(
      parsePolicy(edited(POLICY, '"/**"', JSON.stringify(path)), 'p.yaml').ingress.rules[0]?.match.path,
    ).toBe(path);
  });

  it('holds to 16 classes and to 10,000 rules', () => {
    const row = (index: number) =>
      `  c${index}: { rank: ${index}, mark: { dscp: ${index + 2} }, kernel: { sharePercent: 1 } }`;
    const table = (count: number) =>
      `schema: priomesh/policy/v1\nname: wide\nclasses:\n${Array.from({ length: count }, (_, index) => row(index)).join('\n')}\ningress: { defaultClass: c0 }\n`;
    expect(parsePolicy(table(16), 'p.yaml').classes).toHaveLength(16);
    expect(faults(table(17))).toEqual([expect.stringMatching(/^4:3 INVALID the policy has 17 classes/)]);
    const rules = (count: number) =>
      policy({
        rules: Array.from(
          { length: count },
          (_, index) => `    - {name: r${index}, class: low, match: {path: /p${index}}}\n`,
        ).join(''),
      });
    expect(parsePolicy(rules(10_000), 'p.yaml').ingress.rules).toHaveLength(10_000);
    expect(faults(rules(10_001))[0]).toMatch(
      /INVALID ingress.rules is a list of 10001; it must be a list of at most 10000/,
    );
  });

  it('refuses a policy without classes', () => {
    const text = `schema: priomesh/policy/v1\nname: none\nclasses: {}\ningress: { defaultClass: c0 }\n`;
    expect(faults(text)).toEqual([
      expect.stringMatching(/^3:10 INVALID the policy has 0 classes/),
      expect.stringMatching(/^4:26 INVALID there is no class c0/),
    ]);
  });
});
