import { type Clock, type Logger, silentLogger, systemClock } from '../core/index.ts';
import { RefusalLog } from './refusals.ts';
import { Scavenger } from './scavenger.ts';

/** What the sockets of one process share: the count of refused options, and the scavenger with its timer. */
export interface Transport {
  readonly refusals: RefusalLog;
  readonly scavenger: Scavenger;
  /** Stops the timer and takes the pacing caps away. */
  close(): void;
}

/** Makes what the sockets of one process share. Costs nothing until a socket is given a profile. */
export function openTransport(options: { readonly clock?: Clock; readonly logger?: Logger } = {}): Transport {
  const refusals = new RefusalLog(options.logger ?? silentLogger);
  const scavenger = new Scavenger({ clock: options.clock ?? systemClock, refusals });
  return { refusals, scavenger, close: () => scavenger.close() };
}
