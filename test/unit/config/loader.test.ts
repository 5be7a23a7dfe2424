import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { findingsOf, loadPolicy, parsePolicy } from '../../../src/config/index.ts';
import { PriomeshError } from '../../../src/core/index.ts';
import { edited, findingsIn, listed, POLICY } from './support.ts';

const faults = (text: string) => listed(findingsIn(() => parsePolicy(text, 'p.yaml')));

describe('syntax', () => {
  it('names the place of a syntax error', () => {
    const findings = findingsIn(() => parsePolicy('schema: [1, 2\nname: x\n', 'p.yaml'));
    expect(findings[0]).toMatchObject({ code: 'CONFIG_SYNTAX', place: { file: 'p.yaml' } });
    expect(findings[0]?.place.line).toBeGreaterThanOrEqual(2);
  });

  it('refuses a key that stands twice, at its second place', () => {
    expect(faults(edited(POLICY, 'name: small\n', 'name: small\nname: other\n'))).toEqual([
      '3:1 SYNTAX this key stands twice in the same mapping',
    ]);
  });

  it('refuses a second document, unknown tags, keys that are no text, and __proto__', () => {
    expect(faults(`${POLICY}---\nschema: x\n`)[0]).toContain('more than one document');
    expect(faults(edited(POLICY, 'name: small', 'name: !shell small'))[0]).toMatch(/2:7 SYNTAX .*tag/);
    expect(faults(edited(POLICY, 'name: small', 'name: small\n? [a, b]\n: 1'))[0]).toBe(
      '3:3 SYNTAX a key must be plain text',
    );
    expect(faults(edited(POLICY, 'name: small', 'name: small\n__proto__: { a: 1 }'))[0]).toBe(
      '3:1 SYNTAX no key may be called __proto__',
    );
    expect(faults(edited(POLICY, 'method: [GET]', 'headers: { __proto__: x }'))[0]).toContain('__proto__');
  });

  it('refuses aliases that expand without end', () => {
    const lines = ['a0: &a0 [x, x, x, x, x, x, x, x, x, x]'];
    for (let level = 1; level < 10; level += 1) {
      const list = Array.from({ length: 10 }, () => `*a${level - 1}`).join(', ');
      lines.push(`a${level}: &a${level} [${list}]`);
    }
    expect(faults(lines.join('\n'))[0]).toContain('aliases cannot be expanded');
  });

  it('refuses an alias that contains itself', () => {
    expect(() => parsePolicy('a: &a [*a]\n', 'p.yaml')).toThrow(PriomeshError);
  });

  it('allows an alias and reports a fault inside it where it is used', () => {
    const shared = edited(POLICY, 'kernel: { sharePercent: 60 }', 'kernel: &k { sharePercent: 50 }');
    const sound = edited(shared, 'kernel: { sharePercent: 40 }', 'kernel: *k');
    expect(parsePolicy(sound, 'p.yaml').classes.map(({ kernel }) => kernel.sharePercent)).toEqual([50, 50]);
    expect(faults(edited(sound, 'sharePercent: 50', 'sharePercent: 500'))).toEqual([
      expect.stringMatching(/^7:32 INVALID classes.high.kernel.sharePercent is 500/),
      expect.stringMatching(/^7:32 INVALID classes.low.kernel.sharePercent is 500/),
    ]);
  });

  it.each([70, 100_000])('refuses %i levels of nesting', (levels) => {
    expect(faults('['.repeat(levels) + ']'.repeat(levels))[0]).toMatch(/nested/);
  });

  it('refuses a text beyond the size limit', () => {
    expect(faults(`${POLICY}# ${'x'.repeat(1024 * 1024)}`)[0]).toContain('TOO_LARGE');
  });

  it('explains an empty file', () => {
    expect(faults('')).toEqual([
      expect.stringContaining('1:1 INVALID the file is empty; it must be a mapping'),
    ]);
  });

  it('reads JSON', () => {
    const policy = parsePolicy(POLICY, 'p.yaml');
    const { ingress, classes, queue } = policy;
    const json = JSON.stringify({
      schema: policy.schema,
      name: policy.name,
      classes: Object.fromEntries(
        classes.map(({ name, mark, ...rest }) => [name, { ...rest, mark: { dscp: mark.dscp } }]),
      ),
      queue,
      ingress: { ...ingress, rules: ingress.rules.map(({ place: _, ...rule }) => rule) },
    });
    expect(parsePolicy(json, 'p.json').classes.map(({ name }) => name)).toEqual(['high', 'low']);
  });
});

