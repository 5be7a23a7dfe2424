export type {
  TapMessage,
  TapMessageAction,
  TapMessageOutcome,
  TapPoint,
  TapRequest,
  TapRequestOutcome,
} from './events.ts';
