import {
  BodyReader,
  FIELD,
  keepAliveTimeoutSeconds,
  openGap,
  type ResponseHead,
  removeLines,
} from '../http1/index.ts';
import type { InputBuffer } from '../io/index.ts';
import { FIXED_LIMITS } from '../limits.ts';
import type { UpstreamConnection } from '../pools/index.ts';
import type { Http1Exchange } from './http1-exchange.ts';

const CONNECTION_CLOSE = Buffer.from('connection: close\r\n');
const DIGIT_ONE = 0x31;
/** Where the minor version stands in `HTTP/1.x`. */
const MINOR_VERSION_AT = 7;

/** The way of a response from the upstream's input to the caller: strict reading, hop-by-hop fields out, body as it comes. */
export class ResponseRelay {
  readonly head: ResponseHead;
  readonly #exchange: Http1Exchange;
  readonly #body = new BodyReader(FIXED_LIMITS);
  /** Whether the caller has been sent a byte of the final response. */
  started = false;
  /** Whether the upstream has sent anything at all. */
  anyBytes = false;
  #interims = 0;
  #keepAlive = true;
  /** Where the data of a chunked body is collected for a caller that does not know chunks. */
  #unchunk = false;
  #dataEnd = 0;

  constructor(exchange: Http1Exchange, head: ResponseHead) {
    this.#exchange = exchange;
    this.head = head;
  }

  reset(): void {
    this.head.reset();
    this.started = false;
    this.anyBytes = false;
    this.#interims = 0;
    this.#keepAlive = true;
    this.#unchunk = false;
  }

  /** The value of a field of the head that has just been read from `input`, where it still stands. */
  field(name: string, input: InputBuffer): string | undefined {
    const { lines } = this.head;
    for (let index = 0; index < lines.count; index += 1) {
      if (lines.nameEnd(index) - lines.nameStart(index) !== name.length) continue;
      const at = input.start + lines.nameStart(index);
      if (input.bytes.toString('latin1', at, at + name.length).toLowerCase() !== name) continue;
      return input.bytes.toString(
        'latin1',
        input.start + lines.valueStart(index),
        input.start + lines.valueEnd(index),
      );
    }
    return undefined;
  }

  onBytes(): void {
    const { connection } = this.#exchange;
    if (connection === undefined) return;
    this.anyBytes = true;
    if (this.started) {
      this.#exchange.responseContinued = true;
      this.#relayBody(connection, connection.wire.input.start, connection.wire.input.start);
      return;
    }
    while (this.#readHead(connection));
  }

  /** The upstream ended its stream. @returns whether that is the end of the response */
  onEnd(): boolean {
    if (!this.started || !this.#body.close()) return false;
    this.#exchange.connectionReusable = false;
    this.#exchange.completed(this.#keepAlive);
    return true;
  }

  /** @returns whether another head may follow at once, behind an interim response */
  #readHead(connection: UpstreamConnection): boolean {
    const exchange = this.#exchange;
    const { input } = connection.wire;
    if (input.length === 0) return false;
    const headEnd = this.head.parse(input.bytes, input.start, input.end, exchange.request.isHead);
    if (headEnd === 0) {
      if (input.length > exchange.side.limits.maxHeadBytes) this.#malformed();
      return false;
    }
    if (headEnd < 0 || this.head.length > exchange.side.limits.maxHeadBytes) {
      this.#malformed();
      return false;
    }
    if (this.head.interim) return this.#relayInterim(connection, headEnd);
    this.#relayFinal(connection, headEnd);
    return false;
  }

  #malformed(): void {
    const exchange = this.#exchange;
    exchange.connectionReusable = false;
    exchange.answer('UPSTREAM_MALFORMED');
  }

