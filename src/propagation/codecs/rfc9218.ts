import type { ClassIndex } from '../../core/index.ts';
import { CARRIER, type CarrierHeaders } from '../carriers.ts';
import type { Codec, CodecContext } from '../codec.ts';
import { headerBit } from '../edits.ts';
import { PRIORITY_MAX_CHARACTERS } from '../limits.ts';
import { parseDictionary } from '../structured-fields.ts';
import { FLAWS } from '../types.ts';

/** RFC 9218 section 4.1: the least important urgency, and the default one. */
const MAX_URGENCY = 7;
const DEFAULT_URGENCY = 3;

/** What a `priority` header says (RFC 9218). */
export interface Priority {
  /** 0 (most important) to 7; 3 where the header does not say. */
  readonly urgency: number;
  /** Whether the response is of use in parts; false where the header does not say. */
  readonly incremental: boolean;
  /** Whether the header named an urgency. */
  readonly explicit: boolean;
}

/**
 * Reads the value of a `priority` header. Parameters that are unknown, out of range or of another type are ignored (RFC
 * 9218 section 4), a value that is no dictionary is ignored as a whole (RFC 8941 section 4.2).
 *
 * @returns undefined when there is nothing that could be read
 */
export function parsePriority(value: string): Priority | undefined {
  if (value.length > PRIORITY_MAX_CHARACTERS) return undefined;
  const dictionary = parseDictionary(value);
  if (dictionary === undefined) return undefined;
  const u = dictionary.get('u');
  const i = dictionary.get('i');
  const explicit = u?.type === 'integer' && u.value >= 0 && u.value <= MAX_URGENCY;
  return {
    // `-0` is an integer of RFC 8941; the sum makes it the 0 that it means.
    urgency: explicit ? u.value + 0 : DEFAULT_URGENCY,
    incremental: i?.type === 'boolean' && i.value,
    explicit,
  };
}

/** Writes the value of a `priority` header. */
export function serializePriority(priority: {
  readonly urgency: number;
  readonly incremental: boolean;
}): string {
  return `u=${priority.urgency}${priority.incremental ? ', i' : ''}`;
}

const carrier = CARRIER.priority;
const LETTER_U = 0x75;
const EQUALS = 0x3d;
const DIGIT_ZERO = 0x30;

/** The urgency where the header is `u=N` and nothing else, the usual spelling; -1 for all others. */
function plainUrgency(headers: CarrierHeaders): number {
  const start = headers.start(carrier);
  const bytes = headers.bytes(carrier);
  if (headers.end(carrier) - start !== 3 || bytes[start] !== LETTER_U || bytes[start + 1] !== EQUALS)
    return -1;
  const urgency = (bytes[start + 2] as number) - DIGIT_ZERO;
  return urgency <= MAX_URGENCY ? urgency : -1;
}

/**
 * The RFC 9218 `priority` of a request. Read as an explicit wish, which only the classifier's rules can grant; written
 * from the class (its rank, at most 7), so that what stands on the wire never contradicts the class. Whether the
 * response is incremental stays the client's word.
 */
export function rfc9218Codec(context: CodecContext, writes: boolean): Codec {
  const bit = headerBit('priority');
  const urgencies = context.policy.classes.map(({ rank }) => Math.min(rank, MAX_URGENCY));
  const urgencyOf = (classIndex: ClassIndex): number => urgencies[classIndex] ?? DEFAULT_URGENCY;
  return {
    headers: ['priority'],
    read(headers, carried) {
      const plain = plainUrgency(headers);
      if (plain >= 0) {
        carried.urgency = plain;
        carried.incremental = false;
        return;
      }
      const priority = parsePriority(headers.text(carrier) ?? '');
      if (priority === undefined) {
        carried.flaws |= FLAWS.priority;
        context.counters.invalidPriorities += 1;
        return;
      }
      if (priority.explicit) carried.urgency = priority.urgency;
      carried.incremental = priority.incremental;
    },
    write(headers, carried, classIndex, edits) {
      if (!writes) return false;
      if (!headers.has(carrier)) return true;
      const urgency = urgencyOf(classIndex);
      if (carried.urgency === urgency) return false;
      edits.drop(bit);
      if (!carried.incremental) return true;
      edits.lines(`priority: ${serializePriority({ urgency, incremental: true })}\r\n`);
      return false;
    },
    constantLine: (classIndex) =>
      `priority: ${serializePriority({ urgency: urgencyOf(classIndex), incremental: false })}\r\n`,
  };
}
