import { applyProfile, type ConnectionProfile, type Transport } from '../../transport/index.ts';
import type { Stage } from '../exchange.ts';

/** Gives the caller's connection the profile of the request's class: most bytes of a batch request flow back on it. */
export function markResponse(profiles: readonly ConnectionProfile[], transport: Transport): Stage {
  return {
    name: 'mark-response',
    enter(exchange) {
      const profile = profiles[exchange.classIndex];
      if (profile !== undefined) applyProfile(exchange.caller.wire.socket, profile, transport);
      return 'next';
    },
  };
}
