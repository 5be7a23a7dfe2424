export {
  CARRIER,
  CARRIER_HEADER_NAMES,
  CarrierHeaders,
} from './carriers.ts';
export { parsePriority, serializePriority } from './codecs/rfc9218.ts';
export { Id } from './id.ts';
export * from './limits.ts';
export { createPropagation, type PropagationOptions } from './propagation.ts';
export {
  createProvenanceResolver,
  type ProvenanceResolver,
  ProvenanceTable,
  type ProvenanceTableCounters,
} from './provenance.ts';
export * from './types.ts';
