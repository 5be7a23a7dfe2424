import type { Address, SidecarConfig } from '../../../../src/config/index.ts';
import { type Policy, seededRandom } from '../../../../src/core/index.ts';
import { type Sidecar, startSidecar } from '../../../../src/sidecar/index.ts';
import { testPolicy } from '../harness.ts';

/** The priority of messages of the class `interactive`, which is the default; scenarios set no such priority themselves. */
export const INTERACTIVE_PRIORITY = 7;

/** Two classes with priorities 7 and 1 on queues of 9 levels. */
export function brokerPolicy(broker: Partial<Policy['broker']> = {}): Policy {
  const policy = testPolicy();
  return {
    ...policy,
    classes: policy.classes.map((row) => ({
      ...row,
      broker: { priority: row.name === 'interactive' ? INTERACTIVE_PRIORITY : 1 },
    })),
    broker: { ...policy.broker, ...broker },
  };
}

/** The configuration of a sidecar whose AMQP clients connect to `port` (0: any). */
export function brokerConfig(
  broker: Address,
  options: {
    readonly layerOn?: boolean;
    readonly policy?: Policy;
    readonly port?: number;
    readonly limits?: SidecarConfig['limits'];
    readonly tlsAddress?: Address;
  } = {},
): SidecarConfig {
  return {
    service: 'tested',
    policy: options.policy ?? brokerPolicy(),
    layers: options.layerOn === false ? [] : ['broker'],
    baselineCongestionControl: '',
    broker: {
      address: { ...broker },
      listen: { host: '127.0.0.1', port: options.port ?? 0 },
      virtualHost: '/',
      userName: 'guest',
      ...(options.tlsAddress === undefined ? {} : { tlsAddress: options.tlsAddress }),
    },
    ...(options.limits === undefined ? {} : { limits: options.limits }),
  };
}

/** A sidecar in this process, before `broker`. */
export function sidecarBeforeBroker(
  broker: Address,
  options: Parameters<typeof brokerConfig>[1] = {},
): Promise<Sidecar> {
  return startSidecar(brokerConfig(broker, options), { random: seededRandom(1) });
}

/** Where its AMQP clients connect. */
export function amqpAddress(sidecar: Sidecar): Address {
  if (sidecar.brokerPort === undefined) throw new Error('the sidecar has no AMQP proxy');
  return { host: '127.0.0.1', port: sidecar.brokerPort };
}
