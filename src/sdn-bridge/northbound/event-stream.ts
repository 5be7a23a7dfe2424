import { strange } from './json.ts';

/** One event of a stream (HTML Living Standard, section 9.2, "Server-sent events"). */
export interface ServerEvent {
  readonly type: string;
  readonly data: string;
}

/** Larger than the topology of any network that one controller serves. */
const EVENT_LIMIT_CHARACTERS = 4 * 1024 * 1024;

/** Cuts the text of an event stream into events. Comments and unknown fields are skipped, as the standard wants. */
export class EventStreamParser {
  #rest = '';
  #type = '';
  #data: string[] = [];
  #characters = 0;
  /** The last chunk ended with a carriage return, which may be half of a line's end. */
  #afterReturn = false;

  /** Takes in text and gives the events that it completes. @throws PriomeshError NORTHBOUND_FAILED for an event that is too large */
  push(text: string): ServerEvent[] {
    if (text === '') return [];
    const input = this.#afterReturn && text.startsWith('\n') ? text.slice(1) : text;
    this.#afterReturn = input.endsWith('\r');
    const lines = (this.#rest + input).split(/\r\n|\n|\r/);
    this.#rest = lines.pop() ?? '';
    const events = lines.flatMap((line) => this.#line(line));
    if (this.#characters + this.#rest.length > EVENT_LIMIT_CHARACTERS) throw strange('an event without end');
    return events;
  }

  #line(line: string): ServerEvent[] {
    if (line === '') {
      const event = { type: this.#type === '' ? 'message' : this.#type, data: this.#data.join('\n') };
      const complete = this.#data.length > 0;
      this.#type = '';
      this.#data = [];
      this.#characters = 0;
      return complete ? [event] : [];
    }
    const colon = line.indexOf(':');
    if (colon === 0) return [];
    const field = colon === -1 ? line : line.slice(0, colon);
    const value = colon === -1 ? '' : line.slice(colon + 1).replace(/^ /, '');
    if (field === 'event') this.#type = value;
    if (field === 'data') {
      this.#data.push(value);
      this.#characters += value.length + 1;
    }
    return [];
  }
}
