import type { ClassIndex, Policy } from '../core/index.ts';
import type { CarrierHeaders } from './carriers.ts';
import { type Codec, type CodecContext, classLookup } from './codec.ts';
import { type CodecOptions, createCodecs } from './codecs/index.ts';
import { EditBuffer, headerBit } from './edits.ts';
import { createIdSource, type RandomFill } from './ids.ts';
import { NO_CLASS } from './limits.ts';
import type { Carried, HeaderEdits, Propagation, PropagationCounters } from './types.ts';

/** What may be set about propagation. */
export interface PropagationOptions extends Partial<CodecOptions> {
  /** Where identifiers of new traces and requests come from. Default: the operating system's generator. */
  readonly randomFill?: RandomFill;
}

const DEFAULTS: CodecOptions = { startB3: 'multi', writePriority: true, sampleNewTraces: false };

function createCounters(): PropagationCounters {
  return {
    disagreements: 0,
    unknownClasses: 0,
    foreignClasses: 0,
    invalidTraceparents: 0,
    invalidTracestates: 0,
    droppedTracestateMembers: 0,
    invalidBaggages: 0,
    droppedBaggageMembers: 0,
    invalidB3s: 0,
    invalidPriorities: 0,
    invalidRequestIds: 0,
    tracesStarted: 0,
  };
}

/** The lines that depend on the class alone, joined per class and per set of codecs that want theirs; formatted once. */
class ConstantLines {
  readonly #codecs: readonly Codec[];
  readonly #byClass: (Buffer | undefined)[][] = [];

  constructor(codecs: readonly Codec[]) {
    this.#codecs = codecs;
  }

  /** @param wanted bit n set: the line of the n-th codec */
  get(classIndex: ClassIndex, wanted: number): Buffer {
    const known = this.#byClass[classIndex]?.[wanted];
    if (known !== undefined) return known;
    const text = this.#codecs
      .map((codec, index) => ((wanted & (1 << index)) === 0 ? '' : (codec.constantLine?.(classIndex) ?? '')))
      .join('');
    const lines = Buffer.from(text, 'latin1');
    this.#byClass[classIndex] ??= [];
    const ofClass = this.#byClass[classIndex];
    if (ofClass !== undefined) ofClass[wanted] = lines;
    return lines;
  }
}

class WirePropagation implements Propagation {
  readonly counters: PropagationCounters;
  readonly #codecs: readonly Codec[];
  /** By codec: the bits of the carriers that it reads. */
  readonly #read: readonly number[];
  readonly #constants: ConstantLines;
  readonly #edits = new EditBuffer();

  constructor(counters: PropagationCounters, codecs: readonly Codec[]) {
    this.counters = counters;
    this.#codecs = codecs;
    this.#read = codecs.map(({ headers }) => headers.reduce((bits, name) => bits | headerBit(name), 0));
    this.#constants = new ConstantLines(codecs);
  }

  extract(headers: CarrierHeaders, believed: boolean, into: Carried): void {
    into.clear();
    into.believed = believed;
    for (let index = 0; index < this.#codecs.length; index += 1) {
      if ((headers.present & (this.#read[index] as number)) !== 0) this.#codecs[index]?.read(headers, into);
    }
    const { tracestateClass, baggageClass } = into;
    if (tracestateClass >= 0 && baggageClass >= 0 && tracestateClass !== baggageClass)
      into.disagreement = true;
    if (into.disagreement) this.counters.disagreements += 1;
    const found = tracestateClass >= 0 ? tracestateClass : baggageClass;
    if (believed) into.classIndex = found >= 0 ? found : NO_CLASS;
    else if (found >= 0) this.counters.foreignClasses += 1;
  }

  inject(headers: CarrierHeaders, carried: Carried, classIndex: ClassIndex): HeaderEdits {
    const edits = this.#edits;
    edits.clear();
    let wanted = 0;
    for (let index = 0; index < this.#codecs.length; index += 1) {
      if (this.#codecs[index]?.write(headers, carried, classIndex, edits) === true) wanted |= 1 << index;
    }
    if (wanted !== 0) edits.constant(this.#constants.get(classIndex, wanted));
    return edits.edits;
  }
}

/** Makes the reader and writer of class carriers for a policy. */
export function createPropagation(policy: Policy, options: PropagationOptions = {}): Propagation {
  const counters = createCounters();
  const context: CodecContext = {
    policy,
    counters,
    ids: createIdSource(options.randomFill),
    classOf: classLookup(policy, counters),
  };
  return new WirePropagation(counters, createCodecs(context, { ...DEFAULTS, ...options }));
}
