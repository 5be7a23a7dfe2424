import type { ConnectionProfile, Transport } from '../../transport/index.ts';
import type { Stage } from '../exchange.ts';

/**
 * Gives the caller's connection the profile of the request's class: most bytes of a batch request flow back on it. Where callers are told
 * apart, the one that holds towards this caller.
 */
export function markResponse(profiles: readonly ConnectionProfile[], transport: Transport): Stage {
  return {
    name: 'mark-response',
    enter(exchange) {
      const profile = (exchange.caller.profiles ?? profiles)[exchange.classIndex];
      if (profile !== undefined) exchange.caller.carry(exchange.classIndex, profile, transport);
      return 'next';
    },
  };
}
