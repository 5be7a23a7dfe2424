import type { HeadFields } from '../exchange.ts';
import type {
  ConnectionPool,
  Endpoint,
  PoolWaiter,
  UpstreamConnection,
  UpstreamUser,
} from '../pools/index.ts';
import type { Http1Exchange } from './http1-exchange.ts';
import { fieldLines } from './sent-fields.ts';

/** A second attempt at a request, at another endpoint, while the first is under way. The first byte of a response decides between them. */
export class Hedge implements PoolWaiter, UpstreamUser {
  readonly endpoint: Endpoint;
  readonly classIndex: number;
  /** Set when the request was sent on it. */
  connection: UpstreamConnection | undefined;
  readonly #exchange: Http1Exchange;
  readonly #pool: ConnectionPool;
  readonly #bytes: Buffer;

  private constructor(exchange: Http1Exchange, endpoint: Endpoint, pool: ConnectionPool, bytes: Buffer) {
    this.#exchange = exchange;
    this.endpoint = endpoint;
    this.classIndex = exchange.classIndex;
    this.#pool = pool;
    this.#bytes = bytes;
  }

  /** @param held the request as the first attempt sent it @param fields in place of the `sentFields` of that attempt */
  static begin(
    exchange: Http1Exchange,
    endpoint: Endpoint,
    held: Buffer,
    fields: HeadFields,
  ): Hedge | undefined {
    const pool = endpoint.pools[exchange.classIndex];
    if (pool === undefined) return undefined;
    const { requestLineEnd, sentBytes } = exchange;
    // A copy: the bytes that are held go when the first attempt is answered.
    const bytes = Buffer.concat([
      held.subarray(0, requestLineEnd),
      Buffer.from(fieldLines(fields), 'latin1'),
      held.subarray(requestLineEnd + sentBytes),
    ]);
    const hedge = new Hedge(exchange, endpoint, pool, bytes);
    const taken = pool.acquire(hedge, false);
    if (taken === 'full') return undefined;
    endpoint.began(exchange.classIndex);
    if (taken !== undefined) hedge.onConnection(taken);
    return hedge;
  }

  onConnection(connection: UpstreamConnection): void {
    this.connection = connection;
    connection.user = this;
    connection.served += 1;
    connection.wire.send(this.#bytes);
  }

  onConnectFailed(): void {
    this.endpoint.failed();
    this.#exchange.dropHedge();
  }

  onUpstreamBytes(): void {
    this.#exchange.takeHedge();
  }

  onUpstreamEnd(): void {
    this.#exchange.dropHedge();
  }

  onUpstreamClosed(): void {
    this.#exchange.dropHedge();
  }

  /** Ends it and gives back what it took. */
  drop(): void {
    const { connection, endpoint } = this;
    this.connection = undefined;
    if (connection === undefined) this.#pool.cancel(this);
    else this.#pool.discard(connection);
    endpoint.ended(this.classIndex);
    this.#exchange.upstream?.released(endpoint);
  }
}
