import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parsePolicy } from '../../../src/config/index.ts';
import { edited, findingsIn, listed, POLICY } from './support.ts';

const parse = (text: string) => parsePolicy(text, 'p.yaml');
const faults = (text: string) => listed(findingsIn(() => parse(text)));

/** The small policy with these lines in its network section, which begins in line 12. */
const network = (...lines: readonly string[]): string =>
  edited(POLICY, 'ingress:', `network:\n${lines.map((line) => `  ${line}\n`).join('')}ingress:`);

const reactions = (...rows: readonly string[]): string =>
  network('reactions:', ...rows.map((row) => `  - { ${row} }`));

/** The small policy with these alternate marks. */
function alternates(high: string | undefined, low: string | undefined): string {
  const marks = (dscp: string | undefined) =>
    dscp === undefined ? '' : `    network: { alternateDscp: ${dscp} }\n`;
  return edited(edited(POLICY, '  low:\n', `${marks(high)}  low:\n`), 'ingress:', `${marks(low)}ingress:`);
}

describe('the network section of a policy', () => {
  it('that is absent: sidecars choose path and replica, for all classes', () => {
    const { reactions: found, hints, damping } = parse(POLICY).network;
    expect(found.map(({ decide, owner, classes }) => [decide, owner, classes])).toEqual([
      ['path', 'sidecar', ['high', 'low']],
      ['replica', 'sidecar', ['high', 'low']],
    ]);
    expect(hints).toEqual({ intervalMs: 20, ttlMs: 1000, smoothingMs: 40, targetDelayMs: 20 });
    expect(damping.calmLevel).toBeLessThan(damping.congestedLevel);
  });

  it('that is stated: only what stands there, classes in order of rank, each with its place', () => {
    const text = reactions('decide: path, classes: [low, high]', 'decide: admission, sharePercent: 0');
    expect(parse(text).network.reactions).toEqual([
      {
        decide: 'path',
        owner: 'sidecar',
        classes: ['high', 'low'],
        sharePercent: 25,
        maxDurationMs: 2000,
        place: { file: 'p.yaml', line: 14, column: 7 },
      },
      {
        decide: 'admission',
        owner: 'sidecar',
        classes: ['high', 'low'],
        sharePercent: 0,
        maxDurationMs: 2000,
        place: { file: 'p.yaml', line: 15, column: 7 },
      },
    ]);
  });

  it('may give one decision to several owners, for different classes', () => {
    const text = reactions(
      'decide: path, owner: controller, classes: [high]',
      'decide: path, owner: sidecar, classes: [low]',
    );
    expect(parse(text).network.reactions.map(({ owner, classes }) => [owner, classes])).toEqual([
      ['controller', ['high']],
      ['sidecar', ['low']],
    ]);
  });
});

