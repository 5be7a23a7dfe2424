import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import type { z } from 'zod';
import { experimentKind, parseExperiment } from '../../../src/config/experiment.ts';
import { findingsOf } from '../../../src/config/findings.ts';
import { graphKind, parseApplicationGraph } from '../../../src/config/graph.ts';
import { type JsonSchema, parsePolicy, schemas } from '../../../src/config/index.ts';
import { fits } from '../../../src/config/json-check.ts';
import { policyKind } from '../../../src/config/policy.ts';
import { parseSidecarConfig, sidecarKind } from '../../../src/config/sidecar.ts';
import { repositoryText } from './support.ts';

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

interface Case {
  readonly name: string;
  readonly value: Json;
  readonly schema: () => z.ZodType;
  readonly read: (text: string, file: string) => unknown;
}

function shipped(path: string): Json {
  return parse(repositoryText(path)) as Json;
}

const POLICY_FILE = 'policies/case-study.yaml';
const RESOLVED = JSON.parse(JSON.stringify(parsePolicy(repositoryText(POLICY_FILE), POLICY_FILE))) as Json;

const CASES: readonly Case[] = [
  { name: 'policy', value: shipped(POLICY_FILE), schema: policyKind.schema, read: parsePolicy },
  {
    name: 'experiment',
    value: shipped('experiments/case-study/experiment.yaml'),
    schema: experimentKind.schema,
    read: parseExperiment,
  },
  {
    name: 'graph',
    value: shipped('experiments/case-study/application.yaml'),
    schema: graphKind.schema,
    read: parseApplicationGraph,
  },
  {
    name: 'sidecar',
    value: {
      service: 'reviews',
      policy: RESOLVED,
      layers: ['queue', 'mark'],
      inbound: {
        listen: { host: '::1', port: 15006 },
        application: { host: '127.0.0.1', port: 8080 },
        ingress: true,
      },
      outbound: {
        listen: { host: '127.0.0.1', port: 15001 },
        upstreams: { ratings: { endpoints: [{ host: '10.0.0.3', port: 15006 }] } },
      },
      baselineCongestionControl: '',
      statistics: { file: 'x', intervalMs: 100 },
      limits: { maxRetries: 1 },
    },
    schema: sidecarKind.schema,
    read: parseSidecarConfig,
  },
];

const ajv = new Ajv2020({ strict: true, allErrors: false });
const validators = new Map<string, ValidateFunction>(
  Object.entries(schemas()).map(([name, schema]) => [name, ajv.compile(schema)]),
);

function valid(name: string, value: unknown): boolean {
  const validate = validators.get(name);
  if (validate === undefined) throw new Error(`no schema ${name}`);
  return validate(value);
}

/** Every place in a value, as the path to it; the top is left out. */
function pathsOf(value: Json, path: readonly (string | number)[] = []): (readonly (string | number)[])[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, member]) => {
    const here = [...path, Array.isArray(value) ? Number(key) : key];
    return [here, ...pathsOf(member, here)];
  });
}

const leaf = fc.oneof(
  fc.integer({ min: -2, max: 300 }),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.constantFrom<Json>(
    null,
    true,
    false,
    '',
    0,
    1,
    63,
    64,
    100,
    100.5,
    255,
    256,
    65_535,
    65_536,
    1e13,
    2 ** 53,
  ),
  fc.constantFrom<Json>(
    'EF',
    'af41',
    'batch',
    'interactive',
    'mark',
    'GET',
    'get',
    '/a/{b}',
    '/**',
    '10.0.0.0/8',
  ),
  fc.constantFrom<Json>([], {}, ['batch'], [1], { name: 'x' }, 'priomesh/policy/v1', 'latencyMs.p99'),
  fc.string({ maxLength: 40 }),
);

type Mutation = {
  readonly at: number;
  readonly kind: 'replace' | 'remove' | 'add' | 'rename';
  readonly leaf: Json;
};

const mutation: fc.Arbitrary<Mutation> = fc.record({
  at: fc.nat(),
  kind: fc.constantFrom('replace', 'remove', 'add', 'rename'),
  leaf: leaf as fc.Arbitrary<Json>,
});

function mutate(value: Json, { at, kind, leaf }: Mutation): Json {
  const copy = structuredClone(value);
  const paths = pathsOf(copy);
  const path = paths[at % Math.max(1, paths.length)];
  if (path === undefined) return leaf;
  let parent: Json = copy;
  for (const step of path.slice(0, -1)) parent = Reflect.get(parent as object, step) as Json;
  const key = path.at(-1) ?? '';
  const holder = parent as object;
  if (kind === 'replace') Reflect.set(holder, key, leaf);
  else if (Array.isArray(holder)) {
    if (kind === 'remove') holder.splice(Number(key), 1);
    else holder.push(leaf);
  } else {
    const member: unknown = Reflect.get(holder, key);
    if (kind !== 'add') Reflect.deleteProperty(holder, key);
    if (kind === 'rename') Reflect.set(holder, `${String(key)}x`, member);
    if (kind === 'add') Reflect.set(holder, 'extra', leaf);
  }
  return copy;
}

