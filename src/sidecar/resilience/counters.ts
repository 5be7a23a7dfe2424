/** What is counted of the traffic settings, by what, where and for which class. All of it only grows. */
export class TrafficCounters {
  readonly #classNames: readonly string[];
  readonly #counts: Map<string, Record<string, number>>;

  /** @param counts what was counted before; it is gone on with */
  constructor(classNames: readonly string[], counts: Map<string, Record<string, number>>) {
    this.#classNames = classNames;
    this.#counts = counts;
  }

  /** @param what such as `retries`, @param where an upstream, a route, a limit or a fault */
  count(what: string, where: string, classIndex: number): void {
    const key = `${what} ${where}`;
    let byClass = this.#counts.get(key);
    if (byClass === undefined) {
      byClass = {};
      this.#counts.set(key, byClass);
    }
    const name = this.#classNames[classIndex] ?? 'unknown';
    byClass[name] = (byClass[name] ?? 0) + 1;
  }

  /** `what` to `where` to class to number. */
  statistics(): Readonly<Record<string, unknown>> {
    const result: Record<string, Record<string, unknown>> = {};
    for (const [key, byClass] of this.#counts) {
      const at = key.indexOf(' ');
      const what = key.slice(0, at);
      result[what] ??= {};
      const ofWhat = result[what];
      if (ofWhat !== undefined) ofWhat[key.slice(at + 1)] = { ...byClass };
    }
    return result;
  }
}
