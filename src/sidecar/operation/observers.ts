import type { Runtime } from '../runtime.ts';
import { type Observer, observationStages } from './observe.ts';
import { ownVersion } from './version.ts';

/** The access log and the spans of a sidecar, open. */
export interface Observers {
  /** Opens files anew: somebody has moved them away. */
  reopen(): void;
  /** Writes and sends what waits, and closes. */
  close(): Promise<void>;
}

/** Opens what is configured, and has it told of requests; the code of the rest is not loaded. @throws PriomeshError FILE_FAILED */
export async function openObservers(runtime: Runtime): Promise<Observers> {
  const { config, clock, random, logger, reporter } = runtime;
  const observers: Observer[] = [];
  const closing: (() => Promise<void>)[] = [];
  let reopen = (): void => undefined;
  if (config.accessLog !== undefined) {
    const { AccessLog } = await import('./access-log/index.ts');
    const settings = config.accessLog;
    const log = await AccessLog.open({ settings, clock, random: random.child('access-log'), logger });
    observers.push(log);
    closing.push(() => log.close());
    reopen = () => log.reopen();
    reporter.addSection('accessLog', () => ({ ...log.statistics() }));
  }
  if (config.traces !== undefined) {
    const { Traces } = await import('./traces/index.ts');
    const traces = new Traces({
      settings: config.traces,
      service: config.service,
      version: ownVersion(),
      clock,
      random: random.child('traces'),
      logger,
    });
    observers.push(traces);
    closing.push(() => traces.close());
    reporter.addSection('traces', () => ({ ...traces.statistics() }));
  }
  if (observers.length > 0) runtime.observe = (policy) => observationStages(observers, policy);
  return {
    reopen,
    close: async () => {
      for (const close of closing) await close();
    },
  };
}
