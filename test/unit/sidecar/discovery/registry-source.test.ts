import { afterEach, describe, expect, it } from 'vitest';
import { seededRandom, silentLogger } from '../../../../src/core/index.ts';
import type {
  ControlClient,
  ControlEvents,
  RegistryEndpoint,
} from '../../../../src/sidecar/control/index.ts';
import { openRegistrySource } from '../../../../src/sidecar/discovery/registry-source.ts';
import type { Source } from '../../../../src/sidecar/discovery/source.ts';
import { HeldClock } from '../held-clock.ts';

const shop = (...ports: number[]): RegistryEndpoint[] =>
  ports.map((port) => ({ service: 'shop', host: '10.0.0.1', port, healthy: true }));
const OTHER: RegistryEndpoint = { service: 'cart', host: '10.0.0.9', port: 1, healthy: true };

let source: Source | undefined;
afterEach(() => source?.close());

/** A source whose control plane is the test, and what it has found last. */
function listening() {
  let heard: Partial<ControlEvents> = {};
  let found: readonly number[] | undefined;
  let wake: (() => void) | undefined;
  const clock = Object.assign(new HeldClock(), {
    sleep: (_ms: number, signal?: AbortSignal) =>
      new Promise<void>((resolve) => {
        wake = resolve;
        signal?.addEventListener('abort', () => resolve());
      }),
  });
  const control = {
    listen: (events: Partial<ControlEvents>) => {
      heard = events;
      return () => {
        heard = {};
      };
    },
  } as unknown as ControlClient;
  source = openRegistrySource('shop', control, {
    upstream: 'shop',
    clock,
    random: seededRandom(1),
    logger: silentLogger,
    control,
    found: (endpoints) => {
      found = endpoints.map(({ port }) => port).sort();
    },
  });
  return {
    tell: (endpoints: RegistryEndpoint[], whole: boolean) => heard.registry?.(endpoints, whole),
    lose: () => heard.lost?.(),
    found: () => found,
    async pass(ms: number) {
      clock.ms += ms;
      wake?.();
      for (let turn = 0; turn < 5; turn += 1) await Promise.resolve();
    },
  };
}

describe('endpoints from the registry', () => {
  it('are those of the service, and go when they are said to be gone', () => {
    const { tell, found } = listening();
    tell([...shop(1, 2), OTHER], true);
    expect(found()).toEqual([1, 2]);
    tell([...shop(2, 3), OTHER], false);
    expect(found()).toEqual([2, 3]);
  });

  it('are left as configured while the registry has never named one', () => {
    const { tell, found } = listening();
    tell([OTHER], true);
    expect(found()).toBeUndefined();
    tell(shop(1), false);
    tell([], false);
    expect(found()).toEqual([]);
  });

  it('stay when the control plane is lost, and for a while when a new one does not name them yet', async () => {
    const { tell, lose, found, pass } = listening();
    tell(shop(1, 2, 3), true);
    lose();
    expect(found()).toEqual([1, 2, 3]);
    tell([], true);
    expect(found()).toEqual([1, 2, 3]);
    tell(shop(1), false);
    await pass(5000);
    tell(shop(1, 2), false);
    expect(found()).toEqual([1, 2, 3]);
    await pass(6000);
    expect(found()).toEqual([1, 2]);
    // One that came back is not held for a second time: it goes when it is said to be gone.
    tell(shop(1), false);
    expect(found()).toEqual([1]);
  });
});
