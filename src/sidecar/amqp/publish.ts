import type { AmqpContext } from './context.ts';
import { countIn } from './counters.ts';
import type { FrameCursor } from './frame-cursor.ts';
import { MessageCarriers, messageHeaders, PUBLISHED_HEADER } from './message-carriers.ts';
import { ContentHeader, decodeMethod, editedHeaderFrame } from './protocol/index.ts';

/** What the publishing connection has told of itself. */
export interface PublisherFacts {
  /** The class that the client names for all that it publishes; -1 for none. */
  readonly classIndex: number;
  /** The largest frame that the broker takes. */
  readonly frameMaxBytes: number;
}

/** Where a message goes; kept from the method to the header, and only while somebody watches. */
export interface PublishTarget {
  exchange: string;
  routingKey: string;
}

/** Reads where a `basic.publish` goes. @throws AmqpFault `syntax` */
export function readTarget(frame: FrameCursor, into: PublishTarget): void {
  const method = decodeMethod(frame.bytes, frame.payloadStart, frame.payloadEnd);
  if (method.name !== 'basic.publish') return;
  into.exchange = method.args.exchange;
  into.routingKey = method.args.routingKey;
}

/**
 * Gives messages that are published their class: into the property `priority`, which the broker's queue orders by, and with the trace into
 * the message headers, from which the consumer's sidecar hands it on. All else of the message stays as it is.
 */
export class PublishEdit {
  readonly #context: AmqpContext;
  readonly #carriers = new MessageCarriers();
  readonly #priorities: readonly number[];

  constructor(context: AmqpContext) {
    this.#context = context;
    const { classes, broker } = context.policy;
    this.#priorities = classes.map((one) => Math.min(one.broker.priority, broker.maxPriority));
  }

  /**
   * @param frame the content header of a `basic.publish`
   * @returns the frame to send in its place; undefined when it passes as it is
   * @throws AmqpFault `syntax`
   */
  edit(frame: FrameCursor, facts: PublisherFacts, target: PublishTarget): Buffer | undefined {
    const { propagation, resolver, clock, counters, layerOn, tap } = this.#context;
    const { headers, carried } = this.#carriers;
    const header = ContentHeader.read(frame.bytes, frame.payloadStart, frame.payloadEnd);
    this.#carriers.read(header, propagation);
    let { classIndex, reason }: { classIndex: number; reason: string } = resolver.resolve(
      carried,
      clock.nowMs(),
    );
    if (reason === 'default' && facts.classIndex >= 0) {
      classIndex = facts.classIndex;
      reason = 'connection';
    }
    countIn(counters.publishReasons, reason);
    const ofClass = counters.classes[classIndex];
    if (ofClass !== undefined) {
      ofClass.published += 1;
      ofClass.publishedBytes += header.bodySize;
    }
    // A priority that the client chose itself says more than the default class does.
    const own = header.priority;
    const keeps = !layerOn || (own !== undefined && reason === 'default');
    const priority = keeps ? (own ?? -1) : (this.#priorities[classIndex] ?? 0);
    if (tap?.active === true) {
      tap.message({
        action: 'publish',
        classIndex,
        reason,
        exchange: target.exchange,
        routingKey: target.routingKey,
        queue: '',
        priority,
        bodyBytes: header.bodySize,
        queueWaitMs: -1,
        tookMs: -1,
        outcome: 'unsettled',
      });
    }
    if (!layerOn) return undefined;
    if (keeps) counters.prioritiesKept += 1;
    else counters.prioritiesSet += 1;
    const added = messageHeaders(propagation.inject(headers, carried, classIndex));
    added.headers[PUBLISHED_HEADER] = Math.floor(clock.wallMs());
    const edits = keeps ? {} : { priority };
    const edited = editedHeaderFrame(header, frame.channel, {
      ...edits,
      headers: added.headers,
      removeHeaders: added.removed,
    });
    if (edited.length <= facts.frameMaxBytes) return edited;
    counters.additionsLeftOut += 1;
    const least = editedHeaderFrame(header, frame.channel, edits);
    return least.length <= facts.frameMaxBytes ? least : undefined;
  }
}
