/** The types of OpenMetrics 1.0 that are used here, section 5. */
export type MetricType = 'counter' | 'gauge' | 'histogram' | 'info' | 'unknown';

/** Names and values of labels; a name is written as it is, so it must be one: `[a-zA-Z_][a-zA-Z0-9_]*`. */
export type Labels = Readonly<Record<string, string>>;

/** What of a metric family stands in front of its samples. */
export interface FamilyHead {
  readonly name: string;
  readonly type: MetricType;
  readonly help: string;
  /** The unit, when the name ends with it. */
  readonly unit?: string;
}

/** How an exposition is served. */
export const OPEN_METRICS_TYPE = 'application/openmetrics-text; version=1.0.0; charset=utf-8';

function escaped(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}

function labelText(labels: Labels): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escaped(value)}"`);
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`;
}

function numberText(value: number): string {
  if (value === Number.POSITIVE_INFINITY) return '+Inf';
  return value === Number.NEGATIVE_INFINITY ? '-Inf' : String(value);
}

/** The samples of one family, in the order in which they are added. */
export class Family {
  readonly #head: FamilyHead;
  readonly #lines: string[] = [];

  constructor(head: FamilyHead) {
    this.#head = head;
  }

  /** Adds a sample: of a counter its total, of an info always 1. */
  add(labels: Labels, value: number): void {
    const { name, type } = this.#head;
    const suffix = type === 'counter' ? '_total' : type === 'info' ? '_info' : '';
    this.#line(`${name}${suffix}`, labels, value);
  }

  /**
   * Adds a histogram.
   * @param edges upper edges of the buckets, ascending, without the infinite one
   * @param below how many values are not above each edge
   */
  addHistogram(
    labels: Labels,
    edges: readonly number[],
    below: readonly number[],
    count: number,
    sum: number,
  ): void {
    const { name } = this.#head;
    for (const [index, edge] of edges.entries()) {
      this.#line(`${name}_bucket`, { ...labels, le: edgeText(edge) }, below[index] ?? 0);
    }
    this.#line(`${name}_bucket`, { ...labels, le: '+Inf' }, count);
    this.#line(`${name}_count`, labels, count);
    this.#line(`${name}_sum`, labels, sum);
  }

  #line(name: string, labels: Labels, value: number): void {
    this.#lines.push(`${name}${labelText(labels)} ${numberText(value)}\n`);
  }

  /** Nothing where it has no sample. */
  text(): string {
    if (this.#lines.length === 0) return '';
    const { name, type, help, unit } = this.#head;
    const unitLine = unit === undefined ? '' : `# UNIT ${name} ${unit}\n`;
    return `# TYPE ${name} ${type}\n${unitLine}# HELP ${name} ${escaped(help)}\n${this.#lines.join('')}`;
  }
}

/** Edges are floats, and written as such (section 6.4). */
function edgeText(edge: number): string {
  return Number.isInteger(edge) ? `${edge}.0` : String(edge);
}

/** The metric families of one exposition. */
export class Exposition {
  readonly #families: Family[] = [];

  family(head: FamilyHead): Family {
    const family = new Family(head);
    this.#families.push(family);
    return family;
  }

  text(): string {
    return `${this.#families.map((family) => family.text()).join('')}# EOF\n`;
  }
}
