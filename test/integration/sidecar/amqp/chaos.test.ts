import { type ChildProcess, spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Random, seededRandom } from '../../../../src/core/index.ts';
import { SIDECAR_MAIN } from '../../../../src/sidecar/index.ts';
import { startTestBroker, type TestBroker } from '../../../support/broker.ts';
import { type ChaosPublication, ChaosPublisher } from './chaos-publisher.ts';
import { brokerConfig } from './proxied.ts';

/** Each kills broker, sidecars and a worker once; about ten seconds. */
const ROUNDS = Number(process.env['PRIOMESH_CHAOS_ROUNDS'] ?? 4);
const SEED = Number(process.env['PRIOMESH_CHAOS_SEED'] ?? randomInt(2 ** 32));
const MESSAGES = 400;
const QUEUE = 'chaos';
const WORKERS = 3;
/** When nothing more is confirmed or processed for so long, it is not going to be. */
const SILENCE_MS = 60_000;

const WORKER_MAIN = fileURLToPath(new URL('./chaos-worker-main.ts', import.meta.url));

/** A process that is killed and started anew. */
class Victim {
  readonly #start: () => Promise<ChildProcess>;
  #child: ChildProcess | undefined;

  constructor(start: () => Promise<ChildProcess>) {
    this.#start = start;
  }

  async start(): Promise<void> {
    this.#child = await this.#start();
  }

  async kill(): Promise<void> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, 'exit');
    child.kill('SIGKILL');
    await exited;
  }
}

let rabbit: TestBroker;
let folder = '';
const publisherSide = { port: 0 };
const workerSide = { port: 0 };
let publisherSidecar: Victim;
let workerSidecar: Victim;
let workers: Victim[];
let publisher: ChaosPublisher;
/** How often each message was processed. */
const processed = new Map<number, number>();
let onProgress = (): void => undefined;

