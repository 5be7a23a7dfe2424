import type { UpstreamConfig } from '../../config/index.ts';
import type { Upstream } from '../pools/index.ts';
import { openDnsSource } from './dns-source.ts';
import { openFileSource } from './file-source.ts';
import { openRegistrySource } from './registry-source.ts';
import type { Source, SourceContext } from './source.ts';

/** What finds endpoints for upstreams. */
export interface Discovery {
  statistics(): Readonly<Record<string, unknown>>;
  /** Ends every source and waits until nothing of them runs. Upstreams keep what was found last. */
  close(): Promise<void>;
}

type Open = (
  discovery: NonNullable<UpstreamConfig['discovery']>,
  context: SourceContext,
) => Source | undefined;

/** Every source; each looks whether it is meant. */
const SOURCES: readonly Open[] = [
  ({ file }, context) => (file === undefined ? undefined : openFileSource(file, context)),
  ({ dns }, context) => (dns === undefined ? undefined : openDnsSource(dns, context)),
  ({ controlPlane }, context) =>
    controlPlane === undefined || context.control === undefined
      ? undefined
      : openRegistrySource(controlPlane.service, context.control, context),
];

/** The same endpoints in any order are no news: whatever is made of a list is not made again. */
function onlyNews(tell: SourceContext['found']): SourceContext['found'] {
  let last: string | undefined;
  return (endpoints) => {
    const now = JSON.stringify(endpoints.map((endpoint) => JSON.stringify(endpoint)).sort());
    if (now === last) return;
    last = now;
    tell(endpoints);
  };
}

/** Begins to look for the endpoints of those upstreams that say where. */
export function openDiscovery(
  upstreams: readonly { readonly upstream: Upstream; readonly config: UpstreamConfig }[],
  shared: Omit<SourceContext, 'upstream' | 'found'>,
): Discovery {
  const sources = upstreams.flatMap(({ upstream, config: { discovery } }) => {
    if (discovery === undefined) return [];
    const context: SourceContext = {
      ...shared,
      random: shared.random.child(upstream.name),
      upstream: upstream.name,
      found: onlyNews((endpoints) => upstream.set(endpoints)),
    };
    return SOURCES.flatMap((open) => {
      const source = open(discovery, context);
      return source === undefined ? [] : [{ name: upstream.name, source }];
    });
  });
  return {
    statistics: () => Object.fromEntries(sources.map(({ name, source }) => [name, source.statistics()])),
    close: async () => {
      await Promise.all(sources.map(({ source }) => source.close()));
    },
  };
}
