import type { ClassIndex } from '../../../core/index.ts';

/** What a broker sent to a consumer: held by the sidecar first, in the client's hands then, settled at last. */
export interface Delivery<C, T> {
  /** The broker's delivery tag; a channel counts from 1, so that a number holds it exactly. */
  readonly brokerTag: number;
  readonly classIndex: ClassIndex;
  /** When it was published, in milliseconds of the publisher's wall clock; 0 when unknown. Carried along, never compared with other clocks. */
  readonly publishedMs: number;
  /** What holding it costs. */
  readonly bytes: number;
  readonly consumer: C;
  readonly payload: T;
  /** The tag that the client knows it by; 0 while it is held. */
  clientTag: number;
  /** When it came from the broker, and when the client was given it, on the caller's monotonic clock. */
  arrivedMs: number;
  handedOutMs: number;
  /** What {@link PrefetchGovernor.handedOut} said when it was handed out. */
  mark: number;
}

/** Deliveries of one consumer that wait in the sidecar: by class, the oldest of a class first. */
export class HeldDeliveries<
  D extends Pick<Delivery<unknown, unknown>, 'brokerTag' | 'classIndex' | 'bytes'>,
> {
  readonly #lines: D[][] = [];
  #length = 0;
  #bytes = 0;

  get length(): number {
    return this.#length;
  }

  get bytes(): number {
    return this.#bytes;
  }

  lengthOf(classIndex: ClassIndex): number {
    return this.#lines[classIndex]?.length ?? 0;
  }

  add(delivery: D): void {
    const line = this.#lines[delivery.classIndex];
    if (line === undefined) {
      // Lines up to this class, so that the array has no holes.
      while (this.#lines.length < delivery.classIndex) this.#lines.push([]);
      this.#lines.push([delivery]);
    } else {
      line.push(delivery);
    }
    this.#length += 1;
    this.#bytes += delivery.bytes;
  }

  /** The most important class that has somebody here, or -1. */
  best(): ClassIndex {
    return this.#length === 0 ? -1 : this.#lines.findIndex((line) => line.length > 0);
  }

  head(classIndex: ClassIndex): D | undefined {
    return this.#lines[classIndex]?.[0];
  }

  take(classIndex: ClassIndex): D | undefined {
    const delivery = this.#lines[classIndex]?.shift();
    if (delivery === undefined) return undefined;
    this.#length -= 1;
    this.#bytes -= delivery.bytes;
    return delivery;
  }

  /** The smallest broker tag here; Infinity when empty. Inside a class they ascend. */
  lowestTag(): number {
    let lowest = Infinity;
    for (const line of this.#lines) lowest = Math.min(lowest, line[0]?.brokerTag ?? Infinity);
    return lowest;
  }

  /** Takes all out, in the order of classes. */
  drain(): D[] {
    const all = this.#lines.flat();
    this.#lines.length = 0;
    this.#length = 0;
    this.#bytes = 0;
    return all;
  }
}
