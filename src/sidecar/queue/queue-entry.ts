import type { ClassIndex } from '../../core/index.ts';
import type { WaitingList } from './waiting-list.ts';

/** Who has let an entry in, or keeps it waiting. */
export interface EntryHolder {
  release(entry: QueueEntry, respondedMs?: number): void;
  cancel(entry: QueueEntry): void;
}

/** What the queue holds about a request. Embedded in the request and used again and again: the queue allocates nothing. */
export class QueueEntry {
  classIndex: ClassIndex = 0;
  /** When the request came into the mesh: the order inside a class. */
  arrivedMs = 0;
  /** When it was offered to this queue: starvation and deadline count from here. */
  offeredMs = 0;
  /** After this its caller has no use for an answer; Infinity when it did not say. */
  callerDeadlineMs = Number.POSITIVE_INFINITY;
  /** When it was let through, and how many ran then, itself included. */
  startedMs = 0;
  startedAmong = 0;
  /** The admission that it was offered to, or that has taken over from that. */
  holder: EntryHolder | undefined;
  list: WaitingList | undefined;
  previous: QueueEntry | undefined;
  next: QueueEntry | undefined;

  get waiting(): boolean {
    return this.list !== undefined;
  }
}
