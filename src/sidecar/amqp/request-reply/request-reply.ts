import type { Clock, Logger, Policy, Random } from '../../../core/index.ts';
import type { TimerWheel } from '../../io/index.ts';
import type { DataPathLimits } from '../../limits.ts';
import { BrokerLink } from './broker-link.ts';
import { classOfTrace } from './class-of-trace.ts';
import { type BrokerAccess, connectToBroker, readPassword } from './connect.ts';
import { GatewayCounters, WorkerCounters } from './counters.ts';
import { Gateway } from './gateway.ts';
import { REQUEST_REPLY_LIMITS } from './limits.ts';
import { Requester } from './requester.ts';
import { Worker } from './worker.ts';

/** Where and as whom requests go through the broker. */
export interface RequestReplyBroker {
  /** The sidecar's own proxy, so that priority and prefetch are governed in one place. */
  readonly host: string;
  readonly port: number;
  readonly virtualHost: string;
  readonly userName: string;
  readonly passwordFile?: string;
}

/** What requests through queues need. */
export interface RequestReplyOptions {
  readonly service: string;
  readonly policy: Policy;
  readonly broker: RequestReplyBroker;
  /** Queues that requests of this sidecar go into, and queues whose requests its application serves. */
  readonly gatewayQueues: readonly string[];
  readonly workerQueues: readonly string[];
  readonly limits: DataPathLimits;
  readonly clock: Clock;
  readonly wheel: TimerWheel;
  readonly random: Random;
  readonly logger: Logger;
}

/**
 * Requests and responses over the message broker, for one sidecar: a gateway for each queue that its requests go into, and a worker for
 * each queue whose requests its application serves. Each of the two has a connection of its own, because a broker in need stops reading
 * from connections that publish, and acknowledgements should still come through.
 */
export class RequestReply {
  readonly #options: RequestReplyOptions;
  readonly #access: BrokerAccess;
  readonly #gateways: ReadonlyMap<string, Gateway>;
  readonly #requester: Requester;
  readonly #gatewayCounters: GatewayCounters;
  readonly #workerCounters: WorkerCounters;
  readonly #links = new Map<string, BrokerLink>();
  readonly #workers: Worker[] = [];
  #closePool: (() => Promise<void>) | undefined;

  /**
   * Opens the gateways and begins to seek the broker; does not wait for it.
   * @throws PriomeshError LISTEN_FAILED; CONFIG_NOT_FOUND when the password cannot be read
   */
  static async open(options: RequestReplyOptions): Promise<RequestReply> {
    const { broker, policy, limits, clock, wheel, logger, gatewayQueues } = options;
    const password = await readPassword(broker.passwordFile);
    const counters = new GatewayCounters(policy);
    const requester = new Requester({
      queues: gatewayQueues,
      classes: policy.classes.length,
      maxOutstandingRequests: limits.maxOutstandingRequests,
      responseTimeoutMs: limits.responseTimeoutMs,
      counters,
      clock,
      wheel,
      logger,
    });
    const classOf = classOfTrace(policy);
    const { maxHeadBytes, maxQueuedRequestBytes } = limits;
    const gateways = new Map<string, Gateway>();
    try {
      for (const queue of gatewayQueues) {
        const parts = { queue, policy, requester, classOf, counters, maxHeadBytes, maxQueuedRequestBytes };
        gateways.set(queue, await Gateway.open(parts));
      }
    } catch (error) {
      for (const gateway of gateways.values()) await gateway.close();
      throw error;
    }
    return new RequestReply(options, password, gateways, requester, counters);
  }

  private constructor(
    options: RequestReplyOptions,
    password: string,
    gateways: ReadonlyMap<string, Gateway>,
    requester: Requester,
    counters: GatewayCounters,
  ) {
    const { host, port, virtualHost, userName } = options.broker;
    // The proxy holds a connection that long while the broker is away, and then closes it.
    const connectTimeoutMs = options.limits.amqpConnectTimeoutMs + 1000;
    this.#options = options;
    this.#access = { host, port, virtualHost, userName, password, connectTimeoutMs };
    this.#gateways = gateways;
    this.#requester = requester;
    this.#gatewayCounters = counters;
    this.#workerCounters = new WorkerCounters(options.policy);
    if (gateways.size > 0) this.#open('gateway', (model, lost) => requester.begin(model, lost));
  }

  /** Where the requests of a queue are to be sent, on loopback; undefined for a queue without a gateway. */
  gatewayPort(queue: string): number | undefined {
    return this.#gateways.get(queue)?.port;
  }

  /**
   * Begins to take requests from the queues of this service.
   * @param internalPort the internal listener of the inbound side, on loopback
   * @param ownToken what the answers of that listener carry in {@link OWN_ANSWER_FIELD}
   */
  async serve(internalPort: number, ownToken: string): Promise<void> {
    const { policy, limits, clock, random, logger, workerQueues } = this.#options;
    const { Pool } = await import('undici');
    const prefetch = Math.min(policy.queue.capacity, 65_535);
    const pool = new Pool(`http://127.0.0.1:${internalPort}`, {
      connections: Math.min(prefetch, limits.maxConnections),
      pipelining: 1,
      // The internal listener bounds everything, and answers; it adds a few fields to a head that was as large as one may be.
      maxHeaderSize: limits.maxHeadBytes + REQUEST_REPLY_LIMITS.headReserveBytes,
      headersTimeout: 0,
      bodyTimeout: 0,
    });
    this.#closePool = () => pool.destroy();
    for (const queue of workerQueues) {
      const worker = new Worker({
        queue,
        policy,
        prefetch,
        maxResponseBytes: limits.maxQueuedResponseBytes,
        pool,
        ownToken,
        classOf: classOfTrace(policy),
        counters: this.#workerCounters,
        clock,
        random: random.child(`worker/${queue}`),
        logger,
      });
      this.#workers.push(worker);
      this.#open(`worker of ${queue}`, (model, lost) => worker.begin(model, lost));
    }
  }

  #open(name: string, begin: ConstructorParameters<typeof BrokerLink>[0]['begin']): void {
    const { service, clock, random, logger } = this.#options;
    const link = new BrokerLink({
      name,
      connect: () => connectToBroker(this.#access, `priomesh ${service} ${name}`),
      begin,
      clock,
      random: random.child(`link/${name}`),
      logger,
    });
    this.#links.set(name, link);
  }

  /** What has been counted, as one value that JSON can hold. */
  statistics(): Readonly<Record<string, unknown>> {
    const { classes: gatewayClasses, ...gateway } = this.#gatewayCounters;
    const { classes: workerClasses, ...worker } = this.#workerCounters;
    const held = this.#workers.map((one) => one.statistics());
    return {
      links: Object.fromEntries([...this.#links].map(([name, link]) => [name, link.statistics()])),
      gateway: { ...gateway, ...this.#requester.statistics(), classes: gatewayClasses.byName() },
      worker: { ...worker, workers: held, classes: workerClasses.byName() },
    };
  }

  /** Takes no more from the queues, and resolves when all that is being executed has been answered. */
  async drain(): Promise<void> {
    await Promise.all(this.#workers.map((worker) => worker.drain()));
  }

  /** Ends everything that is still under way: what was not acknowledged is delivered again, whoever waits is answered 503. */
  async close(): Promise<void> {
    for (const worker of this.#workers) worker.abort();
    this.#requester.close();
    await Promise.all([...this.#links.values()].map((link) => link.close()));
    await this.#closePool?.();
    await Promise.all([...this.#gateways.values()].map((gateway) => gateway.close()));
  }
}
