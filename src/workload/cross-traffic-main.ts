import { systemClock } from '../core/index.ts';
import { receiveCrossTraffic, sendCrossTraffic } from './cross-traffic.ts';
import { crossTrafficConfigSchema } from './cross-traffic-config.ts';
import { configFileFrom, readProcessConfig } from './process-config.ts';
import { runProcess } from './process-main.ts';

await runProcess(async ({ argv, signal, emit }) => {
  const config = await readProcessConfig(configFileFrom(argv), crossTrafficConfigSchema);
  const { name, role } = config;
  const ready = () => emit({ event: 'ready', name, role });
  if (config.role === 'send') {
    ready();
    emit({ event: 'done', name, role, ...(await sendCrossTraffic(config, { clock: systemClock, signal })) });
  } else {
    emit({
      event: 'done',
      name,
      role,
      ...(await receiveCrossTraffic(config, { signal, onListening: ready })),
    });
  }
});
