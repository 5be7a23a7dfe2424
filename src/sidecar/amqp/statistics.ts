import type { AmqpContext } from './context.ts';
import type { MessageCounters } from './counters.ts';

const US_PER_MS = 1000;

function classNumbers({ brokerWaitUs, ...numbers }: MessageCounters): Readonly<Record<string, unknown>> {
  return {
    ...numbers,
    brokerWaitMs: {
      count: brokerWaitUs.count,
      p50: brokerWaitUs.quantile(0.5) / US_PER_MS,
      p99: brokerWaitUs.quantile(0.99) / US_PER_MS,
      max: brokerWaitUs.max / US_PER_MS,
    },
  };
}

/** What the proxy has counted, as a value that JSON can hold. */
export function amqpStatistics(
  { counters, policy, layerOn }: AmqpContext,
  now: { readonly connections: number; readonly channels: number; readonly heldBytes: number },
  consumers: readonly Readonly<Record<string, unknown>>[],
): Readonly<Record<string, unknown>> {
  const { classes, publishReasons, deliverReasons, faults, ...numbers } = counters;
  return {
    layerOn,
    ...now,
    ...numbers,
    classes: Object.fromEntries(
      policy.classes.map(({ name }, index) => [name, classNumbers(classes[index] as MessageCounters)]),
    ),
    reasons: {
      publish: Object.fromEntries(publishReasons),
      deliver: Object.fromEntries(deliverReasons),
    },
    faults: Object.fromEntries(faults),
    prefetch: consumers,
  };
}
