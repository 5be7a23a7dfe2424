import type { Runtime } from '../../runtime.ts';
import type { EventLoopDelay } from '../event-loop-delay.ts';
import { bounded, numbersIn } from './bounded.ts';
import type { Exposition } from './open-metrics.ts';

const US_PER_SECOND = 1e6;
const NS_PER_SECOND = 1e9;
/** Numbers of other parts that have series of their own. */
const MOST_NUMBERS = 500;
const MOST_KINDS = 64;

/** The process, and what the kernel refused. */
export function processMetrics(exposition: Exposition, { transport }: Runtime, lag: EventLoopDelay): void {
  const cpu = exposition.family({
    name: 'process_cpu_seconds',
    type: 'counter',
    unit: 'seconds',
    help: 'Time of the processor that the process has used.',
  });
  const { user, system } = process.cpuUsage();
  cpu.add({}, (user + system) / US_PER_SECOND);
  const memory = process.memoryUsage();
  const gauge = (name: string, unit: string, help: string, value: number): void =>
    exposition.family({ name, type: 'gauge', unit, help }).add({}, value);
  gauge('process_resident_memory_bytes', 'bytes', 'Resident memory.', memory.rss);
  gauge(
    'priomesh_heap_used_bytes',
    'bytes',
    'The part of the heap of JavaScript that is in use.',
    memory.heapUsed,
  );
  gauge(
    'priomesh_external_memory_bytes',
    'bytes',
    'Memory of buffers outside of that heap.',
    memory.external,
  );
  const delay = exposition.family({
    name: 'priomesh_event_loop_delay_seconds',
    type: 'gauge',
    unit: 'seconds',
    help: 'How late the event loop was since the last scrape.',
  });
  for (const [statistic, value] of [
    ['mean', lag.mean],
    ['p99', lag.percentile(99)],
    ['max', lag.max],
  ] as const) {
    delay.add({ statistic }, Number.isFinite(value) ? value / NS_PER_SECOND : 0);
  }
  lag.reset();
  const refused = exposition.family({
    name: 'priomesh_socket_options_refused',
    type: 'counter',
    help: 'Marks and other socket options that the kernel refused; the connection went on without.',
  });
  for (const [kind, count] of bounded(Object.entries(transport.refusals.counts()), MOST_KINDS)) {
    refused.add({ kind }, count);
  }
}

/** Which configuration holds, and what was refused. */
export function configurationMetrics(
  exposition: Exposition,
  version: string,
  reloads: { readonly generation: number; readonly reloads: number; readonly refused: number },
): void {
  exposition
    .family({ name: 'priomesh_build', type: 'info', help: 'What runs here.' })
    .add({ version, node: process.versions.node }, 1);
  exposition
    .family({
      name: 'priomesh_configuration_generation',
      type: 'gauge',
      help: 'The number of the configuration that holds; the first is 1.',
    })
    .add({}, reloads.generation);
  const family = exposition.family({
    name: 'priomesh_configuration_reloads',
    type: 'counter',
    help: 'New configurations that were put in place or refused.',
  });
  family.add({ result: 'applied' }, reloads.reloads);
  family.add({ result: 'refused' }, reloads.refused);
}

/** What other parts tell of themselves: links, HTTP/2, the broker, discovery, the network layer. */
export function sectionMetrics(exposition: Exposition, { reporter, propagation, table }: Runtime): void {
  const family = exposition.family({
    name: 'priomesh_section',
    type: 'unknown',
    help: 'A number that a part of the sidecar tells of itself, as it stands in the statistics.',
  });
  let left = MOST_NUMBERS;
  const add = (section: string, value: unknown): void => {
    for (const [name, number] of numbersIn(value)) {
      if (left === 0) return;
      left -= 1;
      family.add({ section, name }, number);
    }
  };
  add('propagation', propagation.counters);
  add('provenanceTable', table.counters);
  for (const [section, read] of reporter.sections) add(section, read());
}
