/** Who has something to write at the end of this turn of the loop. */
export interface Flushable {
  flush(): void;
}

let waiting: Flushable[] = [];
let running: Flushable[] = [];

function run(): void {
  const now = waiting;
  waiting = running;
  running = now;
  for (const one of now) one.flush();
  now.length = 0;
}

/**
 * Calls `flush` once when all that has arrived in this turn of the loop has been read, so that what many streams have to say leaves in one write.
 * The caller sees to it that it stands there once.
 */
export function flushLater(one: Flushable): void {
  if (waiting.length === 0) setImmediate(run);
  waiting.push(one);
}
