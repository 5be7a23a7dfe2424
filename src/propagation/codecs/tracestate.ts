import { indexOfBytes } from '../bytes.ts';
import { CARRIER } from '../carriers.ts';
import type { Codec, CodecContext } from '../codec.ts';
import { headerBit } from '../edits.ts';
import {
  NO_CLASS,
  TRACESTATE_KEY,
  TRACESTATE_LARGE_MEMBER_CHARACTERS,
  TRACESTATE_MAX_CHARACTERS,
  TRACESTATE_MAX_MEMBERS,
  TRACESTATE_MAX_READ_CHARACTERS,
  TRACESTATE_VALUE_PREFIX,
  UNKNOWN_CLASS,
} from '../limits.ts';
import { type Carried, FLAWS } from '../types.ts';

/** W3C Trace Context section 3.3.1.3: the most characters of a key, and of a value. */
const MAX_PART_CHARACTERS = 256;

const COMMA = 0x2c;
const EQUALS = 0x3d;

function isKeyStart(code: number): boolean {
  return (code >= 0x61 && code <= 0x7a) || (code >= 0x30 && code <= 0x39);
}

/** `_`, `-`, `*`, `/`, `@` beside letters and digits: the grammar of level 2, which takes all keys of level 1, multi-tenant ones too. */
function isKeyCharacter(code: number): boolean {
  return (
    isKeyStart(code) || code === 0x5f || code === 0x2d || code === 0x2a || code === 0x2f || code === 0x40
  );
}

/** A parsed list: where the members stand in the text. One object serves all requests. */
class MemberList {
  count = 0;
  readonly starts = new Int32Array(TRACESTATE_MAX_MEMBERS);
  readonly equals = new Int32Array(TRACESTATE_MAX_MEMBERS);
  readonly ends = new Int32Array(TRACESTATE_MAX_MEMBERS);

  /** Parses by W3C Trace Context section 3.3.1; false when the text is no valid list. */
  parse(text: string): boolean {
    this.count = 0;
    if (text.length > TRACESTATE_MAX_READ_CHARACTERS) return false;
    let at = 0;
    while (at <= text.length) {
      let end = at;
      while (end < text.length && text.charCodeAt(end) !== COMMA) end += 1;
      if (!this.#member(text, at, end)) return false;
      at = end + 1;
    }
    return true;
  }

  #member(text: string, from: number, to: number): boolean {
    let start = from;
    let end = to;
    while (start < end && (text.charCodeAt(start) === 0x20 || text.charCodeAt(start) === 0x09)) start += 1;
    while (end > start && (text.charCodeAt(end - 1) === 0x20 || text.charCodeAt(end - 1) === 0x09)) end -= 1;
    if (start === end) return true;
    if (this.count === TRACESTATE_MAX_MEMBERS || !isKeyStart(text.charCodeAt(start))) return false;
    let equals = start + 1;
    while (equals < end && isKeyCharacter(text.charCodeAt(equals))) equals += 1;
    if (text.charCodeAt(equals) !== EQUALS || equals >= end) return false;
    const valueLength = end - equals - 1;
    if (equals - start > MAX_PART_CHARACTERS || valueLength < 1 || valueLength > MAX_PART_CHARACTERS)
      return false;
    for (let at = equals + 1; at < end; at += 1) {
      const code = text.charCodeAt(at);
      if (code < 0x20 || code > 0x7e || code === EQUALS) return false;
    }
    this.starts[this.count] = start;
    this.equals[this.count] = equals;
    this.ends[this.count] = end;
    this.count += 1;
    return true;
  }

  isOwn(text: string, index: number): boolean {
    const start = this.starts[index] ?? 0;
    return (
      (this.equals[index] ?? 0) - start === TRACESTATE_KEY.length && text.startsWith(TRACESTATE_KEY, start)
    );
  }
}