describe.each(CASES)('the schema of $name', ({ name, value, schema, read }) => {
  it('accepts what is shipped', () => {
    expect(valid(name, value), ajv.errorsText(validators.get(name)?.errors)).toBe(true);
    expect(() => read(JSON.stringify(value), 'x.json')).not.toThrow();
  });

  it('agrees with the loader on changed files', () => {
    let accepted = 0;
    let refused = 0;
    fc.assert(
      fc.property(fc.array(mutation, { minLength: 1, maxLength: 2 }), (mutations) => {
        const other = mutations.reduce<Json>(mutate, value);
        const ours = schema().safeParse(other);
        expect(ours.success).toBe(valid(name, other));
        if (ours.success) accepted += 1;
        else refused += 1;
        try {
          read(JSON.stringify(other), 'x.json');
          expect(ours.success).toBe(true);
        } catch (error) {
          const findings = findingsOf(error);
          expect(findings.length).toBeGreaterThan(0);
          for (const finding of findings) {
            expect(finding.code).toMatch(/^CONFIG_/);
            expect(finding.fix).not.toBe('');
            if (ours.success) expect(finding.code).toMatch(/^CONFIG_(CONFLICT|INVALID)$/);
          }
        }
      }),
      { numRuns: 400 },
    );
    expect(accepted).toBeGreaterThan(10);
    expect(refused).toBeGreaterThan(10);
  });

  it('agrees with the quick checker on what needs no defaults', () => {
    const published = schemas()[name] ?? {};
    fc.assert(
      fc.property(fc.array(mutation, { minLength: 0, maxLength: 2 }), (mutations) => {
        const other = mutations.reduce<Json>(mutate, value);
        const ours = schema().safeParse(other);
        const complete = ours.success && JSON.stringify(sorted(ours.data)) === JSON.stringify(sorted(other));
        expect(fits(published, other)).toBe(complete);
      }),
      { numRuns: 400 },
    );
  });
});

describe('the quick checker', () => {
  const member: JsonSchema = { type: 'integer', minimum: 0, maximum: 2 };
  const mapping: JsonSchema = {
    type: 'object',
    properties: { a: member },
    required: ['a'],
    additionalProperties: false,
  };
  const record: JsonSchema = {
    type: 'object',
    propertyNames: { type: 'string', pattern: '^[a-z]$' },
    additionalProperties: member,
  };
  it.each<[string, JsonSchema, readonly unknown[]]>([
    ['integer', member, [-1, 0, 2, 3, 1.5, '1', null, true]],
    ['number', { type: 'number', exclusiveMinimum: 0, exclusiveMaximum: 1 }, [0, 0.5, 1, '0.5', null]],
    ['text', { type: 'string', minLength: 1, maxLength: 3, pattern: '^a' }, ['', 'a', 'aaa', 'aaaa', 'b', 1]],
    [
      'list',
      { type: 'array', items: member, minItems: 1, maxItems: 2 },
      [[], [1], [1, 2], [1, 2, 0], [3], {}, 1],
    ],
    ['mapping', mapping, [{}, { a: 1 }, { a: 3 }, { a: 1, b: 1 }, [], null, 'a']],
    ['record', record, [{}, { a: 1 }, { a: 3 }, { A: 1 }, { a: 1, b: 2 }, [], null]],
    ['constant', { const: 'x' }, ['x', 'y', null]],
    ['choice', { type: 'string', enum: ['x', 'y'] }, ['x', 'z', 1]],
    ['truth', { type: 'boolean' }, [true, false, 0, 'true', null]],
    ['alternative', { anyOf: [{ type: 'string', enum: ['x'] }, member] }, ['x', 1, 'y', 3]],
  ])('judges a %s as JSON Schema does', (_, schema, values) => {
    const validate = ajv.compile(schema);
    const verdicts = values.map((value) => fits(schema, value));
    expect(verdicts).toEqual(values.map((value) => validate(value)));
    expect(new Set(verdicts).size).toBe(2);
  });

  it('refuses what it does not know, and a key that could be taken for a prototype', () => {
    expect(fits({}, 1)).toBe(false);
    const record: JsonSchema = { type: 'object', additionalProperties: { type: 'object' } };
    expect(fits(record, JSON.parse('{"proto":{}}'))).toBe(true);
    expect(fits(record, JSON.parse('{"__proto__":{}}'))).toBe(false);
  });
});

/** A copy whose keys stand in alphabetical order. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, member]) => [key, sorted(member)]),
  );
}

it('every key of every schema is described', () => {
  const undescribed: string[] = [];
  const visit = (at: unknown, path: string) => {
    if (typeof at !== 'object' || at === null) return;
    for (const [key, member] of Object.entries(Reflect.get(at, 'properties') ?? {})) {
      if (typeof Reflect.get(Object(member), 'description') !== 'string') undescribed.push(`${path}.${key}`);
      visit(member, `${path}.${key}`);
    }
    visit(Reflect.get(at, 'items'), `${path}[]`);
    visit(Reflect.get(at, 'additionalProperties'), `${path}.*`);
  };
  for (const [name, schema] of Object.entries(schemas())) visit(schema, name);
  expect(undescribed).toEqual([]);
});
