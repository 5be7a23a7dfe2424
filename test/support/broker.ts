import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { silentLogger } from '../../src/core/index.ts';
import { type Broker, openBroker, openLab } from '../../src/lab/index.ts';

/** A broker of a test file: a {@link Broker} on a loopback address of its own, and the folder of its log. */
export interface TestBroker extends AsyncDisposable {
  readonly broker: Broker;
  /** Its scratch folder, removed with it. */
  readonly directory: string;
  /** Ends the broker and removes its folder. Safe to call twice. */
  close(): Promise<void>;
}

/**
 * Starts a real RabbitMQ on loopback (about 5 s) for a test file. Several at once do not see each other.
 *
 *     let rabbit: TestBroker;
 *     beforeAll(async () => { rabbit = await startTestBroker(); });
 *     afterAll(() => rabbit.close());
 *     // rabbit.broker.address, .createVirtualHost(name), .queueDepths('/'), .kill('SIGKILL'), .restart()
 */
export async function startTestBroker(): Promise<TestBroker> {
  const directory = await mkdtemp(path.join(os.tmpdir(), 'priomesh-broker-'));
  const { signal } = new AbortController();
  const topology = { name: 'dumbbell', rateBps: 1, delayMs: 0, queuePackets: 1, nodes: ['left1'] } as const;
  const lab = await openLab(
    { kind: 'local', topology, logDirectory: directory, logger: silentLogger },
    signal,
  );
  const end = async (): Promise<void> => {
    await lab.close();
    await rm(directory, { recursive: true, force: true });
  };
  try {
    const broker = await openBroker(lab, 'left1', { directory, logger: silentLogger, signal });
    let closing: Promise<void> | undefined;
    const close = (): Promise<void> => {
      closing ??= broker.close().then(end);
      return closing;
    };
    return { broker, directory, close, [Symbol.asyncDispose]: close };
  } catch (error) {
    await end();
    throw error;
  }
}
