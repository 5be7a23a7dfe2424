import dgram from 'node:dgram';
import http from 'node:http';
import type { EndpointConfig, SidecarConfig, UpstreamConfig } from '../../../../src/config/index.ts';
import { type LogFields, type Logger, seededRandom, systemClock } from '../../../../src/core/index.ts';
import { type Sidecar, startSidecar } from '../../../../src/sidecar/index.ts';
import { httpApplication, type TestServer, testPolicy } from '../harness.ts';

/** An application that answers with a name. */
export function namedApplication(name: string): Promise<TestServer> {
  return httpApplication((incoming, response) => {
    incoming.resume();
    response.end(name);
  });
}

/** The configuration of a sidecar that only calls `shop`. */
export function callerConfig(shop: UpstreamConfig, more: Partial<SidecarConfig> = {}): SidecarConfig {
  return {
    service: 'caller',
    policy: testPolicy(),
    layers: [],
    baselineCongestionControl: '',
    outbound: { listen: { host: '127.0.0.1', port: 0 }, upstreams: { shop } },
    ...more,
  };
}

/** A sidecar that only calls `shop`. */
export function caller(
  shop: UpstreamConfig,
  more: Partial<SidecarConfig> = {},
  logger?: Logger,
): Promise<Sidecar> {
  return startSidecar(callerConfig(shop, more), {
    random: seededRandom(1),
    ...(logger === undefined ? {} : { logger }),
  });
}

/** Where an application or a sidecar listens. */
export const at = ({ port }: { readonly port: number }): EndpointConfig => ({ host: '127.0.0.1', port });

/** A logger that keeps its lines. */
export class KeptLog implements Logger {
  readonly lines: { readonly message: string; readonly fields: LogFields }[] = [];

  log(_level: string, message: string, fields: LogFields = {}): void {
    this.lines.push({ message, fields });
  }

  with(): Logger {
    return this;
  }
}

/** Asks `shop` again and again over kept connections, one request after the other for each worker. */
export class Load {
  /** The status of every answer that was not 200, and the code of every error. */
  readonly failures: (number | string)[] = [];
  /** How often each has answered since it was last asked. */
  answers = new Map<string, number>();
  readonly #agent = new http.Agent({ keepAlive: true });
  readonly #port: number;
  readonly #workers: Promise<void>[];
  #stopped = false;

  constructor(port: number, workers: number) {
    this.#port = port;
    this.#workers = Array.from({ length: workers }, () => this.#work());
  }

  /** Waits until all of these have answered so often, from now on. */
  async served(names: readonly string[], times = 5): Promise<void> {
    this.answers = new Map();
    await until(() => names.every((name) => (this.answers.get(name) ?? 0) >= times));
  }

  /** Who answers the next so many requests. */
  async next(count: number): Promise<readonly string[]> {
    this.answers = new Map();
    const sum = (): number => [...this.answers.values()].reduce((all, one) => all + one, 0);
    await until(() => sum() >= count);
    return [...this.answers.keys()].sort();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.#workers);
    this.#agent.destroy();
  }

  async #work(): Promise<void> {
    while (!this.#stopped) {
      const { status, body } = await this.#ask();
      if (status !== 200) this.failures.push(status);
      else this.answers.set(body, (this.answers.get(body) ?? 0) + 1);
      await turn();
    }
  }

  #ask(): Promise<{ readonly status: number | string; readonly body: string }> {
    return new Promise((resolve) => {
      const options = { host: '127.0.0.1', port: this.#port, agent: this.#agent, headers: { host: 'shop' } };
      http
        .get(options, (response) => {
          let body = '';
          response.setEncoding('latin1');
          response.on('data', (text: string) => {
            body += text;
          });
          response.on('error', (error) => resolve({ status: error.message, body }));
          response.on('end', () => resolve({ status: response.statusCode ?? 0, body }));
        })
        .on('error', (error) => resolve({ status: error.message, body: '' }));
    });
  }
}

/** Leaves the processor to those that are waited for. */
const turn = (): Promise<void> => systemClock.sleep(3);

/** Resolves when a condition holds, which is looked at every few milliseconds. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await turn();
}

/** A name server that answers A and SRV questions as the test says; what it does not know does not exist. */
export interface NameServer {
  readonly address: string;
  /** By name: addresses, or services. */
  readonly addresses: Map<string, readonly string[]>;
  readonly services: Map<string, readonly { readonly target: string; readonly port: number }[]>;
  questions: number;
  close(): Promise<void>;
}

const encodeName = (name: string): Buffer =>
  Buffer.concat([
    ...name.split('.').map((label) => Buffer.concat([Buffer.from([label.length]), Buffer.from(label)])),
    Buffer.from([0]),
  ]);

/** One resource record of class IN that points back to the question's name and holds for a second. */
function resource(type: number, data: Buffer): Buffer {
  const head = Buffer.alloc(12);
  head.writeUInt16BE(0xc0_0c, 0);
  head.writeUInt16BE(type, 2);
  head.writeUInt16BE(1, 4);
  head.writeUInt32BE(1, 6);
  head.writeUInt16BE(data.length, 10);
  return Buffer.concat([head, data]);
}

export async function nameServer(): Promise<NameServer> {
  const socket = dgram.createSocket('udp4');
  const addresses: NameServer['addresses'] = new Map();
  const services: NameServer['services'] = new Map();
  const server = { questions: 0 };
  socket.on('message', (question, from) => {
    server.questions += 1;
    const labels: string[] = [];
    let offset = 12;
    for (let length = question[offset] ?? 0; length > 0; length = question[offset] ?? 0) {
      labels.push(question.toString('latin1', offset + 1, offset + 1 + length));
      offset += 1 + length;
    }
    const name = labels.join('.').toLowerCase();
    const type = question.readUInt16BE(offset + 1);
    const records: Buffer[] = [];
    if (type === 1) {
      for (const address of addresses.get(name) ?? []) {
        records.push(resource(1, Buffer.from(address.split('.').map(Number))));
      }
    }
    if (type === 33) {
      for (const { target, port } of services.get(name) ?? []) {
        const fixed = Buffer.from([0, 0, 0, 1, port >> 8, port & 255]);
        records.push(resource(33, Buffer.concat([fixed, encodeName(target)])));
      }
    }
    const known = addresses.has(name) || services.has(name);
    const head = Buffer.from(question.subarray(0, 12));
    head.writeUInt16BE(known ? 0x8580 : 0x8583, 2);
    head.writeUInt16BE(1, 4);
    head.writeUInt16BE(records.length, 6);
    head.writeUInt16BE(0, 8);
    head.writeUInt16BE(0, 10);
    socket.send(
      Buffer.concat([head, question.subarray(12, offset + 5), ...records]),
      from.port,
      from.address,
    );
  });
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
  return Object.assign(server, {
    address: `127.0.0.1:${socket.address().port}`,
    addresses,
    services,
    close: () => new Promise<void>((resolve) => socket.close(() => resolve())),
  });
}
