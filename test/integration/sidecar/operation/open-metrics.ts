/** A sample of an exposition. */
export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** A metric family of an exposition. */
export interface ParsedFamily {
  readonly name: string;
  readonly type: string;
  readonly unit: string;
  readonly help: string;
  readonly samples: Sample[];
}

const SUFFIXES: Readonly<Record<string, readonly string[]>> = {
  counter: ['_total'],
  gauge: [''],
  unknown: [''],
  info: ['_info'],
  histogram: ['_bucket', '_count', '_sum'],
};
const SAMPLE = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (-?[0-9.e+-]+|\+Inf|-Inf|NaN)$/;
const LABEL = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\"n])*)"(,|$)/gy;

function labelsOf(text: string): Record<string, string> {
  const labels: Record<string, string> = {};
  LABEL.lastIndex = 0;
  while (LABEL.lastIndex < text.length) {
    const found = LABEL.exec(text);
    if (found === null) throw new Error(`labels: ${text}`);
    const [, name = '', value = ''] = found;
    if (name in labels) throw new Error(`the label ${name} stands twice: ${text}`);
    labels[name] = value;
  }
  return labels;
}

function numberOf(text: string): number {
  if (text === '+Inf') return Number.POSITIVE_INFINITY;
  return Number(text);
}

/** Reads an exposition strictly by OpenMetrics 1.0: what of it is not as it must be is an error. */
export function parseOpenMetrics(text: string): ReadonlyMap<string, ParsedFamily> {
  if (!text.endsWith('\n# EOF\n')) throw new Error('it does not end with # EOF');
  const families = new Map<string, ParsedFamily>();
  let current: { name: string; type: string; unit: string; help: string; samples: Sample[] } | undefined;
  const seen = new Set<string>();
  for (const line of text.slice(0, -'# EOF\n'.length).split('\n').slice(0, -1)) {
    const meta = /^# (TYPE|UNIT|HELP) ([a-zA-Z_:][a-zA-Z0-9_:]*) (.+)$/.exec(line);
    if (meta !== null) {
      const [, kind = '', name = '', rest = ''] = meta;
      if (current?.name !== name) {
        if (kind !== 'TYPE') throw new Error(`${kind} before TYPE: ${line}`);
        if (families.has(name)) throw new Error(`the family ${name} stands twice`);
        if (!(rest in SUFFIXES)) throw new Error(`type: ${line}`);
        current = { name, type: rest, unit: '', help: '', samples: [] };
        families.set(name, current);
      } else if (current.samples.length > 0) throw new Error(`metadata behind samples: ${line}`);
      else if (kind === 'UNIT') {
        if (!name.endsWith(`_${rest}`)) throw new Error(`the name does not end with the unit: ${line}`);
        current.unit = rest;
      } else current.help = rest;
      continue;
    }
    const sample = SAMPLE.exec(line);
    if (sample === null || current === undefined) throw new Error(`no sample: ${line}`);
    const [, name = '', labelText = '', value = ''] = sample;
    const family = current;
    if (!SUFFIXES[family.type]?.some((suffix) => name === `${family.name}${suffix}`)) {
      throw new Error(`${name} does not belong to ${family.name} (${family.type})`);
    }
    if (seen.has(`${name}{${labelText}}`)) throw new Error(`the series stands twice: ${line}`);
    seen.add(`${name}{${labelText}}`);
    family.samples.push({ name, labels: labelsOf(labelText), value: numberOf(value) });
  }
  for (const family of families.values()) check(family);
  return families;
}

function check({ name, type, help, samples }: ParsedFamily): void {
  if (help === '') throw new Error(`${name} has no help`);
  if (samples.length === 0) throw new Error(`${name} has no sample`);
  for (const { value } of samples) {
    if (type === 'counter' && !(value >= 0)) throw new Error(`${name}: a counter of ${value}`);
  }
  if (type === 'histogram') checkHistogram(name, samples);
}

function checkHistogram(name: string, samples: readonly Sample[]): void {
  const series = new Map<string, Sample[]>();
  for (const sample of samples) {
    const { le: _le, ...rest } = sample.labels;
    const key = JSON.stringify(rest);
    series.set(key, [...(series.get(key) ?? []), sample]);
  }
  for (const [key, own] of series) {
    const buckets = own.filter((sample) => sample.name === `${name}_bucket`);
    const count = own.find((sample) => sample.name === `${name}_count`)?.value;
    const sum = own.find((sample) => sample.name === `${name}_sum`)?.value;
    const edges = buckets.map(({ labels }) => numberOf(labels['le'] ?? ''));
    if (edges.at(-1) !== Number.POSITIVE_INFINITY) throw new Error(`${name}${key}: no infinite bucket`);
    for (const [index, bucket] of buckets.entries()) {
      if (index === 0) continue;
      if (!((edges[index] ?? 0) > (edges[index - 1] ?? 0))) throw new Error(`${name}${key}: edges`);
      if (bucket.value < (buckets[index - 1]?.value ?? 0)) throw new Error(`${name}${key}: not cumulative`);
    }
    if (buckets.at(-1)?.value !== count || sum === undefined) throw new Error(`${name}${key}: count`);
  }
}
