import type { Policy, Random, TrafficRoute } from '../../../core/index.ts';
import type { Exchange, HeadChanges, Stage } from '../../exchange.ts';
import type { Upstream } from '../../pools/index.ts';
import { changeHead, type RoutePlan, routePlan, type TrafficCounters } from '../../resilience/index.ts';
import { locationOf } from '../location.ts';
import { compileMatches } from '../match.ts';
import type { Mirror } from '../mirror.ts';
import { literalPrefix, withPrefix } from '../path-prefix.ts';
import { WeightedServices } from '../weighted.ts';

interface Route {
  readonly settings: TrafficRoute;
  readonly literal: string;
  readonly to: WeightedServices | undefined;
  readonly stickyHeader: string | undefined;
  /** What the route changes whatever the path; undefined: nothing. */
  readonly changes: HeadChanges | undefined;
  readonly plan: RoutePlan | undefined;
}

function changesOf({ rewrite }: TrafficRoute): HeadChanges | undefined {
  if (rewrite === undefined) return undefined;
  const set = Object.entries(rewrite.set ?? {}).map(([name, value]) => [name.toLowerCase(), value] as const);
  return {
    ...(rewrite.host === undefined ? {} : { authority: rewrite.host }),
    remove: [...(rewrite.remove ?? []).map((name) => name.toLowerCase()), ...set.map(([name]) => name)],
    add: set,
  };
}

/** What the stage needs to know. */
export interface RouteParts {
  readonly policy: Policy;
  readonly routes: readonly TrafficRoute[];
  /** Where all requests are for one service; undefined: Host says it. */
  readonly ownService: string | undefined;
  /** By name in lower case; empty where requests go to one application whatever a route says. */
  readonly upstreams: ReadonlyMap<string, Upstream>;
  readonly mirror: Mirror | undefined;
  readonly random: Random;
  readonly counters: TrafficCounters;
}

/** Does with a request what the first route that matches says: answers with a redirect, or chooses the service, copies, rewrites. */
export function routeRequest(parts: RouteParts): Stage {
  const { policy, ownService, upstreams, mirror, random, counters } = parts;
  const routes: readonly Route[] = parts.routes.map((settings) => ({
    settings,
    literal: literalPrefix(settings.match.path ?? ''),
    to:
      settings.to === undefined ? undefined : new WeightedServices(settings.to, random.child(settings.name)),
    stickyHeader: settings.stickyHeader?.toLowerCase(),
    changes: changesOf(settings),
    plan: routePlan(settings),
  }));
  const matches = compileMatches(
    policy,
    parts.routes.map(({ match }) => match),
    ownService,
  );
  const choose = (exchange: Exchange, { to, stickyHeader }: Route): 'answered' | undefined => {
    if (to === undefined || upstreams.size === 0) return undefined;
    const key = stickyHeader === undefined ? undefined : exchange.facts.header(stickyHeader);
    exchange.upstream = upstreams.get(to.draw(key).toLowerCase());
    return exchange.upstream === undefined ? exchange.answer('NO_ROUTE') : undefined;
  };
  return {
    name: 'route-request',
    enter(exchange) {
      // Already on its way to a queue.
      if (exchange.upstream !== undefined) return 'next';
      const route = routes[matches.find(exchange.facts)];
      if (route === undefined) return 'next';
      counters.count('routed', route.settings.name, exchange.classIndex);
      const { redirect, rewrite, mirror: copies } = route.settings;
      if (redirect !== undefined) {
        const location = locationOf(redirect, route.literal, exchange.facts);
        if (location === undefined) return exchange.answer('NO_ROUTE');
        return exchange.reply({ status: redirect.status, fields: [['location', location]], body: '' });
      }
      if (copies !== undefined) mirror?.offer(exchange, copies.service, copies.percent);
      if (choose(exchange, route) !== undefined) return 'answered';
      if (exchange.traffic !== undefined) {
        exchange.traffic.route = route.plan;
        const requestMs = route.plan?.timeouts?.requestMs;
        if (requestMs !== undefined) exchange.traffic.bound(exchange.arrivedMs + requestMs);
      }
      if (route.changes !== undefined) changeHead(exchange, route.changes);
      if (rewrite?.prefix === undefined) return 'next';
      const { path, query } = exchange.facts;
      const moved = withPrefix(path, route.literal, rewrite.prefix);
      if (moved === undefined) return exchange.answer('NO_ROUTE');
      changeHead(exchange, { target: query === '' ? moved : `${moved}?${query}`, remove: [], add: [] });
      return 'next';
    },
  };
}
