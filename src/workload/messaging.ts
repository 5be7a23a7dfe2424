import type { Socket } from 'node:net';
import type { Random } from '../core/index.ts';
import type { CheckedApplicationConfig } from './application-config.ts';
import { BrokerLink } from './broker-link.ts';
import type { Calls } from './calls.ts';
import { MessageClient, type MessageClientStatistics } from './message-client.ts';
import { MessageHandler, type MessageHandlerStatistics } from './message-handler.ts';
import type { HandlerParts } from './request-handler.ts';

/** What a service does with messages. */
export interface MessagingStatistics {
  /** How often a channel was opened, over all connections. */
  readonly connections: number;
  readonly calls?: MessageClientStatistics;
  readonly requests?: MessageHandlerStatistics;
}

/** A service's connections to the broker. */
export interface Messaging {
  /** Calls services through their queues; undefined when the service calls none so. */
  readonly client: Calls | undefined;
  statistics(): MessagingStatistics;
  /** Takes no more messages, gives those on their way `graceMs`, then closes the connections. */
  stop(graceMs: number): Promise<void>;
}

/** What messaging is given beside the configuration. */
export interface MessagingPort {
  readonly random: Random;
  /** Is given the socket of every connection. */
  onSocket(socket: Socket): void;
}

/**
 * Opens what a service needs of a broker: a connection for its calls and another for the queue that it consumes, so that a broker that
 * holds back publishers does not hold back acknowledgements. Undefined when it needs none. Rejects with LAB_FAILED when no broker answers.
 */
export async function openMessaging(
  config: CheckedApplicationConfig,
  handling: HandlerParts,
  { random, onSocket }: MessagingPort,
): Promise<Messaging | undefined> {
  const { broker, graph, callTimeoutMs } = config;
  const service = graph.services[config.service];
  if (broker === undefined || service === undefined) return undefined;
  const { clock } = handling;
  const queues = Object.fromEntries(
    service.routes
      .flatMap((route) => route.calls)
      .flatMap((call) => {
        const queue = graph.services[call.service]?.consumes?.queue;
        return call.via === 'amqp' && queue !== undefined ? [[call.service, queue]] : [];
      }),
  );
  const { consumes } = service;
  const client =
    Object.keys(queues).length === 0
      ? undefined
      : new MessageClient({ queues, callTimeoutMs, clock, random: random.child('calls') });
  const handler = consumes === undefined ? undefined : new MessageHandler({ ...handling, ...consumes });
  const links: BrokerLink[] = [];
  const open = async (what: string, user: Pick<MessageHandler, 'prepare'>): Promise<BrokerLink> => {
    const link = await BrokerLink.open({
      ...broker,
      connectionName: `${config.service} ${what}`,
      clock,
      random: random.child(what),
      onSocket,
      prepare: (channel, lost) => user.prepare(channel, lost),
    });
    links.push(link);
    return link;
  };
  const close = () => Promise.all(links.map((link) => link.close()));
  try {
    if (client !== undefined) client.useLink(await open('calls', client));
    if (handler !== undefined) await open('requests', handler);
  } catch (error) {
    await close();
    throw error;
  }
  return {
    client,
    statistics: () => ({
      connections: links.reduce((sum, { connections }) => sum + connections, 0),
      ...(client === undefined ? {} : { calls: client.statistics() }),
      ...(handler === undefined ? {} : { requests: handler.statistics() }),
    }),
    async stop(graceMs) {
      await handler?.stop(graceMs);
      await close();
    },
  };
}
