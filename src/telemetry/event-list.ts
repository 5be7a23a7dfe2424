import type { LiveEvent } from './frame.ts';

/** How many events are remembered. */
const MAX_EVENTS = 200;
/** Within which time the same move towards several hosts is one event, and how many hosts are named. */
const SAME_MOVE_MS = 250;
const NAMED_HOSTS = 2;

/** Something that happened; a move may be one towards several hosts, which end its text. */
export type HappenedEvent = LiveEvent & { readonly peer?: string };

interface Kept {
  readonly event: HappenedEvent;
  /** The hosts of a move that are named, and how many there are. */
  readonly named: string[];
  hosts: number;
}

function textOf({ event, named, hosts }: Kept): string {
  if (hosts === 0) return event.text;
  const towards = hosts > named.length ? `${hosts} addresses` : named.join(', ');
  return `${event.text}, towards ${towards}`;
}

/** The last events, in order of their times. */
export class EventList {
  readonly #kept: Kept[] = [];

  /** Files are read one after another, so what comes is put in its place; it is nearly in order already. */
  add(event: HappenedEvent): void {
    const { peer = '' } = event;
    let at = this.#kept.length;
    while (at > 0 && (this.#kept[at - 1]?.event.wallMs ?? 0) > event.wallMs) at -= 1;
    const same = peer === '' ? undefined : this.#sameMove(event, at);
    if (same !== undefined) {
      same.hosts += 1;
      if (same.named.length < NAMED_HOSTS) same.named.push(peer);
      return;
    }
    this.#kept.splice(at, 0, { event, named: peer === '' ? [] : [peer], hosts: peer === '' ? 0 : 1 });
    if (this.#kept.length > MAX_EVENTS) this.#kept.shift();
  }

  /** The newest first. */
  newest(): LiveEvent[] {
    return this.#kept.toReversed().map((kept) => {
      const { peer: _, ...event } = kept.event;
      return { ...event, text: textOf(kept) };
    });
  }

  /** A move of the same class by the same owner, shortly before or after this one. */
  #sameMove(event: HappenedEvent, before: number): Kept | undefined {
    const near = (kept: Kept | undefined): boolean =>
      kept !== undefined && Math.abs(kept.event.wallMs - event.wallMs) <= SAME_MOVE_MS;
    const alike = (kept: Kept | undefined): boolean =>
      kept !== undefined &&
      kept.hosts > 0 &&
      (['where', 'class', 'text'] as const).every((member) => kept.event[member] === event[member]);
    for (let at = before; near(this.#kept[at]); at += 1) if (alike(this.#kept[at])) return this.#kept[at];
    for (let at = before - 1; near(this.#kept[at]); at -= 1) if (alike(this.#kept[at])) return this.#kept[at];
    return undefined;
  }
}
