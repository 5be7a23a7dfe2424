import type { RequestFacts } from '../../ingress-classifier/index.ts';
import type { Http1Exchange } from './http1-exchange.ts';

const QUESTION_MARK = 0x3f;

/** What the classifier may ask about a request; a string is made only of what a rule asks for. */
export class Http1Facts implements RequestFacts {
  readonly #exchange: Http1Exchange;

  constructor(exchange: Http1Exchange) {
    this.#exchange = exchange;
  }

  #text(start: number, end: number): string {
    const { input } = this.#exchange.caller.wire;
    return input.bytes.toString('latin1', input.start + start, input.start + end);
  }

  #queryStart(): number {
    const exchange = this.#exchange;
    const { request } = exchange;
    const { input } = exchange.caller.wire;
    for (let at = request.targetStart; at < request.targetEnd; at += 1) {
      if (input.bytes[input.start + at] === QUESTION_MARK) return at;
    }
    return request.targetEnd;
  }

  get method(): string {
    return this.#text(0, this.#exchange.request.methodEnd);
  }

  get path(): string {
    const request = this.#exchange.request;
    return this.#text(request.targetStart + request.authorityBytes, this.#queryStart());
  }

  get query(): string {
    const request = this.#exchange.request;
    const at = this.#queryStart();
    return at === request.targetEnd ? '' : this.#text(at + 1, request.targetEnd);
  }

  get host(): string {
    const request = this.#exchange.request;
    if (request.hostLine < 0) return '';
    return this.#text(request.lines.valueStart(request.hostLine), request.lines.valueEnd(request.hostLine));
  }

  get bodyBytes(): number {
    const framing = this.#exchange.request.framing;
    if (framing.kind === 'none') return 0;
    return framing.kind === 'length' ? framing.contentLength : -1;
  }

  get sourceAddress(): string {
    return this.#exchange.caller.address;
  }

  get urgency(): number {
    return this.#exchange.carried.urgency;
  }

  header(name: string): string | undefined {
    const lines = this.#exchange.request.lines;
    let value: string | undefined;
    for (let index = 0; index < lines.count; index += 1) {
      if (lines.nameEnd(index) - lines.nameStart(index) !== name.length) continue;
      if (this.#text(lines.nameStart(index), lines.nameEnd(index)).toLowerCase() !== name) continue;
      const text = this.#text(lines.valueStart(index), lines.valueEnd(index));
      value = value === undefined ? text : `${value}, ${text}`;
    }
    return value;
  }
}
