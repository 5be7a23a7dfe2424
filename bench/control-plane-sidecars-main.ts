import { parseArgs } from 'node:util';
import { seededRandom, silentLogger, systemClock } from '../src/core/index.ts';
import { openControlStream } from '../src/sidecar/control/index.ts';

/**
 * `--target TARGET --count N`: as many sidecars as that follow a control plane, each over a connection of its own, at the two ends of the
 * benchmark's network in turn. Prints a line when all have their paths, and one for each sequence of hints that all have got.
 */
const { values } = parseArgs({ options: { target: { type: 'string' }, count: { type: 'string' } } });
const target = values.target ?? '';
const count = Number(values.count);
const print = (line: object): boolean => process.stdout.write(`${JSON.stringify(line)}\n`);

const beganMs = systemClock.nowMs();
const random = seededRandom(1);
const arrivals = new Map<number, number[]>();
let ready = 0;

function arrived(sequence: number): void {
  const times = arrivals.get(sequence) ?? [];
  arrivals.set(sequence, times);
  times.push(systemClock.nowMs());
  if (times.length < count) return;
  arrivals.delete(sequence);
  print({ event: 'all', sequence, firstMs: times[0], medianMs: times[count >> 1], lastMs: times.at(-1) });
}

for (let index = 0; index < count; index += 1) {
  let paths = 0;
  openControlStream({
    target,
    node: index % 2 === 0 ? '10.0.0.1' : '10.0.0.2',
    service: `service-${index % 50}`,
    endpoint: { host: index % 2 === 0 ? '10.0.0.1' : '10.0.0.2', port: 10_000 + index },
    events: {
      paths(peers) {
        if (paths === 0 && peers.size > 0) ready += 1;
        paths = peers.size;
        if (ready === count) print({ event: 'following', tookMs: systemClock.nowMs() - beganMs });
      },
      hints(hints) {
        arrived(hints[0]?.sequence ?? 0);
      },
      registry() {},
      lost() {
        process.stderr.write('a sidecar has lost its stream\n');
      },
    },
    clock: systemClock,
    random: random.child(String(index)),
    logger: silentLogger,
  });
}
