import type { RequestFacts } from '../../ingress-classifier/index.ts';
import type { Exchange } from '../exchange.ts';

const QUESTION_MARK = 0x3f;

/** What the classifier may ask about a request; a string is made only of what a rule asks for. */
export class ExchangeFacts implements RequestFacts {
  #exchange: Exchange | undefined;

  /** Turns to another request. */
  of(exchange: Exchange): this {
    this.#exchange = exchange;
    return this;
  }

  #text(start: number, end: number): string {
    const input = this.#exchange?.caller.wire.input;
    return input === undefined ? '' : input.bytes.toString('latin1', input.start + start, input.start + end);
  }

  #queryStart(): number {
    const exchange = this.#exchange;
    if (exchange === undefined) return 0;
    const { request } = exchange;
    const { input } = exchange.caller.wire;
    for (let at = request.targetStart; at < request.targetEnd; at += 1) {
      if (input.bytes[input.start + at] === QUESTION_MARK) return at;
    }
    return request.targetEnd;
  }

  get method(): string {
    return this.#text(0, this.#exchange?.request.methodEnd ?? 0);
  }

  get path(): string {
    const request = this.#exchange?.request;
    if (request === undefined) return '';
    return this.#text(request.targetStart + request.authorityBytes, this.#queryStart());
  }

  get query(): string {
    const request = this.#exchange?.request;
    if (request === undefined) return '';
    const at = this.#queryStart();
    return at === request.targetEnd ? '' : this.#text(at + 1, request.targetEnd);
  }

  get host(): string {
    const request = this.#exchange?.request;
    if (request === undefined || request.hostLine < 0) return '';
    return this.#text(request.lines.valueStart(request.hostLine), request.lines.valueEnd(request.hostLine));
  }

  get bodyBytes(): number {
    const framing = this.#exchange?.request.framing;
    if (framing === undefined || framing.kind === 'none') return 0;
    return framing.kind === 'length' ? framing.contentLength : -1;
  }

  get sourceAddress(): string {
    return this.#exchange?.caller.address ?? '';
  }

  get urgency(): number {
    return this.#exchange?.carried.urgency ?? -1;
  }

  header(name: string): string | undefined {
    const lines = this.#exchange?.request.lines;
    if (lines === undefined) return undefined;
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
