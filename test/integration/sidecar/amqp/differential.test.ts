import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Address } from '../../../../src/config/index.ts';
import type { Policy } from '../../../../src/core/index.ts';
import type { Sidecar } from '../../../../src/sidecar/index.ts';
import type { Variant } from '../../../support/amqp/normal-form.ts';
import { startTestBroker, type TestBroker } from '../../../support/broker.ts';
import { type Playback, play } from './play.ts';
import { amqpAddress, brokerPolicy, INTERACTIVE_PRIORITY, sidecarBeforeBroker } from './proxied.ts';
import type { Scenario } from './scenario.ts';
import { ERROR_SCENARIOS } from './scenarios-errors.ts';
import { MESSAGE_SCENARIOS } from './scenarios-messages.ts';
import { listPikaScenarios, PIKA_SCENARIOS } from './scenarios-pika.ts';
import { QUEUE_SCENARIOS } from './scenarios-queues.ts';
import { TOOL_SCENARIOS } from './scenarios-tools.ts';

const SCENARIOS: readonly Scenario[] = [
  ...MESSAGE_SCENARIOS,
  ...QUEUE_SCENARIOS,
  ...ERROR_SCENARIOS,
  ...PIKA_SCENARIOS,
  ...TOOL_SCENARIOS,
];

/** The sidecars that clients must not notice. Names of virtual hosts stand in texts that RabbitMQ cuts off, so all are as long. */
const SIDECARS: readonly {
  readonly name: string;
  readonly virtualHost: string;
  readonly layerOn: boolean;
  readonly broker?: Partial<Policy['broker']>;
}[] = [
  { name: 'layer off', virtualHost: 'off', layerOn: false },
  // With a bound that clients go beyond which acknowledge nothing before they have more.
  {
    name: 'layer on, prefetch governed',
    virtualHost: 'gov',
    layerOn: true,
    broker: { prefetch: 'governed', maxPrefetch: 8 },
  },
  {
    name: 'layer on, the prefetch of the client',
    virtualHost: 'own',
    layerOn: true,
    broker: { prefetch: 'client' },
  },
];
const DIRECT = 'dir';

let rabbit: TestBroker;
let broker: Address;
const sidecars = new Map<string, Sidecar>();

beforeAll(async () => {
  rabbit = await startTestBroker();
  broker = rabbit.broker.address;
  await rabbit.broker.createVirtualHost(DIRECT);
  for (const { virtualHost, layerOn, broker: settings } of SIDECARS) {
    await rabbit.broker.createVirtualHost(virtualHost);
    const sidecar = await sidecarBeforeBroker(broker, { layerOn, policy: brokerPolicy(settings) });
    sidecars.set(virtualHost, sidecar);
  }
});
afterAll(async () => {
  for (const sidecar of sidecars.values()) await sidecar.close();
  await rabbit?.close();
});

const variant = (virtualHost: string): Variant => ({ virtualHost, defaultPriority: INTERACTIVE_PRIORITY });

/** Scenarios are played directly once, and remembered for all sidecars. */
const played = new Map<Scenario, Promise<Playback>>();
function directly(scenario: Scenario): Promise<Playback> {
  const playback = played.get(scenario) ?? play(scenario, broker, broker, variant(DIRECT));
  played.set(scenario, playback);
  return playback;
}

describe.each(SIDECARS)('through a sidecar, $name', ({ virtualHost }) => {
  it.each(SCENARIOS)('$name', { timeout: 30_000 }, async (scenario) => {
    const direct = await directly(scenario);
    expect(direct.said.length).toBeGreaterThan(0);
    const sidecar = sidecars.get(virtualHost);
    if (sidecar === undefined) throw new Error('the sidecar did not start');
    const through = await play(scenario, amqpAddress(sidecar), broker, variant(virtualHost));
    expect(through.said).toEqual(direct.said);
    expect(through.wire).toEqual(direct.wire);
  });
});

it('plays every scenario of the pika script', async () => {
  const names = await listPikaScenarios();
  expect(PIKA_SCENARIOS.map((scenario) => scenario.name)).toEqual(names.map((name) => `pika: ${name}`));
});