  #relayInterim(connection: UpstreamConnection, headEnd: number): boolean {
    const exchange = this.#exchange;
    const { input } = connection.wire;
    this.#interims += 1;
    if (this.#interims > FIXED_LIMITS.interimResponses) exchange.side.counters.hit('interimResponses');
    // We never ask for an upgrade, so 101 answers nothing that was asked.
    if (this.head.status === 101 || this.#interims > FIXED_LIMITS.interimResponses) {
      this.#malformed();
      return false;
    }
    if (exchange.request.minorVersion === 1) {
      const { removed, removedCount } = this.head.connection;
      const start = removeLines(input.bytes, input.start, this.head.lines, removed, removedCount);
      exchange.caller.wire.relay(connection.wire, start, headEnd);
    }
    input.consumeTo(headEnd);
    return true;
  }

  #relayFinal(connection: UpstreamConnection, headEnd: number): void {
    const exchange = this.#exchange;
    const { head } = this;
    const { request } = exchange;
    exchange.respondedMs = exchange.side.clock.nowMs();
    if (exchange.attempts?.takes(exchange, head.status) === false) return;
    const headLength = headEnd - connection.wire.input.start;
    exchange.unhold();
    this.started = true;
    this.#body.begin(head.framing);
    const untilClose = head.framing.kind === 'until-close';
    this.#unchunk = head.framing.kind === 'chunked' && request.minorVersion === 0;
    this.#keepAlive =
      request.keepAlive && exchange.requestBody.done && !untilClose && !exchange.caller.draining;
    exchange.connectionReusable =
      head.minorVersion === 1 && !head.connection.close && !untilClose && exchange.requestBody.done;
    this.#noteKeepAlive(connection);
    if (this.#unchunk) head.connection.removeLine(head.lines.indexOf(FIELD['transfer-encoding']));

    const { input } = connection.wire;
    const gap = this.#keepAlive ? 0 : CONNECTION_CLOSE.length;
    if (gap > 0) input.reserveInFront(gap);
    const bodyStart = input.start + headLength;
    input.bytes[input.start + MINOR_VERSION_AT] = DIGIT_ONE;
    let start = removeLines(
      input.bytes,
      input.start,
      head.lines,
      head.connection.removed,
      head.connection.removedCount,
    );
    if (gap > 0) {
      start = openGap(input.bytes, start, head.statusLineEnd, gap);
      CONNECTION_CLOSE.copy(input.bytes, start + head.statusLineEnd);
    }
    this.#relayBody(connection, start, bodyStart);
  }

  #noteKeepAlive(connection: UpstreamConnection): void {
    const { lines } = this.head;
    const line = lines.indexOf(FIELD['keep-alive']);
    if (line < 0) return;
    const { input } = connection.wire;
    const seconds = keepAliveTimeoutSeconds(
      input.bytes,
      input.start + lines.valueStart(line),
      input.start + lines.valueEnd(line),
    );
    if (seconds >= 0) connection.keepAliveMs = seconds * 1000;
  }

  /** Sends `start..bodyStart` (the head, or nothing) and what is here of the body, in one write. */
  #relayBody(connection: UpstreamConnection, start: number, bodyStart: number): void {
    const exchange = this.#exchange;
    const { wire } = connection;
    const { input } = wire;
    const end = this.#unchunk
      ? this.#consumeUnchunked(input.bytes, bodyStart, input.end)
      : this.#body.consume(input.bytes, bodyStart, input.end);
    if (end < 0) {
      exchange.connectionReusable = false;
      exchange.answer('UPSTREAM_MALFORMED');
      return;
    }
    const sentEnd = this.#unchunk ? this.#dataEnd : end;
    if (exchange.counters !== undefined) exchange.counters.responseBytes += sentEnd - start;
    wire.streaming = true;
    if (sentEnd > start) exchange.caller.wire.relay(wire, start, sentEnd);
    const surplus = end < input.end;
    input.consumeTo(end);
    if (!this.#body.done) return;
    if (surplus) {
      input.consumeTo(input.end);
      exchange.connectionReusable = false;
    }
    exchange.completed(this.#keepAlive);
  }

  /** Moves the data of chunks together, in place, for a caller of HTTP/1.0. */
  #consumeUnchunked(bytes: Buffer, start: number, end: number): number {
    this.#dataEnd = start;
    return this.#body.consume(bytes, start, end, (from, to) => {
      bytes.copyWithin(this.#dataEnd, from, to);
      this.#dataEnd += to - from;
    });
  }
}
