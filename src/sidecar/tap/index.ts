import type { Tap, TapOptions } from './server.ts';

export type {
  TapMessage,
  TapMessageAction,
  TapMessageOutcome,
  TapMove,
  TapPoint,
  TapRequest,
  TapRequestOutcome,
} from './events.ts';
export type { MessageLine, MoveLine, RequestLine, TapLine } from './lines.ts';
export type { Tap, TapOptions } from './server.ts';

/**
 * Opens a tap. Its code is loaded here, so that a sidecar that has none does not pay for it.
 * @throws PriomeshError LISTEN_FAILED when the socket cannot be listened on
 */
export async function openTap(options: TapOptions): Promise<Tap> {
  const { TapServer } = await import('./server.ts');
  return TapServer.open(options);
}
