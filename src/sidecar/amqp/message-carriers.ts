import {
  CARRIER,
  CARRIER_HEADER_NAMES,
  Carried,
  CarrierHeaders,
  type HeaderEdits,
  type Propagation,
} from '../../propagation/index.ts';
import type { ContentHeader } from './protocol/index.ts';

/** The headers by which a message carries its class and its trace; names of message headers equal those of HTTP in lower case. */
const READ = CARRIER_HEADER_NAMES.filter((name) => name !== 'priority');

/** What is written into a message's headers, and the bit by which an edit drops it. */
const WRITTEN = (['traceparent', 'tracestate', 'baggage'] as const).map((name) => ({
  name,
  bit: 1 << CARRIER[name],
}));

const END_OF_LINE = '\r\n';
const END_OF_NAME = ': ';

/** When the message was handed to the broker, in milliseconds of the publisher's wall clock: our own measure of how long it waited there. */
export const PUBLISHED_HEADER = 'x-priomesh-published-ms';

/** Reads what one message at a time carries. One object serves all messages. */
export class MessageCarriers {
  readonly headers = new CarrierHeaders();
  readonly carried = new Carried();

  /**
   * Everybody inside the mesh is believed. Where no `x-request-id` stands, the correlation id counts as one: a reply has its request's.
   */
  read(header: ContentHeader, propagation: Propagation): void {
    const { headers, carried } = this;
    headers.clear();
    for (const name of READ) {
      const value = header.header(name);
      if (typeof value === 'string') headers.setText(CARRIER[name], value);
    }
    if (!headers.has(CARRIER['x-request-id'])) {
      headers.setText(CARRIER['x-request-id'], header.correlationId);
    }
    propagation.extract(headers, true, carried);
  }
}

/** Those lines of an edit that belong into a message, as message headers, and the names of those to remove. */
export function messageHeaders(edits: HeaderEdits): {
  readonly headers: Record<string, string | number>;
  readonly removed: readonly string[];
} {
  const text = edits.bytes.toString('latin1', 0, edits.length);
  const headers: Record<string, string | number> = {};
  let at = 0;
  while (at < text.length) {
    const end = text.indexOf(END_OF_LINE, at);
    const nameEnd = text.indexOf(END_OF_NAME, at);
    const name = text.slice(at, nameEnd);
    if (WRITTEN.some((one) => one.name === name))
      headers[name] = text.slice(nameEnd + END_OF_NAME.length, end);
    at = end + END_OF_LINE.length;
  }
  const removed = WRITTEN.filter(({ name, bit }) => (edits.drop & bit) !== 0 && !(name in headers)).map(
    ({ name }) => name,
  );
  return { headers, removed };
}
