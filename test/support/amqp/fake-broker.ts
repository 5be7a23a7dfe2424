import { once } from 'node:events';
import net from 'node:net';
import type { Address } from '../../../src/config/index.ts';
import {
  bodySizeOf,
  contentFrames,
  type DecodedFields,
  FrameReader,
  methodArgumentsOf,
  methodFrame,
  methodNameOf,
  type WireFrame,
} from './second-codec.ts';

const PROTOCOL_HEADER = Buffer.from('AMQP\0\0\x09\x01', 'latin1');

/** Class, weight, body size and property flags (AMQP 0-9-1, section 4.2.6.1). */
const CONTENT_HEADER_BYTES = 14;

/** What a method is answered with at once. */
const REPLIES: Readonly<Record<string, string>> = {
  ConnectionOpen: 'ConnectionOpenOk',
  ChannelOpen: 'ChannelOpenOk',
  ChannelClose: 'ChannelCloseOk',
  ChannelFlow: 'ChannelFlowOk',
  ExchangeDeclare: 'ExchangeDeclareOk',
  ExchangeDelete: 'ExchangeDeleteOk',
  ExchangeBind: 'ExchangeBindOk',
  ExchangeUnbind: 'ExchangeUnbindOk',
  QueueDeclare: 'QueueDeclareOk',
  QueueBind: 'QueueBindOk',
  QueueUnbind: 'QueueUnbindOk',
  QueuePurge: 'QueuePurgeOk',
  QueueDelete: 'QueueDeleteOk',
  BasicQos: 'BasicQosOk',
  BasicConsume: 'BasicConsumeOk',
  BasicCancel: 'BasicCancelOk',
  BasicRecover: 'BasicRecoverOk',
  BasicGet: 'BasicGetEmpty',
  TxSelect: 'TxSelectOk',
  TxCommit: 'TxCommitOk',
  TxRollback: 'TxRollbackOk',
  ConfirmSelect: 'ConfirmSelectOk',
};

interface FakeChannel {
  confirms: number | undefined;
  deliveries: number;
  readonly consumers: Map<string, string>;
  publishing: { readonly key: string; readonly parts: Buffer[]; remaining: number } | undefined;
}

/** What a test may have its broker do otherwise. */
export interface FakeBrokerScript {
  /** Sees each frame first; `true` means that it has been dealt with. */
  readonly onFrame?: (frame: WireFrame, connection: FakeConnection) => boolean;
  /** Sees each connection when the client has sent its protocol header; `true` means that nothing is said to it. */
  readonly onHeader?: (connection: FakeConnection) => boolean;
  readonly frameMax?: number;
  readonly heartbeat?: number;
  /** Stops each connection from being read until {@link FakeConnection.socket} is resumed. */
  readonly paused?: boolean;
}

/** A name as it can be sent back: bytes that are no UTF-8 were read as replacement characters, three bytes each, and may be too many now. */
function echoed(name: unknown): string {
  const text = typeof name === 'string' ? name : '';
  return Buffer.byteLength(text) > 255 ? '' : text;
}

/** A connection as the fake broker has it. */
export class FakeConnection {
  readonly socket: net.Socket;
  /** Whether the peer has ended it with `connection.close` or answered ours. */
  orderly = false;
  /** Bytes that came. */
  receivedBytes = 0;
  readonly #broker: FakeBroker;
  readonly #reader = new FrameReader();
  readonly #channels = new Map<number, FakeChannel>();
  #header: Buffer | undefined = Buffer.alloc(0);

