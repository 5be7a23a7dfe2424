import { fileURLToPath } from 'node:url';
import { hostExec, mustRun } from '../../../../src/core/index.ts';
import type { Scenario, Stage } from './scenario.ts';

const SCRIPT = fileURLToPath(new URL('../../../support/amqp/pika_scenarios.py', import.meta.url));

async function playPika(name: string, { host, port, virtualHost, say }: Stage): Promise<void> {
  const argv = ['/usr/bin/python3', SCRIPT, name, host, String(port), virtualHost] as const;
  const { stdout } = await mustRun(hostExec, argv, { timeoutMs: 120_000 });
  for (const line of stdout.trim().split('\n')) {
    const [what, value] = JSON.parse(line) as [string, unknown];
    say(what, value);
  }
}

/** What is said on the wire in these depends on the pace: of several consumers, or of what is given back and comes again. */
const OWN_WORDS_ONLY = new Set([
  'many-consumers',
  'transactions-of-a-consumer',
  'settling',
  'direct-reply-to',
  'heartbeat',
]);

const NAMES = [
  'transactions',
  'transactions-of-a-consumer',
  'confirms-and-returns',
  'properties',
  'settling',
  'queues',
  'direct-reply-to',
  'large-messages',
  'notices',
  'errors',
  'connection-errors',
  'many-consumers',
  'heartbeat',
];

/** Scenarios of Debian's python3-pika, each a process. */
export const PIKA_SCENARIOS: readonly Scenario[] = NAMES.map((name) => ({
  name: `pika: ${name}`,
  ownWordsOnly: OWN_WORDS_ONLY.has(name),
  run: (stage) => playPika(name, stage),
}));

/** The names that the script itself lists: each must be in {@link PIKA_SCENARIOS}. */
export async function listPikaScenarios(): Promise<string[]> {
  const { stdout } = await mustRun(hostExec, ['/usr/bin/python3', SCRIPT, '--list']);
  return stdout.trim().split('\n');
}
