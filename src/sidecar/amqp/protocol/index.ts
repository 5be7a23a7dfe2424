export { ContentHeader, type Property } from './content-header.ts';
export { AmqpFault, type AmqpFaultKind } from './faults.ts';
export type { FieldTable, FieldValue } from './field-table.ts';
export {
  encodeFrame,
  FRAME,
  FRAME_END,
  FRAME_OVERHEAD,
  type FrameFault,
  FrameScanner,
  heartbeatFrame,
  MIN_FRAME_MAX,
  PROTOCOL_HEADER,
} from './frames.ts';
export { type ContentHeaderEdits, editContentHeader, editedHeaderFrame } from './header-edit.ts';
export { LIMITS } from './limits.ts';
export type { MethodName } from './method-table.ts';
export {
  type AnyMethod,
  decodeMethod,
  encodeMethod,
  isFromClient,
  isFromServer,
  METHOD,
  type Method,
  type MethodArguments,
  methodHasContent,
  methodIdAt,
  methodName,
  replyOf,
} from './methods.ts';
export { type Plain, plainOf, tableOf } from './plain-table.ts';
