import type { ProvenanceResolver } from '../../propagation/index.ts';
import type { Stage } from '../exchange.ts';

/** The class of a request inside the mesh: on the wire, else that of the request inside which it belongs to, else the default. */
export function classByProvenance(resolver: ProvenanceResolver): Stage {
  return {
    name: 'class-by-provenance',
    enter(exchange) {
      const provenance = resolver.resolve(exchange.carried, exchange.arrivedMs);
      exchange.decided(provenance.classIndex, provenance.reason);
      return 'next';
    },
  };
}
