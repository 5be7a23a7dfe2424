import type { ClassIndex } from '../../core/index.ts';
import type { WaitingList } from './waiting-list.ts';

/** What the queue holds about a request. Embedded in the request and used again and again: the queue allocates nothing. */
export class QueueEntry {
  classIndex: ClassIndex = 0;
  /** When the request came into the mesh: the order inside a class. */
  arrivedMs = 0;
  /** When it was offered to this queue: starvation and deadline count from here. */
  offeredMs = 0;
  list: WaitingList | undefined;
  previous: QueueEntry | undefined;
  next: QueueEntry | undefined;

  get waiting(): boolean {
    return this.list !== undefined;
  }
}
