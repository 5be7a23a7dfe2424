import { FIXED_LIMITS } from '../limits.ts';
import type { BodyQueue, StreamUser } from './connection/index.ts';
import { grpcStatusIn } from './grpc.ts';
import type { Http2Exchange } from './http2-exchange.ts';
import {
  FieldBlock,
  type HpackEncoder,
  NAME,
  type OutputBuffer,
  ResponseFields,
  readTrailers,
} from './protocol/index.ts';

const NO_CONTENT = 204;
const NOT_MODIFIED = 304;

/** The stream at the endpoint: the request goes out on it, and the response comes. */
export class UpstreamHalf implements StreamUser {
  readonly #exchange: Http2Exchange;
  readonly response = new ResponseFields();
  /** Whether the head of the final response has come. */
  headSeen = false;
  /** Made for the first response that has any. */
  trailers: FieldBlock | undefined;
  #receivedBytes = 0;
  #interims = 0;

  constructor(exchange: Http2Exchange) {
    this.#exchange = exchange;
  }

  begin(): void {
    this.headSeen = false;
    this.#receivedBytes = 0;
    this.#interims = 0;
  }

  get body(): BodyQueue {
    return this.#exchange.requestBody;
  }

  writeHead(encoder: HpackEncoder, out: OutputBuffer): void {
    this.#exchange.writeRequest(encoder, out);
  }

  writeTrailers(encoder: HpackEncoder, out: OutputBuffer): void {
    const { trailers } = this.#exchange.callerHalf;
    if (trailers !== undefined) encoder.block(out, trailers);
  }

  onAllSent(): void {}

  fieldBlock(): FieldBlock {
    if (!this.headSeen) return this.#exchange.responseBlock;
    this.trailers ??= new FieldBlock(FIXED_LIMITS.trailerFields);
    return this.trailers;
  }

  onFields(fault: number, ended: boolean): void {
    const exchange = this.#exchange;
    if (!exchange.active) return;
    exchange.lastProgressMs = exchange.side.wheel.nowMs;
    if (this.headSeen) this.#onTrailers(fault, ended);
    else this.#onHead(fault, ended);
  }

  #onHead(fault: number, ended: boolean): void {
    const exchange = this.#exchange;
    const { response } = this;
    if (response.read(exchange.responseBlock, fault) < 0 || (response.interim && ended)) {
      this.#malformed();
      return;
    }
    if (response.interim) {
      this.#onInterim();
      return;
    }
    this.headSeen = true;
    exchange.respondedMs = exchange.side.clock.nowMs();
    if (exchange.attempts?.takes(exchange, response.status) === false) return;
    exchange.responseStarted = true;
    exchange.requestBody.forget();
    const { contentLength } = response;
    if (ended && contentLength > 0 && !this.#bodyless) {
      exchange.responseStarted = false;
      this.#malformed();
      return;
    }
    exchange.responseBody.ended = ended;
    if (ended && exchange.request.isGrpc) this.#countGrpc(exchange.responseBlock);
    exchange.callerStream?.sendHead();
  }

  /** Whether the response has no body whatever its content-length says (RFC 9110 section 8.6). */
  get #bodyless(): boolean {
    const { status } = this.response;
    return this.#exchange.request.isHead || status === NO_CONTENT || status === NOT_MODIFIED;
  }

  #onInterim(): void {
    const exchange = this.#exchange;
    this.#interims += 1;
    if (this.#interims > FIXED_LIMITS.interimResponses) {
      exchange.side.counters.hit('interimResponses');
      this.#malformed();
      return;
    }
    const { callerStream, responseBlock } = exchange;
    if (callerStream === undefined || callerStream.closed) return;
    exchange.caller.writeInterim(callerStream, (encoder, out) => encoder.block(out, responseBlock));
  }

  #onTrailers(fault: number, ended: boolean): void {
    const { trailers } = this;
    if (!ended || trailers === undefined || readTrailers(trailers, fault) < 0) {
      this.#malformed();
      return;
    }
    if (this.#exchange.request.isGrpc) this.#countGrpc(trailers);
    this.#end(true);
  }

  #countGrpc(block: FieldBlock): void {
    this.#exchange.countGrpc(grpcStatusIn(block, block.indexOf(NAME['grpc-status'])));
  }

  #malformed(): void {
    this.#exchange.answer('UPSTREAM_MALFORMED');
  }

  onData(bytes: Buffer, start: number, end: number): void {
    const exchange = this.#exchange;
    const count = end - start;
    if (!exchange.active) {
      exchange.upstreamStream?.credit(count);
      return;
    }
    this.#receivedBytes += count;
    const { contentLength } = this.response;
    const tooMany = this.#bodyless || (contentLength >= 0 && this.#receivedBytes > contentLength);
    if (!this.headSeen || tooMany) {
      exchange.upstreamStream?.credit(count);
      this.#malformed();
      return;
    }
    exchange.lastProgressMs = exchange.side.wheel.nowMs;
    if (exchange.counters !== undefined) exchange.counters.responseBytes += count;
    exchange.callerStream?.sendPiece(bytes, start, end);
  }

  onEnd(): void {
    if (!this.#exchange.active) return;
    if (this.headSeen) this.#end(false);
    else this.#malformed();
  }

  #end(trailers: boolean): void {
    const exchange = this.#exchange;
    const { contentLength } = this.response;
    if (contentLength >= 0 && !this.#bodyless && this.#receivedBytes !== contentLength) {
      this.#malformed();
      return;
    }
    exchange.responseBody.trailers = trailers;
    exchange.responseBody.ended = true;
    exchange.callerStream?.wake();
  }

  onReset(code: number, unprocessed: boolean): void {
    const exchange = this.#exchange;
    if (!exchange.active) return;
    // A response that is here whole is not lost: the endpoint only wants no more of the request (RFC 9113 section 8.1).
    if (exchange.responseBody.ended && this.headSeen) return;
    exchange.upstreamLost(code, unprocessed);
  }
}