async function startSidecarProcess(name: string, side: { port: number }): Promise<ChildProcess> {
  const file = path.join(folder, `${name}.json`);
  await writeFile(file, JSON.stringify(brokerConfig(rabbit.broker.address, { port: side.port })));
  const child = spawn(process.execPath, [SIDECAR_MAIN, '--config', file], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const [line] = (await once(createInterface(child.stdout), 'line')) as [string];
  const { brokerPort } = JSON.parse(line) as { brokerPort: number };
  // Clients find it at the same place again.
  side.port = brokerPort;
  return child;
}

async function startWorker(prefetch: number): Promise<ChildProcess> {
  const argv = [WORKER_MAIN, '127.0.0.1', String(workerSide.port), QUEUE, String(prefetch)];
  const child = spawn(process.execPath, argv, { stdio: ['ignore', 'pipe', 'inherit'] });
  createInterface(child.stdout).on('line', (line) => {
    const id = Number(line);
    processed.set(id, (processed.get(id) ?? 0) + 1);
    onProgress();
  });
  return child;
}

beforeAll(async () => {
  process.stdout.write(`AMQP chaos: PRIOMESH_CHAOS_SEED=${SEED} PRIOMESH_CHAOS_ROUNDS=${ROUNDS}\n`);
  folder = await mkdtemp(path.join(os.tmpdir(), 'priomesh-chaos-'));
  rabbit = await startTestBroker();
  publisherSidecar = new Victim(() => startSidecarProcess('publisher', publisherSide));
  workerSidecar = new Victim(() => startSidecarProcess('worker', workerSide));
  await publisherSidecar.start();
  await workerSidecar.start();
  // One that leaves its prefetch to the sidecar, two that have their own.
  workers = Array.from({ length: WORKERS }, (_, index) => new Victim(() => startWorker(index * 8)));
  for (const worker of workers) await worker.start();
  publisher = new ChaosPublisher(QUEUE, () => onProgress());
  await publisher.open(publisherSide.port);
});
afterAll(async () => {
  await publisher?.close();
  for (const victim of [...(workers ?? []), workerSidecar, publisherSidecar]) await victim?.kill();
  await rabbit?.close();
  await rm(folder, { recursive: true, force: true });
});

/** What is killed, and after how many processed messages of the round. */
interface Kill {
  readonly victim: string;
  readonly after: number;
  readonly strike: () => Promise<void>;
}

const restarted = (victim: Victim) => async (): Promise<void> => {
  await victim.kill();
  await victim.start();
};

/** Each victim once, in some order, at some points of the round. */
function draw(random: Random): Kill[] {
  const worker = random.below(WORKERS);
  const victims: [string, () => Promise<void>][] = [
    ['broker', () => rabbit.broker.restart()],
    ['sidecar of the publisher', restarted(publisherSidecar)],
    ['sidecar of the workers', restarted(workerSidecar)],
    [`worker ${worker}`, restarted(workers[worker] as Victim)],
  ];
  let after = 0;
  const points = victims.map(() => {
    // Now and then one is killed while the one before it is being started.
    if (random.below(3) > 0) after += 1 + random.below(MESSAGES / 4);
    return after;
  });
  return random
    .shuffle(victims)
    .map(([victim, strike], index) => ({ victim, strike, after: points[index] ?? 1 }));
}

function messagesOf(round: number, random: Random): ChaosPublication[] {
  return Array.from({ length: MESSAGES }, (_, index) => ({
    id: round * MESSAGES + index,
    workMs: random.below(6),
    padBytes: random.below(20) === 0 ? random.below(300_000) : random.below(2000),
    requestClass: random.below(3) === 0 ? 'interactive' : 'batch',
  }));
}

/** Resolves when `condition` holds; rejects when nothing has happened for a long time. */
function progressUntil(condition: () => boolean, describe: () => string): Promise<void> {
  return new Promise((resolve, reject) => {
    let silence: NodeJS.Timeout;
    const look = (): void => {
      clearTimeout(silence);
      if (condition()) {
        onProgress = () => undefined;
        resolve();
        return;
      }
      silence = setTimeout(() => reject(new Error(describe())), SILENCE_MS);
    };
    onProgress = look;
    look();
  });
}

it.each(Array.from({ length: ROUNDS }, (_, round) => round))(
  'kill -9 of everything in turn loses no confirmed message, round %i',
  { timeout: 300_000 },
  async (round) => {
    const random = seededRandom(SEED).child(`round ${round}`);
    const kills = draw(random);
    const messages = messagesOf(round, random);
    const ids = messages.map(({ id }) => id);
    const done = (): number => ids.reduce((sum, id) => sum + (processed.has(id) ? 1 : 0), 0);
    const lost = (): number[] => ids.filter((id) => publisher.confirmed.has(id) && !processed.has(id));
    const state = (): string =>
      `seed ${SEED}, round ${round}: ${done()} of ${MESSAGES} processed, ${lost().length} confirmed but not processed; ${kills
        .map(({ victim, after }) => `${victim} after ${after}`)
        .join(', ')}`;
    publisher.add(messages);
    for (const after of new Set(kills.map((kill) => kill.after))) {
      await progressUntil(() => done() >= after, state);
      await Promise.all(kills.filter((kill) => kill.after === after).map(({ strike }) => strike()));
    }
    await progressUntil(() => ids.every((id) => publisher.confirmed.has(id)) && lost().length === 0, state);
    expect(lost()).toEqual([]);
    const repeated = ids.filter((id) => (processed.get(id) ?? 0) > 1).length;
    process.stdout.write(
      `AMQP chaos, round ${round}: killed ${kills.map(({ victim, after }) => `${victim} at ${after}`).join(', ')}; ` +
        `${MESSAGES} confirmed, 0 lost, ${repeated} processed more than once\n`,
    );
  },
);

it('processes nothing that was not published', () => {
  expect([...processed.keys()].filter((id) => !(id >= 0 && id < ROUNDS * MESSAGES))).toEqual([]);
  expect(publisher.confirmed.size).toBe(ROUNDS * MESSAGES);
  // Every round cost a connection; that of the last may not have been opened again, where all was confirmed before.
  expect(publisher.connections).toBeGreaterThanOrEqual(ROUNDS);
});