/** Cuts members until the list fits beside an own one of `ownCharacters`: the large ones first, then from the end (section 3.3.1.5). */
function cutToLimits(members: string[], ownCharacters: number): number {
  const before = members.length;
  let characters = members.reduce((sum, member) => sum + 1 + member.length, ownCharacters);
  const cut = (index: number): void => {
    characters -= 1 + (members[index]?.length ?? 0);
    members.splice(index, 1);
  };
  for (let index = members.length - 1; index >= 0 && characters > TRACESTATE_MAX_CHARACTERS; index -= 1) {
    if ((members[index]?.length ?? 0) > TRACESTATE_LARGE_MEMBER_CHARACTERS) cut(index);
  }
  while (characters > TRACESTATE_MAX_CHARACTERS || members.length >= TRACESTATE_MAX_MEMBERS)
    cut(members.length - 1);
  return before - members.length;
}

/**
 * The class in a member of W3C `tracestate`: `priomesh=c:interactive`. Members of others are kept, in their order; ours
 * goes to the front when it changes. A list that is malformed, or that stands beside no valid traceparent, is discarded
 * (sections 3.3 and 3.3.1). Of several own members the first, which is the newest, counts.
 */
export function tracestateCodec(context: CodecContext): Codec {
  const bit = headerBit('tracestate');
  const { counters } = context;
  const list = new MemberList();
  const own = context.policy.classes.map(({ name }) => `${TRACESTATE_KEY}=${TRACESTATE_VALUE_PREFIX}${name}`);
  const exact = own.map((member) => Buffer.from(member, 'latin1'));
  const carrier = CARRIER.tracestate;

  function classOfMember(text: string, index: number): number {
    const start = (list.equals[index] ?? 0) + 1;
    if (!text.startsWith(TRACESTATE_VALUE_PREFIX, start)) return context.classOf('');
    return context.classOf(text.slice(start + TRACESTATE_VALUE_PREFIX.length, list.ends[index]));
  }

  function readMembers(text: string, carried: Carried): void {
    for (let index = 0; index < list.count; index += 1) {
      if (!list.isOwn(text, index)) continue;
      const found = classOfMember(text, index);
      if (carried.tracestateClass === NO_CLASS) {
        carried.tracestateClass = found;
        continue;
      }
      carried.flaws |= FLAWS.tracestateDuplicate;
      if (found !== carried.tracestateClass && found >= 0) carried.disagreement = true;
      if (carried.tracestateClass === UNKNOWN_CLASS) carried.tracestateClass = found;
    }
  }

  return {
    headers: ['tracestate'],
    read(headers, carried) {
      if (carried.traceSource !== 'traceparent') {
        counters.invalidTracestates += 1;
        return;
      }
      const start = headers.start(carrier);
      const known = indexOfBytes(headers.bytes(carrier), start, headers.end(carrier), exact);
      if (known >= 0) {
        carried.tracestateClass = known;
        return;
      }
      const text = headers.text(carrier) ?? '';
      if (!list.parse(text)) {
        carried.flaws |= FLAWS.tracestateUnusable;
        counters.invalidTracestates += 1;
        return;
      }
      readMembers(text, carried);
    },
    write(headers, carried, classIndex, edits) {
      if (!headers.has(carrier)) return true;
      const flawed = carried.flaws & (FLAWS.tracestateUnusable | FLAWS.tracestateDuplicate);
      if (carried.tracestateClass === classIndex && flawed === 0) return false;
      edits.drop(bit);
      const text = headers.text(carrier) ?? '';
      if (carried.traceSource !== 'traceparent' || !list.parse(text)) return true;
      const others: string[] = [];
      for (let index = 0; index < list.count; index += 1) {
        if (!list.isOwn(text, index)) others.push(text.slice(list.starts[index], list.ends[index]));
      }
      if (others.length === 0) return true;
      const first = own[classIndex] ?? '';
      counters.droppedTracestateMembers += cutToLimits(others, first.length);
      edits.lines(`tracestate: ${[first, ...others].join(',')}\r\n`);
      return false;
    },
    constantLine: (classIndex) => `tracestate: ${own[classIndex] ?? ''}\r\n`,
  };
}