describe('findings', () => {
  it('names an unknown key at the key and suggests the nearest known one', () => {
    const text = edited(POLICY, '    kernel: { sharePercent: 40 }', '    kernal: { sharePercent: 40 }');
    const findings = findingsIn(() => parsePolicy(text, 'p.yaml'));
    expect(listed(findings)).toEqual(['11:5 UNKNOWN_KEY classes.low has no key "kernal"']);
    expect(findings[0]?.fix).toBe('Did you mean kernel?');
  });

  it('lists the known keys where none is near', () => {
    const findings = findingsIn(() =>
      parsePolicy(edited(POLICY, 'dscp: EF', 'dscp: EF, colour: 1'), 'p.yaml'),
    );
    expect(listed(findings)).toEqual(['6:23 UNKNOWN_KEY classes.high.mark has no key "colour"']);
    expect(findings[0]?.fix).toBe('Known here: dscp.');
  });

  it('names a wrong value at the value, with what is allowed', () => {
    const findings = findingsIn(() => parsePolicy(edited(POLICY, 'rank: 3', 'rank: third'), 'p.yaml'));
    expect(listed(findings)).toEqual([
      '9:11 INVALID classes.low.rank is "third"; it must be a whole number from 0 to 255',
    ]);
    expect(findings[0]?.fix).toContain('0 is the most important');
  });

  it('names a missing key at its parent, with what to add', () => {
    const findings = findingsIn(() => parsePolicy(edited(POLICY, '    rank: 3\n', ''), 'p.yaml'));
    expect(listed(findings)).toEqual(['8:3 INVALID classes.low lacks the key rank']);
    expect(findings[0]?.fix).toContain('Add rank: a whole number from 0 to 255');
  });

  it('reads numbers that YAML takes for text', () => {
    const fixOf = (rank: string) =>
      findingsIn(() => parsePolicy(edited(POLICY, 'rank: 3', `rank: ${rank}`), 'p.yaml'))[0]?.fix;
    expect(fixOf('2_0')).toMatch(/^Write 20, without/);
    expect(fixOf('"7"')).toMatch(/^Write 7, without/);
  });

  it('says what to write: a list for a single value, an example for a form', () => {
    const single = findingsIn(() => parsePolicy(edited(POLICY, 'method: [GET]', 'method: GET'), 'p.yaml'));
    expect(single[0]?.fix).toMatch(/^Write a list: \[GET\]\./);
    const form = findingsIn(() => parsePolicy(edited(POLICY, '"/**"', 'export/**'), 'p.yaml'));
    expect(form[0]?.fix).toMatch(/^Write text such as \/export\/\*\*\./);
  });

  it('collects everything, in the order of the file, in one error', () => {
    let text = edited(POLICY, 'rank: 3', 'rank: -1');
    text = edited(text, 'defaultClass: low', 'default_class: low');
    text = edited(text, 'class: high', 'class: "no name"');
    const findings = findingsIn(() => parsePolicy(text, 'p.yaml'));
    expect(findings.map(({ place }) => place.line)).toEqual([9, 13, 16]);
    try {
      parsePolicy(text, 'p.yaml');
    } catch (error) {
      expect(error).toBeInstanceOf(PriomeshError);
      const printed = error instanceof PriomeshError ? error.format() : '';
      expect(printed).toContain('3 faults');
      for (const { place } of findings) expect(printed).toContain(`p.yaml:${place.line}:${place.column}`);
    }
  });

  it('goes on with the other checks where unknown keys are all that is wrong', () => {
    let text = edited(POLICY, 'rank: 3', 'rank: 0');
    text = edited(text, 'name: small', 'name: small\nowner: me');
    expect(faults(text)).toEqual([
      '3:1 UNKNOWN_KEY the file has no key "owner"',
      expect.stringMatching(/^10:11 CONFLICT low and high both have rank 0 \(p\.yaml:6:11\)/),
    ]);
  });
});

describe('files', () => {
  it('says when a file cannot be read, is too large or is not UTF-8', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'priomesh-config-'));
    try {
      const code = (file: string) =>
        loadPolicy(file).then(
          () => 'accepted',
          (error: unknown) => (error instanceof PriomeshError ? error.code : error),
        );
      expect(await code(join(folder, 'missing.yaml'))).toBe('CONFIG_NOT_FOUND');
      expect(await code(folder)).toBe('CONFIG_NOT_FOUND');
      await writeFile(join(folder, 'latin.yaml'), Buffer.from([0x61, 0x3a, 0x20, 0xff]));
      expect(await code(join(folder, 'latin.yaml'))).toBe('CONFIG_SYNTAX');
      await writeFile(join(folder, 'large.yaml'), Buffer.alloc(1024 * 1024 + 1, 0x20));
      expect(await code(join(folder, 'large.yaml'))).toBe('CONFIG_TOO_LARGE');
      expect(await code('/dev/zero')).toBe('CONFIG_TOO_LARGE');
      await writeFile(join(folder, 'good.yaml'), `\ufeff${POLICY}`);
      expect(await code(join(folder, 'good.yaml'))).toBe('accepted');
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('finds nothing in an error of another kind', () => {
    expect(findingsOf(new Error('x'))).toEqual([]);
  });
});
