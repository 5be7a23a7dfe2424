import type { Readable } from 'node:stream';
import type { PlannedCall } from './route-table.ts';

/** A call of another service that did not succeed. The message names the service and why. */
export class CallFailure extends Error {
  override readonly name = 'CallFailure';
}

/** The callee's response, its body unread, and what is known of it. */
export interface CallReply {
  readonly body: Readable;
  /** Undefined when the callee does not say. */
  readonly bodyBytes: number | undefined;
  /** How long the call had waited in a queue before somebody served it; undefined when it passed none. */
  readonly queueWaitMs: number | undefined;
}

/** Calls other services. */
export interface Calls {
  /** Resolves with the head of a successful response; rejects with {@link CallFailure} otherwise. */
  call(
    planned: PlannedCall,
    headers: Readonly<Record<string, string>>,
    signal: AbortSignal,
  ): Promise<CallReply>;
}
