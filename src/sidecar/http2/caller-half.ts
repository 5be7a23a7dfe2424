import { BodyPace } from '../body-pace.ts';
import { FIXED_LIMITS } from '../limits.ts';
import type { BodyQueue, StreamUser } from './connection/index.ts';
import type { Http2Exchange } from './http2-exchange.ts';
import { writeOwnAnswer } from './own-answer.ts';
import {
  FieldBlock,
  type HpackEncoder,
  MALFORMED,
  malformedKind,
  type OutputBuffer,
  readTrailers,
} from './protocol/index.ts';

/** The caller's stream: the request comes on it, and the response goes out. */
export class CallerHalf implements StreamUser {
  readonly #exchange: Http2Exchange;
  /** Made for the first request that has any. */
  trailers: FieldBlock | undefined;
  /** Of the request's body. */
  readonly pace = new BodyPace();
  #receivedBytes = 0;

  constructor(exchange: Http2Exchange) {
    this.#exchange = exchange;
  }

  begin(nowMs: number): void {
    this.#receivedBytes = 0;
    this.pace.begin(nowMs);
  }

  get body(): BodyQueue {
    return this.#exchange.responseBody;
  }

  writeHead(encoder: HpackEncoder, out: OutputBuffer): void {
    const { own, responseBlock } = this.#exchange;
    if (own !== undefined) writeOwnAnswer(own, encoder, out);
    else encoder.block(out, responseBlock);
  }

  writeTrailers(encoder: HpackEncoder, out: OutputBuffer): void {
    const { trailers } = this.#exchange.upstreamHalf;
    if (trailers !== undefined) encoder.block(out, trailers);
  }

  onAllSent(): void {
    this.#exchange.completed();
  }

  fieldBlock(): FieldBlock {
    this.trailers ??= new FieldBlock(FIXED_LIMITS.trailerFields);
    return this.trailers;
  }

  onFields(fault: number, ended: boolean): void {
    const exchange = this.#exchange;
    if (!exchange.active) return;
    const verdict =
      ended && this.trailers !== undefined ? readTrailers(this.trailers, fault) : MALFORMED.trailer;
    if (verdict < 0) exchange.refuse(malformedKind(verdict));
    else this.#end(true);
  }

  onData(bytes: Buffer, start: number, end: number): void {
    const exchange = this.#exchange;
    const count = end - start;
    if (!exchange.active) {
      exchange.callerStream?.credit(count);
      return;
    }
    exchange.lastProgressMs = exchange.side.wheel.nowMs;
    this.#receivedBytes += count;
    this.pace.received(count);
    const { contentLength } = exchange.request;
    if (contentLength >= 0 && this.#receivedBytes > contentLength) {
      exchange.callerStream?.credit(count);
      exchange.refuse('content-length-mismatch');
      return;
    }
    if (exchange.counters !== undefined) exchange.counters.requestBytes += count;
    if (exchange.upstreamStream === undefined) exchange.requestBody.append(bytes, start, end);
    else exchange.upstreamStream.sendPiece(bytes, start, end);
  }

  onEnd(): void {
    if (this.#exchange.active) this.#end(false);
  }

  #end(trailers: boolean): void {
    const exchange = this.#exchange;
    const { contentLength } = exchange.request;
    if (contentLength >= 0 && this.#receivedBytes !== contentLength) {
      exchange.refuse('content-length-mismatch');
      return;
    }
    exchange.requestBody.trailers = trailers;
    exchange.requestBody.ended = true;
    exchange.upstreamStream?.wake();
  }

  onReset(): void {
    this.#exchange.callerGone();
  }
}
