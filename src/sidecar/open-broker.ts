import { createProvenanceResolver } from '../propagation/index.ts';
import { connectWithProfile } from '../transport/index.ts';
import type { AmqpProxy } from './amqp/index.ts';
import type { RequestReply } from './amqp/request-reply/index.ts';
import { queuesOf, reachedLocally } from './queued-routes.ts';
import type { Runtime } from './runtime.ts';

/** The leg over a message broker. */
export interface BrokerPart {
  readonly proxy: AmqpProxy;
  /** Present where requests go through queues. */
  readonly requestReply: RequestReply | undefined;
}

/** Opens the AMQP proxy and what serves routes `via: amqp`; loaded only where there is a broker, so that other sidecars start as fast without. */
export async function openBroker(runtime: Runtime): Promise<BrokerPart | undefined> {
  const { config, queued, reporter } = runtime;
  if (config.broker === undefined) return undefined;
  const proxy = await openProxy(runtime, config.broker);
  reporter.addSection('broker', () => proxy.statistics());
  if (queued.inbound.length + queued.outbound.length + queued.workerQueues.length === 0) {
    return { proxy, requestReply: undefined };
  }
  try {
    const requestReply = await openRequestReply(runtime, config.broker, proxy.port);
    reporter.addSection('requestReply', () => requestReply.statistics());
    return { proxy, requestReply };
  } catch (error) {
    await proxy.close();
    throw error;
  }
}

type BrokerConfig = NonNullable<Runtime['config']['broker']>;

const ANY_PORT = { host: '127.0.0.1', port: 0 };

async function openProxy(runtime: Runtime, broker: BrokerConfig): Promise<AmqpProxy> {
  const { AmqpProxy } = await import('./amqp/index.ts');
  const { config, clock, wheel, random, logger, limits, propagation, table, tap } = runtime;
  const { baseline, transport } = runtime;
  const { address, listen = ANY_PORT, tlsAddress } = broker;
  return AmqpProxy.open({
    service: config.service,
    settings: { address, listen, ...(tlsAddress === undefined ? {} : { tlsAddress }) },
    policy: config.policy,
    layerOn: config.layers.includes('broker'),
    propagation,
    resolver: createProvenanceResolver(config.policy, table),
    table,
    clock,
    wheel,
    random: random.child('amqp'),
    logger,
    limits,
    ...(tap === undefined ? {} : { tap }),
    connect: (to, onread) => connectWithProfile(to, baseline, { transport, onread }),
  });
}

async function openRequestReply(runtime: Runtime, broker: BrokerConfig, port: number): Promise<RequestReply> {
  const { RequestReply } = await import('./amqp/request-reply/index.ts');
  const { config, queued, clock, wheel, random, logger, limits } = runtime;
  const { listen = ANY_PORT, virtualHost, userName, passwordFile } = broker;
  return RequestReply.open({
    service: config.service,
    policy: config.policy,
    broker: {
      host: reachedLocally(listen),
      port,
      virtualHost,
      userName,
      ...(passwordFile === undefined ? {} : { passwordFile }),
    },
    gatewayQueues: queuesOf([...queued.inbound, ...queued.outbound]),
    workerQueues: queued.workerQueues,
    limits,
    clock,
    wheel,
    random: random.child('request-reply'),
    logger,
  });
}
