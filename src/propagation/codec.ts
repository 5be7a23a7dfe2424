import type { ClassIndex, Policy } from '../core/index.ts';
import type { CarrierHeaderName, CarrierHeaders } from './carriers.ts';
import type { EditBuffer } from './edits.ts';
import type { IdSource } from './ids.ts';
import { UNKNOWN_CLASS } from './limits.ts';
import type { Carried, PropagationCounters } from './types.ts';

/** What every codec is made with. */
export interface CodecContext {
  readonly policy: Policy;
  readonly counters: PropagationCounters;
  readonly ids: IdSource;
  /** The index of a class, or UNKNOWN_CLASS; counts the unknown ones. */
  classOf(name: string): number;
}

/** One way in which a class, or what helps to find it, stands on the wire. A codec reads and writes only its own headers. */
export interface Codec {
  readonly headers: readonly CarrierHeaderName[];
  /** Fills what its headers carry. Called where one of them is there, in the order of the list of codecs; never throws. */
  read(headers: CarrierHeaders, carried: Carried): void;
  /**
   * Notes the edits that make its headers say `classIndex`.
   *
   * @returns whether the class's constant line is to be inserted
   */
  write(headers: CarrierHeaders, carried: Carried, classIndex: ClassIndex, edits: EditBuffer): boolean;
  /** The line, ended by CRLF, that a request without the codec's header gets. Asked once per class. */
  constantLine?(classIndex: ClassIndex): string;
}

/** Makes the look-up of class names for a context. */
export function classLookup(policy: Policy, counters: PropagationCounters): (name: string) => number {
  const indexes = new Map(policy.classes.map((requestClass, index) => [requestClass.name, index]));
  return (name) => {
    const index = indexes.get(name);
    if (index !== undefined) return index;
    counters.unknownClasses += 1;
    return UNKNOWN_CLASS;
  };
}