  constructor(broker: FakeBroker, socket: net.Socket) {
    this.#broker = broker;
    this.socket = socket;
    socket.on('data', (bytes: Buffer) => this.#bytes(bytes));
    socket.on('end', () => socket.end());
  }

  send(channel: number, method: string, fields: object = {}): void {
    if (this.socket.writable) this.socket.write(methodFrame(channel, method, fields));
  }

  /** Sends a message to a consumer. */
  deliver(channel: number, consumerTag: string, body: Buffer, properties: object = {}): void {
    const state = this.#channel(channel);
    state.deliveries += 1;
    const fields = {
      consumerTag,
      deliveryTag: state.deliveries,
      redelivered: false,
      exchange: '',
      routingKey: 'q',
    };
    const frames = [
      methodFrame(channel, 'BasicDeliver', fields),
      ...contentFrames(channel, body, properties),
    ];
    if (this.socket.writable) this.socket.write(Buffer.concat(frames));
  }

  #channel(number: number): FakeChannel {
    const state = this.#channels.get(number) ?? {
      confirms: undefined,
      deliveries: 0,
      consumers: new Map(),
      publishing: undefined,
    };
    this.#channels.set(number, state);
    return state;
  }

  #bytes(bytes: Buffer): void {
    this.receivedBytes += bytes.length;
    let rest = bytes;
    if (this.#header !== undefined) {
      this.#header = Buffer.concat([this.#header, bytes]);
      if (this.#header.length < PROTOCOL_HEADER.length) return;
      if (!this.#header.subarray(0, 8).equals(PROTOCOL_HEADER)) {
        this.#broker.faults.push('a wrong protocol header reached the broker');
        this.socket.destroy();
        return;
      }
      rest = this.#header.subarray(8);
      this.#header = undefined;
      if (this.#broker.script.onHeader?.(this) === true) return;
      this.send(0, 'ConnectionStart', {
        serverProperties: { product: 'RabbitMQ', version: '3.10.8', capabilities: { 'basic.nack': true } },
      });
    }
    try {
      for (const frame of this.#reader.push(rest)) {
        if (this.#broker.script.onFrame?.(frame, this) !== true) this.#frame(frame);
      }
    } catch (error) {
      this.#broker.faults.push(String(error));
      this.socket.destroy();
    }
  }

  /** What is well framed and makes no sense is the broker's to refuse. */
  #refuse(replyCode: number, replyText: string): void {
    this.send(0, 'ConnectionClose', { replyCode, replyText, classId: 0, methodId: 0 });
  }

  #frame({ type, channel, payload }: WireFrame): void {
    if (type === 8) return;
    if (type === 1) {
      let name = '';
      let fields: DecodedFields = {};
      try {
        name = methodNameOf(payload);
        fields = methodArgumentsOf(payload);
      } catch {
        // The arguments are the broker's business; a real one answers so.
        this.#refuse(502, 'SYNTAX_ERROR');
        return;
      }
      this.#method(channel, name, fields);
      return;
    }
    const { publishing } = this.#channel(channel);
    if (publishing === undefined) {
      this.#refuse(505, 'UNEXPECTED_FRAME');
      return;
    }
    if (type === 2 && payload.length < CONTENT_HEADER_BYTES) this.#refuse(502, 'SYNTAX_ERROR');
    else if (type === 2) publishing.remaining = bodySizeOf(payload);
    else {
      publishing.parts.push(payload);
      publishing.remaining -= payload.length;
    }
    if (publishing.remaining <= 0) this.#published(channel);
  }

  #method(number: number, name: string, fields: DecodedFields): void {
    const channel = this.#channel(number);
    if (channel.publishing !== undefined && number !== 0) {
      this.#refuse(505, 'UNEXPECTED_FRAME');
      return;
    }
    switch (name) {
      case 'ConnectionStartOk': {
        const { frameMax = 131_072, heartbeat = 0 } = this.#broker.script;
        this.send(0, 'ConnectionTune', { channelMax: 2047, frameMax, heartbeat });
        return;
      }
      case 'ConnectionClose':
        this.orderly = true;
        this.send(0, 'ConnectionCloseOk');
        this.socket.end();
        return;
      case 'ConnectionCloseOk':
        this.orderly = true;
        this.socket.end();
        return;
      case 'BasicPublish':
        channel.publishing = { key: String(fields['routingKey']), parts: [], remaining: -1 };
        return;
      case 'ConfirmSelect':
        channel.confirms = 0;
        break;
      case 'BasicConsume':
        channel.consumers.set(String(fields['consumerTag']), String(fields['queue']));
        break;
      case 'BasicCancel':
        channel.consumers.delete(String(fields['consumerTag']));
        break;
      case 'ChannelClose':
      case 'ChannelOpen':
        this.#channels.delete(number);
        break;
      default:
        break;
    }
    const reply = REPLIES[name];
    if (reply === undefined || fields['nowait'] === true) return;
    const { queue, consumerTag } = fields;
    const names = { queue: echoed(queue), consumerTag: echoed(consumerTag) };
    this.send(number, reply, { ...names, messageCount: 0, consumerCount: 0, active: true });
  }

  #published(number: number): void {
    const channel = this.#channel(number);
    const { publishing } = channel;
    channel.publishing = undefined;
    if (publishing === undefined) return;
    this.#broker.messages += 1;
    if (channel.confirms !== undefined) {
      channel.confirms += 1;
      this.send(number, 'BasicAck', { deliveryTag: channel.confirms });
    }
    const body = Buffer.concat(publishing.parts);
    for (const [own, { consumers }] of this.#channels) {
      for (const [tag, queue] of consumers) if (queue === publishing.key) this.deliver(own, tag, body);
    }
  }
}

/**
 * A server that speaks enough AMQP 0-9-1 to be taken for a broker, and whatever else a test wants: it agrees to everything, confirms,
 * and delivers what is published to the consumers of the same connection. It reads frames strictly.
 */
export class FakeBroker implements AsyncDisposable {
  readonly address: Address;
  readonly connections = new Set<FakeConnection>();
  /** Connections that have ended, and how many of them with `connection.close`. */
  ended = { all: 0, orderly: 0 };
  /** Streams that were not frames: nothing of that kind may come out of the proxy. */
  readonly faults: string[] = [];
  messages = 0;
  script: FakeBrokerScript;
  readonly #server: net.Server;
  readonly #watchers = new Set<() => void>();

  private constructor(server: net.Server, address: Address, script: FakeBrokerScript) {
    this.#server = server;
    this.address = address;
    this.script = script;
  }

  static async open(script: FakeBrokerScript = {}): Promise<FakeBroker> {
    const server = net.createServer({ noDelay: true, allowHalfOpen: true });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const broker = new FakeBroker(server, { host: '127.0.0.1', port }, script);
    server.on('connection', (socket) => broker.#accept(socket));
    return broker;
  }

  /** Resolves when `condition` holds; it is looked at when a connection comes or goes. */
  async until(condition: () => boolean): Promise<void> {
    while (!condition()) await new Promise<void>((resolve) => this.#watchers.add(resolve));
  }

  async close(): Promise<void> {
    for (const { socket } of this.connections) socket.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #accept(socket: net.Socket): void {
    const connection = new FakeConnection(this, socket);
    this.connections.add(connection);
    if (this.script.paused === true) socket.pause();
    socket.on('error', () => undefined);
    socket.on('close', () => {
      this.connections.delete(connection);
      this.ended.all += 1;
      if (connection.orderly) this.ended.orderly += 1;
      this.#wake();
    });
    this.#wake();
  }

  #wake(): void {
    for (const wake of [...this.#watchers]) {
      this.#watchers.delete(wake);
      wake();
    }
  }
}
