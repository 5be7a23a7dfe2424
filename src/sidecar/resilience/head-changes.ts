import type { Exchange, HeadChanges } from '../exchange.ts';

/** Adds to what is changed in the head of a request. Of target and authority the later one holds. */
export function changeHead(exchange: Exchange, changes: HeadChanges): void {
  const before = exchange.changes;
  exchange.changes =
    before === undefined
      ? changes
      : {
          ...before,
          ...changes,
          remove: [...before.remove, ...changes.remove],
          add: [...before.add, ...changes.add],
        };
}
