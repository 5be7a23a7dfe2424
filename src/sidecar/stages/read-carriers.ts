import type { Propagation } from '../../propagation/index.ts';
import type { Stage } from '../exchange.ts';

/**
 * Reads the tracing and priority fields that a request carries.
 * @param believed whether the caller's word on the class counts
 */
export function readCarriers(propagation: Propagation, believed: (callerAddress: string) => boolean): Stage {
  return {
    name: 'read-carriers',
    enter(exchange) {
      exchange.carriers.clear();
      exchange.fillCarriers();
      propagation.extract(exchange.carriers, believed(exchange.caller.address), exchange.carried);
      return 'next';
    },
  };
}
