export { type Priority, parsePriority, serializePriority } from './codecs/rfc9218.ts';
export type { RandomFill } from './ids.ts';
export * from './limits.ts';
export { createPropagation, type PropagationOptions } from './propagation.ts';
export {
  createProvenanceResolver,
  type Provenance,
  type ProvenanceCounters,
  type ProvenanceReason,
  type ProvenanceResolver,
  ProvenanceTable,
  type ProvenanceTableCounters,
  type ProvenanceTableOptions,
} from './provenance.ts';
export * from './types.ts';
