import type { FaultSettings, Policy, Random } from '../../../core/index.ts';
import type { Exchange, Stage, Step } from '../../exchange.ts';
import type { TrafficCounters } from '../../resilience/index.ts';
import { compileMatches, type FirstMatch } from '../match.ts';

const CODE = 'FAULT_INJECTED';

interface Fault {
  readonly settings: FaultSettings;
  readonly match: FirstMatch;
  readonly concerns: readonly boolean[];
}

/** Makes the trouble that the policy asks for, in a share of the requests. A request that waits out a delay comes back to here. */
export function injectFaults(
  faults: readonly FaultSettings[],
  policy: Policy,
  ownService: string | undefined,
  random: Random,
  counters: TrafficCounters,
): Stage {
  const compiled: readonly Fault[] = faults.map((settings) => ({
    settings,
    match: compileMatches(policy, [settings.match], ownService),
    concerns: policy.classes.map(({ name }) => settings.classes?.includes(name) ?? true),
  }));
  return {
    name: 'inject-fault',
    enter(exchange) {
      const fault = compiled.find(
        ({ settings, match, concerns }) =>
          concerns[exchange.classIndex] === true &&
          match.find(exchange.facts) === 0 &&
          random.next() * 100 < settings.percent,
      );
      if (fault === undefined) return 'next';
      const { name, delayMs, abort } = fault.settings;
      counters.count('faults', name, exchange.classIndex);
      if (delayMs === undefined) return abort === undefined ? 'next' : aborted(exchange, name, abort);
      exchange.traffic?.delay(
        delayMs,
        abort === undefined ? undefined : () => aborted(exchange, name, abort),
      );
      return 'wait';
    },
  };
}

function aborted(exchange: Exchange, name: string, abort: number | 'reset'): Step {
  exchange.side.counters.answered(CODE);
  if (abort === 'reset') {
    exchange.breakOff();
    return 'answered';
  }
  return exchange.reply({
    status: abort,
    fields: [
      ['x-priomesh-error', CODE],
      ['content-type', 'application/json'],
    ],
    body: `${JSON.stringify({ error: CODE, message: `the fault ${name} was injected` })}\n`,
  });
}