describe('reactions that contradict each other or make no sense', () => {
  it.each([
    [
      'two owners of one decision, both places named',
      ['decide: path, classes: [low]', 'decide: path, owner: controller, classes: [high, low]'],
      /^15:7 CONFLICT the controller would decide the path of low, and so would the sidecar \(p\.yaml:14:7\)$/,
    ],
    [
      'an owner of all against an owner of one',
      ['decide: path, owner: controller', 'decide: path, classes: [high]'],
      /^15:7 CONFLICT the sidecar would decide the path of high, and so would the controller \(p\.yaml:14:7\)$/,
    ],
    [
      'one decision twice by one owner',
      ['decide: replica', 'decide: replica, classes: [high]'],
      /^15:7 CONFLICT replica of high is decided twice \(p\.yaml:14:7\)$/,
    ],
    [
      'a controller that would choose replicas',
      ['decide: replica, owner: controller'],
      /^14:\d+ CONFLICT a controller cannot decide replica/,
    ],
    [
      'a controller that would admit requests',
      ['decide: admission, owner: controller'],
      /^14:\d+ CONFLICT a controller cannot decide admission/,
    ],
    [
      'a class that there is not',
      ['decide: path, classes: [hihg]'],
      /^14:\d+ INVALID there is no class hihg$/,
    ],
    [
      'a share of a decision that has none',
      ['decide: path, sharePercent: 50'],
      /^14:\d+ CONFLICT sharePercent belongs to the decision admission, and this one is path$/,
    ],
    [
      'a duration of a decision that has none',
      ['decide: replica, maxDurationMs: 50'],
      /^14:\d+ CONFLICT maxDurationMs belongs to the decision admission/,
    ],
  ] as const)('%s', (_, rows, expected) => {
    const found = faults(reactions(...rows));
    expect(found).toHaveLength(1);
    expect(found[0]).toMatch(expected);
  });

  it('say how to put it right', () => {
    const [finding] = findingsIn(() => parse(reactions('decide: path, classes: [hihg]')));
    expect(finding?.fix).toContain('high');
    const [conflict] = findingsIn(() => parse(reactions('decide: path', 'decide: path')));
    expect(conflict?.fix).toContain('one owner');
  });

  it('a path that would be calm and congested at once', () => {
    for (const [calm, congested] of [
      [0.7, 0.7],
      [0.8, 0.5],
    ]) {
      const [found] = faults(network(`damping: { calmLevel: ${calm}, congestedLevel: ${congested} }`));
      expect(found).toMatch(/^13:12 CONFLICT a path would be calm and congested at once/);
    }
  });

  it('are refused exactly when a class has two deciders of one kind', () => {
    const rows = fc.array(
      fc.record({
        decide: fc.constantFrom('path' as const, 'replica' as const, 'admission' as const),
        owner: fc.constantFrom('sidecar' as const, 'controller' as const),
        classes: fc.constantFrom(['high'], ['low'], ['high', 'low'], undefined),
      }),
      { minLength: 1, maxLength: 5 },
    );
    fc.assert(
      fc.property(rows, (written) => {
        const sound = written.filter(({ decide, owner }) => decide === 'path' || owner === 'sidecar');
        fc.pre(sound.length > 0);
        const text = reactions(
          ...sound.map(
            ({ decide, owner, classes }) =>
              `decide: ${decide}, owner: ${owner}${classes === undefined ? '' : `, classes: [${classes.join(', ')}]`}`,
          ),
        );
        const decided = sound.flatMap(({ decide, classes = ['high', 'low'] }) =>
          classes.map((name) => `${decide} ${name}`),
        );
        if (new Set(decided).size === decided.length) {
          expect(parse(text).network.reactions).toHaveLength(sound.length);
        } else {
          for (const fault of faults(text)) expect(fault).toContain('CONFLICT');
        }
      }),
    );
  });
});

describe('the marks of other paths', () => {
  const marksOf = (text: string) =>
    parse(text).classes.map(({ network: { alternateDscp } }) => alternateDscp);

  it('are values for local use, in order of rank, that nothing else has', () => {
    expect(marksOf(POLICY)).toEqual([[3], [7]]);
    expect(marksOf(edited(POLICY, 'dscp: 10', 'dscp: 3'))).toEqual([[7], [11]]);
    expect(marksOf(alternates(undefined, '[3, 11]'))).toEqual([[7], [3, 11]]);
    expect(marksOf(alternates('[40]', undefined))).toEqual([[40], [3]]);
  });

  it.each([
    [
      'one value for two classes',
      alternates('[3]', '[7, 3]'),
      /^13:35 CONFLICT DSCP 3 stands for two paths or classes \(p\.yaml:8:32\)$/,
    ],
    [
      'one value for two paths of a class',
      alternates('[3, 3]', undefined),
      /^8:35 CONFLICT DSCP 3 stands for two paths or classes \(p\.yaml:8:32\)$/,
    ],
    [
      'the mark of a class',
      alternates('[10]', undefined),
      /^8:32 CONFLICT DSCP 10 is the mark of a class already$/,
    ],
    ['no DSCP', alternates('[64]', undefined), /^8:32 INVALID/],
    ['more paths than there may be', alternates('[3, 7, 11, 15]', undefined), /^8:\d+ INVALID/],
  ] as const)('%s is refused', (_, text, expected) => {
    const found = faults(text);
    expect(found).toHaveLength(1);
    expect(found[0]).toMatch(expected);
  });

  it('run out for the least important when there are too many classes', () => {
    const marks = Array.from({ length: 16 }, (_, index) => 4 * index + 3);
    const rows = marks.map((dscp, index) => {
      const mark = index < 8 ? dscp : 2 * index;
      return `  c${index}:\n    rank: ${index}\n    mark: { dscp: ${mark} }\n    kernel: { sharePercent: 1 }\n`;
    });
    const text = `schema: priomesh/policy/v1\nname: many\nclasses:\n${rows.join('')}ingress: { defaultClass: c15 }\n`;
    const found = marksOf(text);
    expect(found.slice(0, 8)).toEqual(marks.slice(8).map((dscp) => [dscp]));
    expect(found.slice(8)).toEqual(Array.from({ length: 8 }, () => []));
  });
});
