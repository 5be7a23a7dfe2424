import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { seededRandom, systemClock } from '../core/index.ts';
import { startApplication } from './application.ts';
import { applicationConfigSchema } from './application-config.ts';
import { configFileFrom, readProcessConfig } from './process-config.ts';
import { runProcess } from './process-main.ts';

const STOP_GRACE_MS = 500;
/** Largest seed of core's random source, plus one. */
const SEED_BOUND = 2 ** 32;

await runProcess(async ({ argv, signal, emit }) => {
  const config = await readProcessConfig(configFileFrom(argv), applicationConfigSchema);
  const application = await startApplication(config, {
    clock: systemClock,
    random: seededRandom(randomInt(SEED_BOUND)),
    onRefused: (what) => process.stderr.write(`${what}\n`),
  });
  const report = () => emit({ event: 'statistics', service: config.service, ...application.statistics() });
  const timer =
    config.statisticsIntervalMs > 0 ? setInterval(report, config.statisticsIntervalMs) : undefined;
  emit({ event: 'ready', service: config.service, port: application.port });
  if (!signal.aborted) await once(signal, 'abort');
  clearInterval(timer);
  await application.stop(STOP_GRACE_MS);
  report();
});
