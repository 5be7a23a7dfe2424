import { indexOfBytes } from '../bytes.ts';
import { CARRIER } from '../carriers.ts';
import type { Codec, CodecContext } from '../codec.ts';
import { headerBit } from '../edits.ts';
import {
  BAGGAGE_KEY,
  BAGGAGE_MAX_OTHER_BYTES,
  BAGGAGE_MAX_OTHER_MEMBERS,
  BAGGAGE_MAX_READ_CHARACTERS,
  NO_CLASS,
  UNKNOWN_CLASS,
} from '../limits.ts';
import { type Carried, FLAWS } from '../types.ts';

/** Whether a text can be sent on as a header value: no control characters, nothing that Latin-1 cannot hold. */
function isSendable(text: string): boolean {
  if (text.length > BAGGAGE_MAX_READ_CHARACTERS) return false;
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if ((code < 0x20 && code !== 0x09) || code === 0x7f || code > 0xff) return false;
  }
  return true;
}

/** W3C Baggage section 3.3.1: the OWS around members, keys and values is no part of them. */
function trim(text: string, from: number, to: number): string {
  let start = from;
  let end = to;
  while (start < end && (text.charCodeAt(start) === 0x20 || text.charCodeAt(start) === 0x09)) start += 1;
  while (end > start && (text.charCodeAt(end - 1) === 0x20 || text.charCodeAt(end - 1) === 0x09)) end -= 1;
  return text.slice(start, end);
}

function endOf(text: string, delimiter: string, from: number, limit: number): number {
  const at = text.indexOf(delimiter, from);
  return at < 0 || at > limit ? limit : at;
}

/** The value of the own member, or undefined for members of others. Properties are not looked at. */
function ownValue(member: string): string | undefined {
  if (!member.startsWith(BAGGAGE_KEY)) return undefined;
  const valueEnd = endOf(member, ';', 0, member.length);
  const keyEnd = endOf(member, '=', 0, valueEnd);
  if (trim(member, 0, keyEnd) !== BAGGAGE_KEY) return undefined;
  return decode(trim(member, keyEnd + 1, valueEnd));
}

/** Percent-decodes a value (section 3.3.1.3); what is not valid stays as it is. */
function decode(value: string): string {
  if (!value.includes('%')) return value;
  try {
    return decodeURIComponent(value);
  } catch (error) {
    // Malformed input of a stranger: the raw text names no class, which is counted there.
    if (error instanceof URIError) return value;
    throw error;
  }
}

/** Calls back for each member that is not empty, trimmed. Members are separated by commas, which no value may hold. */
function eachMember(text: string, visit: (member: string) => void): void {
  let at = 0;
  while (at <= text.length) {
    const end = endOf(text, ',', at, text.length);
    const member = trim(text, at, end);
    if (member !== '') visit(member);
    at = end + 1;
  }
}

/**
 * The class in a member of W3C `baggage`: `priomesh.class=interactive`. Members of others are sent on as they came, with
 * their properties and in their order; only when they do not fit into the limits (section 3.3.2) the last ones go.
 * Of several own members the first counts.
 */
export function baggageCodec(context: CodecContext): Codec {
  const bit = headerBit('baggage');
  const { counters } = context;
  const own = context.policy.classes.map(({ name }) => `${BAGGAGE_KEY}=${name}`);
  const exact = own.map((member) => Buffer.from(member, 'latin1'));
  const carrier = CARRIER.baggage;

  function readMember(member: string, carried: Carried): void {
    const value = ownValue(member);
    if (value === undefined) return;
    const found = context.classOf(value);
    if (carried.baggageClass === NO_CLASS) {
      carried.baggageClass = found;
      return;
    }
    carried.flaws |= FLAWS.baggageDuplicate;
    if (found !== carried.baggageClass && found >= 0) carried.disagreement = true;
    if (carried.baggageClass === UNKNOWN_CLASS) carried.baggageClass = found;
  }

  return {
    headers: ['baggage'],
    read(headers, carried) {
      const start = headers.start(carrier);
      const known = indexOfBytes(headers.bytes(carrier), start, headers.end(carrier), exact);
      if (known >= 0) {
        carried.baggageClass = known;
        return;
      }
      const text = headers.text(carrier) ?? '';
      if (!isSendable(text)) {
        carried.flaws |= FLAWS.baggageUnusable;
        counters.invalidBaggages += 1;
        return;
      }
      if (text.includes(BAGGAGE_KEY)) eachMember(text, (member) => readMember(member, carried));
    },
    write(headers, carried, classIndex, edits) {
      if (!headers.has(carrier)) return true;
      const flawed = carried.flaws & (FLAWS.baggageUnusable | FLAWS.baggageDuplicate);
      if (carried.baggageClass === classIndex && flawed === 0) return false;
      edits.drop(bit);
      const text = headers.text(carrier) ?? '';
      if (!isSendable(text)) return true;
      const others: string[] = [];
      let bytes = 0;
      eachMember(text, (member) => {
        if (ownValue(member) !== undefined) return;
        const more = member.length + (others.length === 0 ? 0 : 1);
        if (others.length === BAGGAGE_MAX_OTHER_MEMBERS || bytes + more > BAGGAGE_MAX_OTHER_BYTES) {
          counters.droppedBaggageMembers += 1;
          // Nothing that comes after a dropped member is kept, so that what is left is a prefix.
          bytes = BAGGAGE_MAX_OTHER_BYTES;
          return;
        }
        bytes += more;
        others.push(member);
      });
      if (others.length === 0) return true;
      edits.lines(`baggage: ${own[classIndex] ?? ''},${others.join(',')}\r\n`);
      return false;
    },
    constantLine: (classIndex) => `baggage: ${own[classIndex] ?? ''}\r\n`,
  };
}
