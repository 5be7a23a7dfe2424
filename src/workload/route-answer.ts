import { once } from 'node:events';
import type { Readable } from 'node:stream';
import { type Clock, messageOf } from '../core/index.ts';
import { CallFailure, type CallReply, type Calls } from './calls.ts';
import { filler } from './filler.ts';
import { longerWait } from './queue-timing.ts';
import type { PlannedCall, RouteMatch } from './route-table.ts';

/** What is known of a response when it begins. */
export interface AnswerHead {
  /** Undefined when it is not known yet. */
  readonly bodyBytes: number | undefined;
  /** The longest wait in a queue among the calls that were answered so far. */
  readonly queueWaitMs: number | undefined;
}

/** Where the answer to a request goes. */
export interface AnswerSink {
  start(head: AnswerHead): void;
  /** Resolves when more may be written. Rejects with ABORTED when the signal fires. */
  write(piece: Uint8Array, signal: AbortSignal): Promise<void>;
}

/** With what a request is answered. */
export interface AnswerParts {
  readonly calls: Calls;
  readonly clock: Clock;
  /** The headers that go with every call. */
  readonly headers: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
}

/**
 * Does what a route says: computes, makes the calls and streams the body, relayed bodies in the order of the calls, then the service's own
 * bytes. Rejects with {@link CallFailure} when a call fails, with ABORTED when the signal fires.
 */
export async function answerRoute(match: RouteMatch, sink: AnswerSink, parts: AnswerParts): Promise<void> {
  const { route, calls } = match;
  await compute(route.computeMs, parts.clock, parts.signal);
  const ownBytes = route.responseBytes;
  if (route.parallel) {
    const replies = await Promise.all(calls.map((call) => makeCall(call, parts)));
    const relayed = calls.flatMap((call, position) => (call.relay ? (replies[position] ?? []) : []));
    sink.start({ bodyBytes: total(ownBytes, relayed), queueWaitMs: longest(replies) });
    for (const reply of relayed) await relay(reply, sink, parts.signal);
  } else {
    let started = false;
    let queueWaitMs: number | undefined;
    for (const [position, call] of calls.entries()) {
      const reply = await makeCall(call, parts);
      queueWaitMs = longerWait(queueWaitMs, reply.queueWaitMs);
      if (!call.relay) continue;
      if (!started) {
        started = true;
        const isLast = !calls.slice(position + 1).some((later) => later.relay);
        sink.start({ bodyBytes: isLast ? total(ownBytes, [reply]) : undefined, queueWaitMs });
      }
      await relay(reply, sink, parts.signal);
    }
    if (!started) sink.start({ bodyBytes: ownBytes, queueWaitMs });
  }
  for (const piece of filler(ownBytes)) await sink.write(piece, parts.signal);
}

/** Holds for at least this long; timers may fire up to a millisecond early. */
async function compute(ms: number, clock: Clock, signal: AbortSignal): Promise<void> {
  const untilMs = clock.nowMs() + ms;
  for (let leftMs = ms; leftMs > 0; leftMs = untilMs - clock.nowMs()) {
    await clock.sleep(Math.max(1, Math.round(leftMs)), signal);
  }
}

/** Makes one call; a body that is not relayed is read to its end and dropped. */
async function makeCall(call: PlannedCall, parts: AnswerParts): Promise<CallReply> {
  const reply = await parts.calls.call(call, parts.headers, parts.signal);
  if (!call.relay) await drop(reply.body, call.service);
  return reply;
}

async function drop(body: Readable, service: string): Promise<void> {
  body.resume();
  try {
    await once(body, 'end');
  } catch (error) {
    throw new CallFailure(`${service}: ${messageOf(error)}`);
  }
}

async function relay(reply: CallReply, sink: AnswerSink, signal: AbortSignal): Promise<void> {
  try {
    for await (const piece of reply.body) await sink.write(piece, signal);
  } catch (error) {
    throw new CallFailure(messageOf(error));
  }
}

function total(ownBytes: number, relayed: readonly CallReply[]): number | undefined {
  let bytes = ownBytes;
  for (const reply of relayed) {
    if (reply.bodyBytes === undefined) return undefined;
    bytes += reply.bodyBytes;
  }
  return bytes;
}

function longest(replies: readonly CallReply[]): number | undefined {
  return replies.reduce<number | undefined>(
    (wait, { queueWaitMs }) => longerWait(wait, queueWaitMs),
    undefined,
  );
}
