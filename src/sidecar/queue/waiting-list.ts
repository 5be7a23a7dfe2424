import type { QueueEntry } from './queue-entry.ts';

/**
 * Entries in the order of their arrival at the mesh, the oldest first. Arrivals come nearly in order, so that insertion from the back is short;
 * removal from anywhere is one step.
 */
export class WaitingList {
  head: QueueEntry | undefined;
  tail: QueueEntry | undefined;
  length = 0;

  /** Puts an entry behind all that arrived before it or at the same time. */
  insert(entry: QueueEntry): void {
    let before = this.tail;
    while (before !== undefined && before.arrivedMs > entry.arrivedMs) before = before.previous;
    const after = before === undefined ? this.head : before.next;
    entry.previous = before;
    entry.next = after;
    if (before === undefined) this.head = entry;
    else before.next = entry;
    if (after === undefined) this.tail = entry;
    else after.previous = entry;
    entry.list = this;
    this.length += 1;
  }

  remove(entry: QueueEntry): void {
    const { previous, next } = entry;
    if (previous === undefined) this.head = next;
    else previous.next = next;
    if (next === undefined) this.tail = previous;
    else next.previous = previous;
    entry.previous = undefined;
    entry.next = undefined;
    entry.list = undefined;
    this.length -= 1;
  }
}
