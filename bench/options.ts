import { parseArgs } from 'node:util';
import { messageOf, PriomeshError } from '../src/core/index.ts';
import type { Settings } from './rounds.ts';

/** What the command line asks for. */
export interface BenchOptions {
  readonly help: boolean;
  /** Measures the AMQP proxy instead of the HTTP data path. */
  readonly amqp: boolean;
  /** Measures the control plane instead. */
  readonly controlPlane: boolean;
  readonly jsonFile: string | undefined;
  readonly settings: Settings;
}

/** What `--help` prints. */
export const USAGE = `Compares the sidecar with HAProxy and nginx: throughput and processor time on one core, added latency, memory, start.

npm run bench -- [options]
  --amqp           compares connections to RabbitMQ through the sidecar with direct ones instead
  --control-plane  measures the control plane with 10, 100 and 1,000 sidecars instead
  --quick          3 rounds, short ones: about two minutes (without it: 5 rounds, about seven)
  --rounds N       how many interleaved rounds (1 to 100)
  --seconds N      length of each measurement of throughput and of latency (1 to 60)
  --json FILE      writes all samples and figures
`;

const HELP = 'See `npm run bench -- --help`.';

function whole(name: string, text: string | undefined, otherwise: number, max: number): number {
  if (text === undefined) return otherwise;
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < 1 || value > max) {
    throw new PriomeshError(
      'USAGE',
      `--${name} wants a whole number from 1 to ${max}, not ${JSON.stringify(text)}`,
      { fix: HELP },
    );
  }
  return value;
}

/** Reads the command line. @throws PriomeshError USAGE */
export function parseOptions(argv: readonly string[]): BenchOptions {
  const parse = () => {
    try {
      return parseArgs({
        args: [...argv],
        options: {
          amqp: { type: 'boolean', default: false },
          'control-plane': { type: 'boolean', default: false },
          quick: { type: 'boolean', default: false },
          help: { type: 'boolean', default: false },
          rounds: { type: 'string' },
          seconds: { type: 'string' },
          json: { type: 'string' },
        },
      }).values;
    } catch (error) {
      throw new PriomeshError('USAGE', messageOf(error), { cause: error, fix: HELP });
    }
  };
  const values = parse();
  const rounds = whole('rounds', values.rounds, values.quick ? 3 : 5, 100);
  const seconds = whole('seconds', values.seconds, values.quick ? 1 : 4, 60);
  return {
    help: values.help,
    amqp: values.amqp,
    controlPlane: values['control-plane'],
    jsonFile: values.json,
    settings: {
      rounds,
      seconds,
      warmupSeconds: 1,
      connections: 64,
      latencyRateRps: 1000,
      latencyMs: seconds * 1000,
      latencyWarmupMs: 500,
      starts: values.quick ? 5 : 15,
      proxyCore: 0,
      restCore: 1,
    },
  };
}
