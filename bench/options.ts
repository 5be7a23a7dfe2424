import { parseArgs } from 'node:util';
import { messageOf, PriomeshError } from '../src/core/index.ts';
import { PARTS, type PartName, type Settings } from './settings.ts';

/** What is measured by a run. */
export type Mode = 'compare' | 'amqp' | 'control-plane' | 'endurance';

/** What the command line asks for. */
export interface BenchOptions {
  readonly help: boolean;
  readonly mode: Mode;
  readonly jsonFile: string | undefined;
  readonly chartFile: string | undefined;
  readonly settings: Settings;
}

/** What `--help` prints. */
export const USAGE = `Compares the sidecar with HAProxy, nginx and nghttpx: processor time and throughput on one core, added latency, memory, start.

npm run bench -- [options]
  --only A,B         parts of it: ${PARTS.join(', ')}
  --connections N,M  how many connections HTTP/1.1 and TCP are measured with (1,64,512; with --quick: 64)
  --rows A,B         only these rows
  --quick            3 short rounds, and fewer loads: about four minutes (without it: 5 rounds, about an hour)
  --rounds N         how many interleaved rounds (1 to 100)
  --seconds N        length of each measurement of throughput and of latency (1 to 60)
  --json FILE        writes all figures
  --chart FILE.svg   draws processor time a request

instead of the comparison:
  --endurance        memory over more than a million requests, and with 10,000 connections
  --amqp             connections to RabbitMQ through the sidecar against direct ones
  --control-plane    the control plane with 10, 100 and 1,000 sidecars
`;

const HELP = 'See `npm run bench -- --help`.';

function usage(message: string): PriomeshError {
  return new PriomeshError('USAGE', message, { fix: HELP });
}

function whole(name: string, text: string, max: number): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < 1 || value > max) {
    throw usage(`--${name} wants a whole number from 1 to ${max}, not ${JSON.stringify(text)}`);
  }
  return value;
}

function parts(text: string | undefined): readonly PartName[] {
  if (text === undefined) return PARTS;
  const named = text.split(',');
  const unknown = named.find((name) => !(PARTS as readonly string[]).includes(name));
  if (unknown !== undefined) {
    throw usage(`--only knows ${PARTS.join(', ')}, and not ${JSON.stringify(unknown)}`);
  }
  return PARTS.filter((name) => named.includes(name));
}

const MOST_CONNECTIONS = 2048;

function modeOf(values: { amqp: boolean; 'control-plane': boolean; endurance: boolean }): Mode {
  const modes = (['amqp', 'control-plane', 'endurance'] as const).filter((name) => values[name]);
  if (modes.length > 1) throw usage(`--${modes.join(' and --')} are different runs`);
  return modes[0] ?? 'compare';
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
          endurance: { type: 'boolean', default: false },
          quick: { type: 'boolean', default: false },
          help: { type: 'boolean', default: false },
          only: { type: 'string' },
          rows: { type: 'string' },
          connections: { type: 'string' },
          rounds: { type: 'string' },
          seconds: { type: 'string' },
          json: { type: 'string' },
          chart: { type: 'string' },
        },
      }).values;
    } catch (error) {
      throw new PriomeshError('USAGE', messageOf(error), { cause: error, fix: HELP });
    }
  };
  const values = parse();
  const { quick } = values;
  const mode = modeOf(values);
  if (values.chart !== undefined && (mode !== 'compare' || !values.chart.endsWith('.svg'))) {
    throw usage('--chart wants the name of an SVG file, and goes with the comparison');
  }
  const seconds = whole('seconds', values.seconds ?? (quick ? '1' : '4'), 60);
  const connections = (values.connections ?? (quick ? '64' : '1,64,512'))
    .split(',')
    .map((text) => whole('connections', text, MOST_CONNECTIONS));
  return {
    help: values.help,
    mode,
    jsonFile: values.json,
    chartFile: values.chart,
    settings: {
      parts: parts(values.only),
      rows: values.rows?.split(','),
      quick,
      rounds: whole('rounds', values.rounds ?? (quick ? '3' : '5'), 100),
      seconds,
      warmupSeconds: 1,
      connections: [...new Set(connections)].sort((one, other) => one - other),
      latencyRateRps: 1000,
      latencyMs: seconds * 1000,
      latencyWarmupMs: quick ? 200 : 500,
      starts: quick ? 5 : 15,
      proxyCore: 0,
      restCore: 1,
    },
  };
}
