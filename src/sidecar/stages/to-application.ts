import type { Stage } from '../exchange.ts';
import type { Upstream } from '../pools/index.ts';

/** The inbound side has one upstream, the application beside it, but for requests that go through a queue. */
export function toApplication(application: Upstream): Stage {
  return {
    name: 'to-application',
    enter(exchange) {
      exchange.upstream ??= application;
      return 'next';
    },
  };
}
