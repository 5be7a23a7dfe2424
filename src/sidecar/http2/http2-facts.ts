import type { RequestFacts } from '../../ingress-classifier/index.ts';
import type { Http2Exchange } from './http2-exchange.ts';

/** What the classifier may ask about a request; text is made only of what a rule asks for, and once of what repeats. */
export class Http2Facts implements RequestFacts {
  readonly #exchange: Http2Exchange;

  constructor(exchange: Http2Exchange) {
    this.#exchange = exchange;
  }

  #text(index: number): string {
    return index < 0 ? '' : this.#exchange.requestBlock.text(index);
  }

  get method(): string {
    return this.#text(this.#exchange.request.method);
  }

  get path(): string {
    const target = this.#text(this.#exchange.request.path);
    const mark = target.indexOf('?');
    return mark < 0 ? target : target.slice(0, mark);
  }

  get query(): string {
    const target = this.#text(this.#exchange.request.path);
    const mark = target.indexOf('?');
    return mark < 0 ? '' : target.slice(mark + 1);
  }

  get host(): string {
    const { authority, host } = this.#exchange.request;
    return this.#text(authority >= 0 ? authority : host);
  }

  get bodyBytes(): number {
    const { request, requestBody } = this.#exchange;
    if (request.contentLength >= 0) return request.contentLength;
    return requestBody.ended && requestBody.length === 0 ? 0 : -1;
  }

  get sourceAddress(): string {
    return this.#exchange.caller.address;
  }

  get urgency(): number {
    return this.#exchange.carried.urgency;
  }

  header(name: string): string | undefined {
    if (name === 'host') return this.host || undefined;
    const { requestBlock } = this.#exchange;
    let value: string | undefined;
    for (let index = 0; index < requestBlock.count; index += 1) {
      if (requestBlock.name(index) !== name) continue;
      const text = requestBlock.text(index);
      value = value === undefined ? text : `${value}, ${text}`;
    }
    return value;
  }
}
